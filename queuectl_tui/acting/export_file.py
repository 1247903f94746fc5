"""The file of an export: written beside its place under another name, and put there once it is whole.

JSON Lines have the items of `queuectl list --json`, CSV the same fields under a header, made
safe for terminals and spreadsheets.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from queuectl_core.cli.shapes import job_json
from queuectl_core.model.cleaning import clean, clean_output, shown
from queuectl_core.model.errors import InvalidInput, Refused
from queuectl_core.model.job import Job
from queuectl_core.model.validation import check_path

SUFFIXES = (".jsonl", ".csv")

COLUMNS = (
    "id", "command", "state", "queue", "priority", "attempts", "max_retries", "created_at", "updated_at",
    "next_run_at", "started_at", "finished_at", "timeout", "cwd", "exit_code", "signal", "error", "worker",
)  # fmt: skip
"""The header of a CSV file: the fields of `job_json`, in its order."""

FORMULAS = ("=", "+", "-", "@", "\t")
"""How text begins that a spreadsheet may take for a formula."""


def check_target(text: str) -> str:
    """The path that a text names, `~` meant as a shell does. Raises InvalidInput; looks at no file."""
    path = os.path.expanduser(check_path(text.strip(), "path"))
    if not path.lower().endswith(SUFFIXES):
        raise InvalidInput(f"path must end in {' or '.join(SUFFIXES)}, not be {shown(os.path.basename(path))}")
    return path


def written(jobs: Sequence[Job], *, as_csv: bool) -> bytes:
    """The lines of these jobs."""
    if not as_csv:
        return "".join(json.dumps(job_json(job)) + "\n" for job in jobs).encode()
    room = io.StringIO(newline="")
    csv.writer(room).writerows([_cell(value) for value in job_json(job).values()] for job in jobs)
    return room.getvalue().encode()


def header(*, as_csv: bool) -> bytes:
    """What stands before the first job."""
    return (",".join(COLUMNS) + "\r\n").encode() if as_csv else b""


def _cell(value: object) -> object:
    """A list as JSON; text with what could act on a terminal as visible escapes.

    Text that a spreadsheet would run gets a ' in front, which says that it is text. JSON Lines keep all as it is.
    """
    if isinstance(value, list):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    text = clean_output(value)
    return f"'{text}" if text.startswith(FORMULAS) else text


class Place(NamedTuple):
    """Where an export goes, what is there now, and the permissions to give it."""

    path: str
    as_csv: bool
    taken: bool = False
    mode: int | None = None


def look_at(path: str) -> Place:
    """What is in the place. Raises Refused where no file can be put."""
    real = os.path.realpath(path)  # a link stays, and what it points to is written
    as_csv = path.lower().endswith(".csv")
    try:
        found = os.stat(real)
    except FileNotFoundError:
        return Place(real, as_csv)
    except OSError as error:
        raise cannot_write(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"cannot write {clean(path)}: it is no file")
    return Place(real, as_csv, taken=True, mode=stat.S_IMODE(found.st_mode))


class ExportFile:
    """A file that is there only once it is whole. All methods block, and raise Refused where the disk does not do."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._draft = os.path.join(os.path.dirname(place.path), f".queuectl-{secrets.token_hex(8)}.part")
        try:
            self._file: BinaryIO = os.fdopen(os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
        except OSError as error:
            raise cannot_write(place.path, error) from None

    def begin(self) -> None:
        """Write what stands before the first job; a file that takes another's place takes its permissions."""
        try:
            if self._place.mode is not None:
                os.fchmod(self._file.fileno(), self._place.mode)
            self._file.write(header(as_csv=self._place.as_csv))
        except OSError as error:
            raise cannot_write(self._place.path, error) from None

    def add(self, jobs: Sequence[Job]) -> None:
        """Write these jobs."""
        try:
            self._file.write(written(jobs, as_csv=self._place.as_csv))
        except OSError as error:
            raise cannot_write(self._place.path, error) from None

    def finish(self) -> None:
        """Put the file in its place, on the disk. What came to be there meanwhile is not written over."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._put()
        except OSError as error:
            raise cannot_write(self._place.path, error) from None

    def _put(self) -> None:
        path = self._place.path
        if self._place.taken:
            os.replace(self._draft, path)
            return
        try:
            os.link(self._draft, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(path):
                raise
            os.replace(self._draft, path)

    def discard(self) -> None:
        """Leave nothing behind but what `finish` has put in its place."""
        with suppress(OSError):  # what could not be written is not wanted
            self._file.close()
        with suppress(OSError):  # it is in its place, or its directory is gone
            os.unlink(self._draft)


def cannot_write(path: str, error: OSError) -> Refused:
    """The error of a file that cannot be written."""
    return Refused(f"cannot write {clean(path)}: {error.strerror or error}")
