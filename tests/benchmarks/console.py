"""The console on a large store: how soon it shows the first row, how soon a key is answered, what it costs to stay."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from queuectl_core.store.home import Home
from tests.benchmarks.filling import fill
from tests.benchmarks.ground import ENVIRONMENT, new_home, processor_seconds, start
from tests.benchmarks.measuring import Goal, Measure, compared, interleave, percentile, quartiles
from tests.benchmarks.options import Options
from tests.benchmarks.terminal import Terminal

STARTS = 9
KEYS = 200
PAGES = 60
IDLE_SECONDS = 8.0
RATE = 500
_BARE = """
import os
os.environ['TEXTUAL_FPS'] = '120'
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static('one widget')
Bare().run()
"""


def console(home: Home) -> Terminal:
    """The console on a home."""
    script = Path(sys.executable).parent / "queuectl-tui"
    return Terminal([str(script), "--home", home.path], {**ENVIRONMENT, "XDG_CONFIG_HOME": f"{home.path}/config"})


def measure(options: Options) -> Iterator[Measure]:
    """Starts, keys, processor and memory, on a store of many jobs."""
    with new_home() as home:
        fill(home, options.many)
        newest = options.many
        yield compared(
            f"console start to first row, {options.many} jobs | bare Textual app",
            "ms",
            interleave(lambda: _start(home, newest), _bare, STARTS, warm_up=1).scaled(1000),
            Goal(1.5),
        )
        with console(home) as terminal:
            terminal.drawn(str(newest))
            terminal.rest(1.5)
            yield _latency("key to painted row, p95", _keys(terminal, newest), Goal(16, of_ours=True))
            yield _latency("page to painted row, p95", _pages(terminal, newest), Goal(45, of_ours=True))
            terminal.press("g")
            terminal.rest(2)
            process = psutil.Process(terminal.pid)
            share = _share(process, terminal, IDLE_SECONDS)
            yield Measure("console idle: processor", "%", share, None, (share, share), Goal(0.5))
            with finishing(home, RATE) as feeder:
                terminal.rest(2)
                share = _share(process, terminal, IDLE_SECONDS)
                if feeder.poll() is not None:
                    raise RuntimeError("the jobs have not gone on")
            yield Measure(f"console, {RATE} jobs/s come and end: processor", "%", share, None, (share, share), Goal(6))
            resident = process.memory_info().rss / 1e6
            yield Measure("console: resident memory", "MB", resident, None, (resident, resident), Goal(80))


@contextmanager
def finishing(home: Home, rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """Jobs that arrive and finish at a rate, until the context is left."""
    feeder = start([sys.executable, "-m", "tests.benchmarks.finishing", home.path, str(rate)])
    try:
        yield feeder
    finally:
        feeder.kill()
        feeder.wait()


def _start(home: Home, newest: int) -> float:
    with console(home) as terminal:
        return terminal.drawn(f"{newest}") - terminal.began


def _bare() -> float:
    with Terminal([sys.executable, "-c", _BARE], ENVIRONMENT) as terminal:
        return terminal.drawn("one widget") - terminal.began


def _keys(terminal: Terminal, newest: int) -> list[float]:
    times = []
    for row in range(1, KEYS + 1):
        pressed = terminal.press("j")
        times.append(terminal.drawn(str(newest - row)) - pressed)
        time.sleep(0.02)
    return times


def _pages(terminal: Terminal, newest: int) -> list[float]:
    page = 48 - 4 - 1
    first = KEYS
    times = []
    for n in range(1, PAGES + 1):
        pressed = terminal.press("\x1b[6~")
        times.append(terminal.drawn(str(newest - first - n * page)) - pressed)
        time.sleep(0.05)
    return times


def _latency(what: str, seconds: Sequence[float], goal: Goal) -> Measure:
    milliseconds = [1000 * value for value in seconds]
    high, middle = percentile(milliseconds, 95), statistics.median(milliseconds)
    return Measure(what, "ms", high, middle, quartiles(milliseconds), goal)


def _share(process: psutil.Process, terminal: Terminal, seconds: float) -> float:
    before, began = processor_seconds([process]), time.perf_counter()
    terminal.rest(seconds)
    after, ended = processor_seconds([process]), time.perf_counter()
    return 100 * (after - before) / (ended - began)
