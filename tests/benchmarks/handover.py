"""From the last act of a command to the first act of the next, with one worker and a queue that is never empty.

Each command writes a letter into a FIFO when it begins and one just before it ends. The other side is `xargs`, which
does nothing in between but collect the one and start the other.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from queuectl_core.store.home import Home
from tests.benchmarks.fifo import Fifo
from tests.benchmarks.ground import PATIENCE, enqueue_many, new_home, program, start
from tests.benchmarks.measuring import Goal, Measure, Pairs, percentile, quartiles
from tests.benchmarks.options import Options

ROUNDS = 2
WARM_UP = 20
"""Commands at the start that are not measured: the worker learns how long they take, and what it may claim at once."""

GOAL = Goal(2, of_ours=True, want=1)


class Kind(NamedTuple):
    """Commands of one length: how they are called, what they do between their first and their last act, how many."""

    name: str
    act: str
    jobs: int


KINDS = (Kind("short jobs", ":", 320), Kind("jobs of 30 ms", "sleep 0.03", 70))
"""A worker claims short jobs several at a time. Longer ones are claimed one by one, while the one before runs."""


def measure(_: Options) -> Iterator[Measure]:
    """Milliseconds, at the median and near the worst; the spread is that of the rounds."""
    for kind in KINDS:
        rounds = [_round(kind) for _ in range(ROUNDS)]
        for percent, goal in ((50, GOAL), (95, None)):
            ours, other = (percentile([pause for pairs in rounds for pause in pairs[side]], percent) for side in (0, 1))
            spread = quartiles([percentile(pairs.ours, percent) for pairs in rounds])
            what = f"command ended to next begun, {kind.name}, p{percent} | xargs -P1"
            yield Measure(what, "ms", ours, other, spread, goal)


def _round(kind: Kind) -> Pairs:
    with new_home() as home, Fifo(f"{home.path}-fifo") as fifo:
        command = f"{fifo.says('b')}; {kind.act}; {fifo.says('e')}"
        enqueue_many(home, command, kind.jobs)
        return Pairs(_pauses(_drain(home), fifo, kind.jobs), _pauses(_xargs(command, kind.jobs), fifo, kind.jobs))


def _drain(home: Home) -> list[str]:
    return program(home, "worker", "start", "--count", "1", "--drain")


def _xargs(command: str, jobs: int) -> list[str]:
    return ["sh", "-c", f"yes {shlex.quote(command)} | head -n {jobs} | xargs -P1 -n1 -d '\\n' sh -c"]


def _pauses(runner: Sequence[str], fifo: Fifo, jobs: int) -> list[float]:
    """The milliseconds between commands while this program runs so many of them."""
    process = start(runner)
    try:
        said = [fifo.hear() for _ in range(2 * jobs)]
    finally:
        process.wait(PATIENCE)
    between = [1000 * (two.at - one.at) for one, two in pairwise(said) if (one.letter, two.letter) == ("e", "b")]
    if len(between) != jobs - 1:
        raise RuntimeError("the commands did not run one after the other")
    return between[WARM_UP:]
