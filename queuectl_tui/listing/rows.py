"""What the table of jobs is given to draw: a stretch of rows, and the marks. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from queuectl_core.model.job import Job


class Stretch(NamedTuple):
    """Rows that follow each other in the list: `jobs[0]` is row `first` of `total`.

    `exact` is False where rows before `first` may have come or gone since they were counted.
    """

    first: int = 0
    jobs: Sequence[Job] = ()
    total: int = 0
    exact: bool = True

    @property
    def end(self) -> int:
        """The row after the last one held."""
        return self.first + len(self.jobs)

    def at(self, row: int) -> Job | None:
        """The job in a row, None where it is not held."""
        return self.jobs[row - self.first] if self.first <= row < self.end else None

    def covers(self, start: int, end: int) -> bool:
        """Whether all rows from `start` up to `end`, as far as the list has them, are held."""
        return self.first <= max(0, start) and min(end, self.total) <= self.end

    def row_of(self, number: int) -> int | None:
        """The row of the job with this number, None where it is not held."""
        return next((row for row, job in enumerate(self.jobs, self.first) if job.number == number), None)


class Range(NamedTuple):
    """A range that is being marked: the row it began in, and what was marked before."""

    row: int
    before: frozenset[int]


class Marks:
    """Which jobs are marked: some, by number; or all that match, those up to `until`, but for some."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self.everything = False
        self.until = 0

    def __contains__(self, number: int) -> bool:
        return (number in self._numbers) is not (self.everything and number <= self.until)

    def __bool__(self) -> bool:
        return self.everything or bool(self._numbers)

    def __iter__(self) -> Iterator[int]:
        """The numbers that were named: the marked ones, or, where everything is marked, those left out."""
        return iter(sorted(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)

    def toggle(self, number: int) -> None:
        """Mark a job, or unmark it."""
        self._numbers ^= {number}

    def add(self, numbers: Sequence[int]) -> None:
        """Mark these."""
        if self.everything:
            self._numbers.difference_update(numbers)
        else:
            self._numbers.update(numbers)

    def named(self) -> frozenset[int]:
        """The numbers that were named, as they are now."""
        return frozenset(self._numbers)

    def name(self, numbers: Iterable[int]) -> None:
        """Have these named, and no others."""
        self._numbers = set(numbers)

    def mark_all(self, until: int) -> None:
        """Mark all that match and have a number up to `until`."""
        self._numbers.clear()
        self.everything, self.until = True, until

    def clear(self) -> None:
        """Mark none."""
        self._numbers.clear()
        self.everything = False
