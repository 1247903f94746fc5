"""`queuectl enqueue --from`: many jobs from a file, all of them or none.

Everything is read and checked before the store is asked for anything. What was read waits in a nameless
file in the home, so that a million lines take no more memory than a thousand.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from io import FileIO
from tempfile import TemporaryFile
from typing import Any

from queuectl_core.cli import context, output
from queuectl_core.cli.attendance import note_if_nobody_works
from queuectl_core.cli.findings import counted
from queuectl_core.cli.given_lines import given_lines, name_of
from queuectl_core.model.errors import InvalidInput, QueueError, StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.model.parsing import parse_job
from queuectl_core.model.validation import check_command
from queuectl_core.store.home import Home, cannot_use, prepare_home
from queuectl_core.store.transactions.arrivals import JobRow, enqueue_rows, numbers_in, row_of, working_directory

BATCH = 1000
"""How many jobs are in memory at a time."""

LONGEST_LINE = 64 * 2**20
"""Bytes of a line at most: a command takes no such number, and a file that has no lines would fill the memory."""

LENGTH_BYTES = 8
"""How the length of a batch is written before it."""

_BOM = b"\xef\xbb\xbf"

Reader = Callable[[str], JobRow]
"""The text of a line -> its row, or InvalidInput."""


def enqueue_file(path: str, *, lines: bool, fields: dict[str, Any]) -> None:
    """Store the jobs in a file (`-`: stdin) and print their ids, one a line.

    With `lines` each line is a command for the shell and `fields` go for all; else each is a job as JSON.
    Raises InvalidInput or IdTaken, naming the line; nothing is stored then.
    """
    reader = _commands(fields) if lines else _json_jobs(fields)
    home = context.home()
    prepare_home(home)
    reading = given_lines(path, "reading", "nothing was stored", LONGEST_LINE, LONGEST_LINE)
    with reading as given, _room(home) as room:
        spool = Spool(room)
        spool.fill(given, reader, home)
        if not spool.jobs:
            output.note(f"{name_of(path)} holds no jobs")
            return
        with context.open_store() as store:
            stretches = store.run(enqueue_rows(spool.batches, spool.place))
            numbers = numbers_in(stretches)
            try:
                for batch in spool.batches():
                    # The batch first: else a number would be taken for a row that is not there.
                    ids = (number if row[0] is None else row[0] for row, number in zip(batch, numbers, strict=False))
                    output.values(ids)
                output.flush()
            except QueueError as error:
                raise QueueError(error.wrong, f"stored all the same: {counted(spool.jobs, 'job')}") from None
            note_if_nobody_works(store)


def _room(home: Home) -> FileIO:
    """A nameless file in the home. Unbuffered: what found no room would be written, and fail, once more at its end."""
    try:
        return TemporaryFile(dir=home.path, buffering=0)
    except OSError as error:
        raise _no_room(home, error) from error


def _no_room(home: Home, error: OSError) -> StoreError:
    """The error names the home alone, since the file has no name that tells anything."""
    found = cannot_use(home.path, OSError(error.errno, error.strerror))
    return type(found)(found.wrong, f"{found.hint}; nothing was stored")


class Spool:
    """Checked rows in a file, in batches, each with the numbers of the lines they came from."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.jobs = 0

    def fill(self, lines: Iterable[bytes], read: Reader, home: Home) -> None:
        """Check every line that is not blank, and keep its row. Raises InvalidInput, naming the line."""
        numbers: list[int] = []
        rows: list[tuple[Any, ...]] = []
        for number, line in enumerate(lines, 1):
            text = _text(line, number)
            if not text or text.isspace():
                continue
            try:
                rows.append(tuple(read(text)))
            except InvalidInput as error:
                wrong = error.wrong.replace("(line 1, column", "(column")  # of the JSON in this one line
                raise InvalidInput(f"line {number}: {wrong}", error.hint) from None
            numbers.append(number)
            if len(rows) == BATCH:
                self._keep(numbers, rows, home)
                numbers, rows = [], []
        if rows:
            self._keep(numbers, rows, home)

    def _keep(self, numbers: list[int], rows: list[tuple[Any, ...]], home: Home) -> None:
        self.jobs += len(rows)
        try:
            part = marshal.dumps((numbers, rows))
            rest = memoryview(len(part).to_bytes(LENGTH_BYTES) + part)
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _no_room(home, error) from error

    def batches(self) -> Iterator[list[JobRow]]:
        """All rows, from the first."""
        for _, rows in self._parts():
            yield rows

    def place(self, index: int) -> str:
        """Where the job of that index (from 0) stood in the file."""
        for at, (numbers, _) in enumerate(self._parts()):
            if at == index // BATCH:
                return f"line {numbers[index % BATCH]}"
        raise IndexError(index)

    def _parts(self) -> Iterator[tuple[list[int], list[JobRow]]]:
        self._file.seek(0)
        while length := int.from_bytes(self._file.read(LENGTH_BYTES)):
            # Not `marshal.load`, which asks the file for a few bytes at a time, twenty times as slowly.
            yield marshal.loads(self._file.read(length))


def _commands(fields: dict[str, Any]) -> Reader:
    """Reads a line as a command; all else of its row is the same for all."""
    if "id" in fields:
        raise InvalidInput("id can name one job alone", "leave --id out")
    template = row_of(NewJob("", **fields), working_directory)
    rest = template[3:]

    def read(text: str) -> JobRow:
        check_command(text)
        return (None, text, 0, *rest)  # type: ignore[return-value]  # a plain tuple: a million are made

    return read


def _json_jobs(fields: dict[str, Any]) -> Reader:
    if fields:
        raise InvalidInput("jobs as JSON take no options", "put them into the JSON, or add --lines")
    now, here = datetime.now(UTC), cache(working_directory)
    return lambda text: row_of(parse_job(text, now), here)


def _text(line: bytes, number: int) -> str:
    """A line without its end, and the first without a byte order mark."""
    try:
        text = (line.removeprefix(_BOM) if number == 1 else line).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"line {number}: byte {error.start + 1} is not valid UTF-8") from None
    return text.rstrip("\r\n")
