"""Reading the output of one run: its log file, or the end of it that the store kept. Nothing is printed here.

A log may be larger than memory, so it is read in blocks, from either end.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from queuectl_core.execution.logs import open_log as open_log_file
from queuectl_core.execution.logs import why_unreadable
from queuectl_core.model.errors import QueueError
from queuectl_core.model.job import Job
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.jobs import history, tail

BLOCK = 65_536


class Log(NamedTuple):
    """The output of a run; not `whole` where its file is gone and only the stored end is left."""

    file: BinaryIO
    whole: bool


def open_log(store: Store, job: Job, attempt: int) -> Log:
    """The output of a run. Raises QueueError where its log file is there and cannot be read.

    A run that printed nothing needs no file.
    """
    path = store.home.log(job.number, attempt)
    try:
        return Log(os.fdopen(open_log_file(path), "rb", buffering=0), whole=True)
    except FileNotFoundError:
        return Log(io.BytesIO(store.run(tail(job.number, attempt))), whole=_was_silent(store, job, attempt))
    except OSError as error:
        raise QueueError(f"cannot read the log {path}: {why_unreadable(error)}") from None


def _was_silent(store: Store, job: Job, attempt: int) -> bool:
    return any(run.attempt == attempt and run.output_bytes == 0 for run in store.run(history(job.number)))


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
