"""Reading the output of one run: its log file, or the end of it that the store kept, as where that file is on another
host. Nothing is printed here.

A log may be larger than memory, so it is read in blocks, from either end.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from queuectl_core.execution.logs import open_log as open_log_file
from queuectl_core.execution.logs import why_unreadable
from queuectl_core.execution.whereabouts import Elsewhere, elsewhere, is_whole
from queuectl_core.model.errors import QueueError
from queuectl_core.model.job import Job
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.jobs import StoredOutput, stored_output

BLOCK = 65_536


class Log(NamedTuple):
    """The output of a run; `missing` says why that is not all of it, and is empty where it is.

    `away` says that it runs, or ran, in another home.
    """

    file: BinaryIO
    missing: str = ""
    away: bool = False


def open_log(store: Store, job: Job, attempt: int) -> Log:
    """The output of a run. Raises QueueError where its log file is there and cannot be read.

    A run that printed nothing needs no file. That of a run in another home is not looked for.
    """
    if store.home.url is not None:
        stored = store.run(stored_output(job.number, attempt))
        if (away := elsewhere(store.home, job.number, attempt, stored)) is not None:
            return Log(io.BytesIO(stored.tail), _said_of(away, attempt, stored), away=True)
    path = store.home.log(job.number, attempt)
    try:
        return Log(_opened(path))
    except FileNotFoundError:
        stored = store.run(stored_output(job.number, attempt))
        if stored.size:
            # It is named at the latest just before its end is stored, which may have been since we looked.
            with contextlib.suppress(OSError):
                return Log(_opened(path))
        kept = "this is the end of it, as the store kept it" if stored.tail else "and the store kept nothing of it"
        gone = "" if stored.size == 0 else f"the log file of run {attempt} is gone: {kept}"
        return Log(io.BytesIO(stored.tail), gone)
    except OSError as error:
        raise QueueError(f"cannot read the log {path}: {why_unreadable(error)}") from None


def _opened(path: str) -> BinaryIO:
    return os.fdopen(open_log_file(path), "rb", buffering=0)


def _said_of(away: Elsewhere, attempt: int, stored: StoredOutput) -> str:
    if stored.outcome is None:
        return f"run {attempt}: {away.goes_on}"
    if is_whole(stored):
        return ""
    kept = "this is the end of the output" if stored.tail else "none of the output is stored"
    return f"run {attempt}: {kept}; {away.whole}"


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """What is left of a file, from where it stands to its end as that is now."""
    while block := file.read(BLOCK):
        yield block


def skip_to_last(file: BinaryIO, count: int) -> None:
    """Let a file stand before its last `count` lines, however long the rest is."""
    position = file.seek(0, os.SEEK_END)
    wanted = count
    first = True
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        end = len(block)
        if first and block.endswith(b"\n"):
            end -= 1  # ends the last line, begins none
        first = False
        while (newline := block.rfind(b"\n", 0, end)) >= 0:
            wanted -= 1
            if wanted == 0:
                file.seek(position + newline + 1)
                return
            end = newline
    file.seek(0)
