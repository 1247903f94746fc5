"""The log view of the console: keys while output pours into the log that is followed, and a long log opened."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from queuectl_core.execution.logs import make_log
from queuectl_core.model.job import Job, NewJob, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, Report, take_turn
from tests.benchmarks.console import console
from tests.benchmarks.ground import new_home, start
from tests.benchmarks.measuring import Goal, Measure, percentile, quartiles
from tests.benchmarks.options import Options
from tests.benchmarks.pouring import LINE_BYTES, lines
from tests.benchmarks.terminal import Terminal

RATE = 20_000
"""Lines a second that pour in."""

PRESSES = 400
PAUSE = 0.05
"""Seconds from an effect to the next key."""

OPENINGS = 7
LONG_LINES = 100_000_000 // LINE_BYTES
SETTLED = 2.0
"""Seconds after which what an opening has begun is over."""

_WRITTEN_AT_ONCE = 10_000
_NUMBER = re.compile(rb"\[ *(\d+)\] cc ")
_LONGEST_NUMBER = 16
_QUEUE, _TOKEN = "bench", "token"


def measure(options: Options) -> Iterator[Measure]:
    """A log that is written while it is followed, then one that is long."""
    yield from _following()
    yield from _opening()


# ---------------------------------------------------------------- following


class Watch:
    """How far behind what was written the last line on the screen is, at most, in seconds."""

    def __init__(self, path: str) -> None:
        self.behind = 0.0
        self._path = path
        self._shown = 0
        self._rest = b""

    def look(self, drawn: bytes) -> None:
        """Take in what was drawn. Up to this moment the last line in sight was the one before."""
        drawn = self._rest + drawn
        if self._shown:
            written = os.stat(self._path).st_size // LINE_BYTES
            self.behind = max(self.behind, (written - self._shown) / RATE)
        self._shown = max(self._shown, *map(int, _NUMBER.findall(drawn)), 0)
        self._rest = drawn[-_LONGEST_NUMBER:]


def _following() -> Iterator[Measure]:
    with new_home() as home:
        path = _log_of(home, _running(home))
        with pouring(path) as writer, console(home) as terminal:
            terminal.drawn("processing")
            terminal.rest(1)
            terminal.press("l")
            terminal.drawn("following")
            terminal.rest(SETTLED)
            watch, process = Watch(path), psutil.Process(terminal.pid)
            terminal.watch = watch.look
            before = process.memory_info().rss
            keys = [seconds for _ in range(PRESSES // 2) for seconds in _wrapped_and_not(terminal)]
            grown = process.memory_info().rss - before
            if writer.poll() is not None:
                raise RuntimeError("the output has not gone on")
    what = f"log followed, {RATE} lines/s"
    yield from _latencies(f"{what}: key to effect", keys, Goal(16, of_ours=True), Goal(50, of_ours=True))
    yield _single(f"{what}: line written to shown, max", "ms", 1000 * watch.behind, 500)
    yield _single(f"{what}: memory grown by", "MB", grown / 1e6, 3)


def _wrapped_and_not(terminal: Terminal) -> Iterator[float]:
    """Long lines wrapped, and cut again; the word in the heading tells. Where it ends, a sequence begins."""
    for effect in ("wrapped", "following\x1b"):
        pressed = terminal.press("w")
        yield terminal.drawn(effect) - pressed
        terminal.rest(PAUSE)


@contextmanager
def pouring(path: str) -> Iterator[subprocess.Popen[bytes]]:
    """Lines that are written into a log at a rate, until the context is left."""
    writer = start([sys.executable, "-m", "tests.benchmarks.pouring", path, str(RATE)])
    try:
        yield writer
    finally:
        writer.kill()
        writer.wait()


# ---------------------------------------------------------------- opening


def _opening() -> Iterator[Measure]:
    first, last = "[        1]", f"[{LONG_LINES:>9}]"
    with new_home() as home:
        job = _running(home)
        with open(_log_of(home, job), "ab") as log:
            for start_at in range(1, LONG_LINES + 1, _WRITTEN_AT_ONCE):
                log.write(lines(start_at, min(_WRITTEN_AT_ONCE, LONG_LINES + 1 - start_at)))
        _end(home, job)
        opened = [_opened(home, last) for _ in range(OPENINGS)]
        yield from _latencies("log of 100 MB: key to its last line", opened, Goal(200, of_ours=True))
        with console(home) as terminal:
            terminal.drawn("completed")
            terminal.rest(1)
            process = psutil.Process(terminal.pid)
            before = process.memory_info().rss
            _pressed(terminal, "l", last)
            times = {"g": list[float](), "G": list[float]()}
            for _ in range(OPENINGS * 4):
                for key, line in (("g", first), ("G", last)):
                    terminal.rest(PAUSE)
                    times[key].append(_pressed(terminal, key, line))
            terminal.rest(SETTLED)
            grown = process.memory_info().rss - before
        for key, seconds in times.items():
            yield from _latencies(f"log of 100 MB: key to effect, {key}", seconds, Goal(16, of_ours=True))
        yield _single("log of 100 MB: memory grown by", "MB", grown / 1e6, 10)


def _opened(home: Home, last: str) -> float:
    with console(home) as terminal:
        terminal.drawn("completed")
        terminal.rest(1)
        return _pressed(terminal, "l", last)


def _pressed(terminal: Terminal, key: str, effect: str) -> float:
    pressed = terminal.press(key)
    return terminal.drawn(effect) - pressed


# ---------------------------------------------------------------- jobs and figures


def _running(home: Home) -> Job:
    """A job that a worker has claimed."""
    with SqliteStore(home) as store:
        store.run(enqueue(NewJob("make all", queue=_QUEUE)))
        job = store.run(take_turn(None, Ask("bench-1", _TOKEN, (_QUEUE,)))).job
    if job is None:
        raise RuntimeError("the job that was put in is not handed out")
    return job


def _log_of(home: Home, job: Job) -> str:
    """The log of a job's run, begun."""
    os.close(make_log(home, job.number, job.runs))
    return home.log(job.number, job.runs)


def _end(home: Home, job: Job) -> None:
    result = Result(Outcome.COMPLETED, 0, output_bytes=LONG_LINES * LINE_BYTES)
    with SqliteStore(home) as store:
        store.run(take_turn(Report(job.number, _TOKEN, result, Settings.from_texts({}), 0.0), None))


def _latencies(what: str, seconds: Sequence[float], high: Goal, highest: Goal | None = None) -> Iterator[Measure]:
    """The 95th percentile beside the median; the longest beside it too, where there is a goal for it."""
    times = [1000 * value for value in seconds]
    middle, spread = statistics.median(times), quartiles(times)
    yield Measure(f"{what}, p95 | p50", "ms", percentile(times, 95), middle, spread, high)
    if highest is not None:
        yield Measure(f"{what}, max | p50", "ms", max(times), middle, spread, highest)


def _single(what: str, unit: str, value: float, most: float) -> Measure:
    return Measure(what, unit, value, None, (value, value), Goal(most, of_ours=True))
