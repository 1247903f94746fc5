"""The storm of the tests for as long as one likes, over many jobs: `python -m tests.crash.soak --minutes 30`.

Ctrl+C ends the storm early; then, too, every job is run to its end and everything is checked. Exits 1 on any complaint.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from queuectl_core.store.transactions.settings import set_setting
from tests.crash.blows import Gale, any_job, drawn
from tests.crash.ledger import Word
from tests.crash.storm import Storm

AT_ONCE = 2000
"""How many jobs are enqueued in one transaction."""

PROGRESS_SECONDS = 10.0
BACKOFF = 1.0
FEWEST_UNFINISHED = 200
MOST_WORK = 6000
"""Bytes by which the ledger may grow between two blows: more than in the tests, so that the jobs get on."""

DRAIN_SECONDS = 3600.0


class Interrupt:
    """Whether Ctrl+C was pressed; pressed again, it ends the program as usual."""

    def __init__(self) -> None:
        self.came = False
        signal.signal(signal.SIGINT, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def soak(folder: Path, seconds: float, jobs: int, seed: int) -> list[str]:
    """Let the storm rage for so long, drain, print what came of it; what is wrong."""
    began = time.monotonic()
    rng = random.Random(seed)
    storm = Storm(folder)
    try:
        storm.store.run(set_setting("backoff_max", str(BACKOFF)))
        for first in range(0, jobs, AT_ONCE):
            storm.put_all([any_job(storm.ledger, rng) for _ in range(min(AT_ONCE, jobs - first))])
        wrong = rage(storm, rng, began, seconds)
        print(f"{elapsed(began)}  {storm.unfinished():,} jobs are left to run", flush=True)
        storm.drain(4, DRAIN_SECONDS)
        wrong += storm.wrong()
        print_table(storm, wrong, time.monotonic() - began)
        return wrong
    finally:
        storm.close()


def rage(storm: Storm, rng: random.Random, began: float, seconds: float) -> list[str]:
    """Deal blows until time is up or Ctrl+C is pressed; what kept the storm from going on."""
    interrupt = Interrupt()
    # Apart from the jobs, of which there are as many as time allows: a seed draws the same blows again.
    fates = random.Random(rng.random())
    gale = Gale(storm, rng, FEWEST_UNFINISHED)
    shown = time.monotonic()
    try:
        while True:
            for blow in drawn(fates, MOST_WORK):
                if interrupt.came or time.monotonic() - began > seconds:
                    return []
                gale.deal(blow)
                if time.monotonic() - shown > PROGRESS_SECONDS:
                    shown = time.monotonic()
                    print_progress(storm, began)
    except AssertionError as error:
        return [f"the storm could not go on: {error}"]
    finally:
        gale.calm()


def print_progress(storm: Storm, began: float) -> None:
    """One line: the time, jobs ended, blows so far, the size of the log."""
    ended = len(storm.acknowledged) - storm.unfinished()
    blows = ", ".join(f"{kind} {times}" for kind, times in sorted(storm.struck.items()))
    print(f"{elapsed(began)}  {ended:,} jobs ended; {blows}; log {storm.longest_log / 2**20:.1f} MiB", flush=True)


def print_table(storm: Storm, wrong: list[str], seconds: float) -> None:
    """What came of it all."""
    starts = sum(line.word is Word.START for line in storm.ledger.lines())
    lost = sum(" is there 0 times" in text for text in wrong)
    rows = {
        "jobs": f"{len(storm.acknowledged):,}",
        "runs": f"{starts:,}",
        **{kind: f"{times:,}" for kind, times in sorted(storm.struck.items())},
        "jobs lost": f"{lost:,}",
        "longest log": f"{storm.longest_log / 2**20:.1f} MiB",
        "seconds": f"{seconds:,.0f}",
        "complaints": f"{len(wrong):,}",
    }
    for name, value in rows.items():
        print(f"{name:28}{value:>12}")
    for text in wrong[:50]:
        print(text)


def elapsed(began: float) -> str:
    """How long it has taken so far."""
    seconds = int(time.monotonic() - began)
    return f"{seconds // 60:3}:{seconds % 60:02}"


def main() -> int:
    """Soak in a folder of its own, which is kept where something is wrong; 1 then, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # So that none of the storm's processes is left.
    folder = Path(tempfile.mkdtemp(prefix="queuectl-soak-"))
    print(f"seed {chosen.seed}, in {folder}", flush=True)
    wrong = soak(folder, chosen.minutes * 60, chosen.jobs, chosen.seed)
    if wrong:
        print(f"kept: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
