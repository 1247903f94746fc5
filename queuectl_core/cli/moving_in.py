"""`queuectl import`: from the lines of a file into a store, batch by batch, and on from where it was left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

from queuectl_core.cli import context, output
from queuectl_core.cli.findings import counted
from queuectl_core.cli.given_lines import given_lines
from queuectl_core.cli.moved_lines import (
    Header,
    damaged,
    parse_line,
    read_footer,
    read_header,
    read_job,
    read_queue,
    read_setting,
)
from queuectl_core.cli.moved_tally import Contents, Tally, job_line
from queuectl_core.cli.moving import someone_works
from queuectl_core.cli.verifying import verify
from queuectl_core.model.errors import InvalidInput, Refused
from queuectl_core.model.moved import MovedJob, settled, shortened
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.moving import BYTES_AT_ONCE, JOBS_AT_ONCE, RUNS_AT_ONCE
from queuectl_core.store.transactions.moving_in import (
    Mark,
    begin_import,
    bring,
    discard_some,
    finish_import,
    unfinished,
)

LONGEST_HEADER = 16 << 20
"""Bytes of the first line: what has none as short is no export, and is not read on."""

AGAIN = "import it again to go on, or give up with 'queuectl import --discard'"
OTHERWISE = "import that one again to go on, or give up with 'queuectl import --discard'"


class Batch(NamedTuple):
    """Jobs that are brought together, and how far the file was read with them: lines, and the digest over them."""

    jobs: list[MovedJob]
    lines: int
    digest: str


class Incoming:
    """A file as it comes in. What stands before the jobs is read at once, the jobs by `batches`."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = enumerate(lines, 1)
        self.tally = Tally()
        self.settings: dict[str, str] = {}
        self.paused: list[str] = []
        self.expected = Contents()
        """What the store should hold in the end: what ran is given back, and output is no longer than it keeps."""
        self._bytes = 0
        self._begun = False
        self.header = self._header()
        self._next = self._small_ones()

    def _header(self) -> Header:
        _, line = next(self._lines, (1, b""))
        header = read_header(line)
        self.tally.line(line)
        return header

    def _read(self) -> tuple[int, str, object]:
        """The next line: its number, what it is, its value. Raises InvalidInput where the file ends too early."""
        number, line = next(self._lines, (0, b""))
        self._bytes += len(line)
        try:
            kind, value = parse_line(line, number)
        except InvalidInput:
            if line.endswith(b"\n"):
                raise
            where = f"in line {number}" if line else "its footer is missing"
            hint = AGAIN if self._begun else "import it"  # and where nothing was begun, there is nothing to give up
            raise InvalidInput(f"the file was cut short: {where}", f"get all of it, and {hint}") from None
        if kind not in ("setting", "paused", "job", "footer"):
            damaged(number, "it is of no known kind")
        if kind != "footer":
            self.tally.line(line)
        return number, kind, value

    def _small_ones(self) -> tuple[int, str, object]:
        """Read settings and paused queues; the first line after them."""
        while True:
            number, kind, value = self._read()
            if kind == "setting":
                key, text = read_setting(value, number)
                self.settings[key] = text
                self.tally.settings += 1
            elif kind == "paused":
                self.paused.append(read_queue(value, number))
                self.tally.paused += 1
            else:
                for contents in (self.tally.contents, self.expected):
                    contents.begin(self.settings, self.paused)
                return number, kind, value

    def batches(self, done: int, tail_bytes: int) -> Iterator[Batch]:
        """The jobs, in batches; one of them ends with line `done`. The last comes once the footer was found true.

        The import must be begun, into a store that keeps `tail_bytes` of the output of each run.
        """
        self._begun = True
        jobs: list[MovedJob] = []
        runs = above = 0
        number, kind, value = self._next
        before = 0
        while kind == "job":
            moved = read_job(value, number, self.header.last_number)
            if moved.job.number <= above:
                damaged(number, "the jobs are not in the order of their numbers")
            above = moved.job.number
            jobs.append(self._arriving(moved, tail_bytes))
            runs += len(moved.history)
            if _are_enough(len(jobs), runs, self._bytes - before) or number == done:
                yield Batch(jobs, number, self.tally.digest)
                jobs, runs, before = [], 0, self._bytes
            number, kind, value = self._read()
        if kind != "footer":
            damaged(number, f"a {kind} stands after the jobs")
        read_footer(value, number, self.tally)
        if next(self._lines, None) is not None:
            damaged(number + 1, "it follows the footer")
        if jobs:
            yield Batch(jobs, number - 1, self.tally.digest)

    def _arriving(self, moved: MovedJob, tail_bytes: int) -> MovedJob:
        """The job as it is stored. It is counted here, as it stands in the file and as it is stored."""
        self.tally.job(moved)
        whole = settled(moved, self.header.exported_at)
        line = job_line(whole)
        self.tally.contents.job(whole, line)
        kept = shortened(whole, tail_bytes)
        self.expected.job(kept, line if kept is whole else job_line(kept))
        return kept


def _are_enough(jobs: int, runs: int, size: int) -> bool:
    return jobs >= JOBS_AT_ONCE or runs >= RUNS_AT_ONCE or size >= BYTES_AT_ONCE


def import_file(path: str) -> None:
    """Bring the queue in the file at `path` into the store. Raises InvalidInput, Refused or QueueError."""
    with ExitStack() as opened:
        with given_lines(path, "importing", "import it again once it can be read", LONGEST_HEADER) as lines:
            incoming = Incoming(lines)
            store = opened.enter_context(context.open_store())
            _refuse_workers(store)
            mark = _bring_all(store, incoming)
        verify(store, mark.last, incoming.expected, incoming.settings, incoming.paused)
        _refuse_workers(store)
        store.run(finish_import(mark, incoming.settings, incoming.paused))
    output.data(f"imported {counted(incoming.tally.jobs, 'job')} with {counted(incoming.tally.runs, 'run')}")
    output.note("verified: all of it was read back, and has the counts and the checksum of what was exported")
    output.note("their log files were not moved: they stay in the home that they came from")


def _bring_all(store: Store, incoming: Incoming) -> Mark:
    """Bring every batch that is not there yet; returns how far that is."""
    begun = store.run(unfinished())
    header = incoming.header
    if begun is None:
        begun = store.run(begin_import(header.last_number, incoming.settings, incoming.paused))
    elif begun.last != header.last_number:
        raise _other_file()
    mark = begun
    for batch in incoming.batches(begun.lines, store.tail_bytes):
        if batch.lines <= begun.lines:
            if batch.lines == begun.lines and batch.digest != begun.digest:
                raise _other_file()
            continue
        _refuse_workers(store)
        before, mark = mark, mark._replace(lines=batch.lines, digest=batch.digest)
        store.run(bring(before, mark, batch.jobs))
    if incoming.tally.digest != mark.digest and mark.lines:
        raise _other_file()
    return mark


def _other_file() -> Refused:
    return Refused("the unfinished import into this store is that of another file", OTHERWISE)


def _refuse_workers(store: Store) -> None:
    if someone_works(store):
        raise Refused("workers are alive", "stop them with 'queuectl worker stop', and import the file again")


def discard_import(*, yes: bool) -> None:
    """Remove what an unfinished import has brought. Raises Refused where there is none."""
    with context.open_store() as store:
        mark = store.run(unfinished())
        if mark is None:
            raise Refused("no import into this store is unfinished", "ended jobs are removed with 'queuectl purge'")
        _refuse_workers(store)
        if not output.confirm("Remove all that the unfinished import has brought?", yes=yes):
            return
        removed = 0
        with output.progress("discarding", None) as advance:
            while n := store.run(discard_some(mark)):
                removed += n
                advance(n)
        output.data(f"discarded {counted(removed, 'job')}")
