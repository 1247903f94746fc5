"""What pools in the background tell: one file that all of a home append to, kept from growing for ever."""

from __future__ import annotations

import contextlib
import os
import stat

from queuectl_core.store.home import Home

MOST_BYTES = 16 * 2**20
"""How long the file may become before what is in it is put aside, in place of what was put aside before."""

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""O_NONBLOCK for a FIFO in its place, which would be waited for; it means nothing to a file."""


def log_path(home: Home) -> str:
    """Where a pool in the background writes what it would tell on a terminal."""
    return f"{home.logs}/pool.log"


def shorten(home: Home) -> None:
    """Put what is in the file aside, where it is long.

    It is copied and emptied, since many processes have it open; what one of them writes at that very moment is lost.
    """
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        log = os.open(log_path(home), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        opened.callback(os.close, log)
        found = os.fstat(log)
        if not stat.S_ISREG(found.st_mode) or found.st_size <= MOST_BYTES:
            return
        draft = f"{log_path(home)}.draft"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        aside = os.open(draft, APPEND | os.O_EXCL, 0o600)
        opened.callback(os.close, aside)
        while chunk := os.read(log, 2**20):
            os.write(aside, chunk)
        os.rename(draft, f"{log_path(home)}.1")
        os.ftruncate(log, 0)
