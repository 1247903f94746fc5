"""Many lines enqueued from a file, against a bare `executemany` of the same rows; and the memory it takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks.bare_insert import command_of
from tests.benchmarks.ground import new_home, program, spend, weigh
from tests.benchmarks.measuring import Goal, Measure, Pairs, compared, interleave
from tests.benchmarks.options import Options

REPETITIONS = 2
MEGABYTE = 1e6
GOAL = Goal(0.4, at_least=True, want=0.7)


def measure(options: Options) -> Iterator[Measure]:
    """Rows a second; then the peak of memory, of all lines against a tenth of them."""
    n = options.many
    peaks: list[float] = []

    def ours() -> float:
        seconds, peak = _enqueue(n)
        peaks.append(peak / MEGABYTE)
        return seconds

    pairs = interleave(ours, lambda: _insert_bare(n), REPETITIONS)
    yield compared(
        f"enqueue {n} lines | bare executemany", "rows/s", pairs.rates(n), Goal(0.4, at_least=True, want=0.7)
    )
    tenth = [_enqueue(n // 10)[1] / MEGABYTE for _ in range(REPETITIONS)]
    yield compared(f"peak memory, {n} lines | {n // 10} lines", "MB", Pairs(peaks, tenth), Goal(1.1))


def _enqueue(n: int) -> tuple[float, int]:
    with new_home() as home:
        spend(program(home, "init"))
        path = f"{home.path}/lines"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{command_of(i)}\n" for i in range(n))
        return weigh(program(home, "enqueue", "--lines", "--from", path))


def _insert_bare(n: int) -> float:
    with new_home() as home:
        spend(program(home, "init"))
        return spend([sys.executable, "-m", "tests.benchmarks.bare_insert", home.database, str(n)])
