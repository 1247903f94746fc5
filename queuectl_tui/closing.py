"""The store given up as the console leaves: told where a change keeps it open, and waited for as long as one likes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

from queuectl_tui.session import Session

_GRACE = 0.5
"""Seconds that nobody minds."""

_LOOK = 0.05
_WAITS = "waiting for a change that the store has not taken yet; Ctrl+C gives it up"
_GIVEN_UP = "left without waiting for the store: a change that it has not taken is lost"


async def close(session: Session, status: Callable[[], int | None]) -> None:
    """Give the store up once it has taken what was changed; the terminal is given back already.

    `status` is that of the console, as of now: where a signal has ended it, nothing is waited for. Then the process
    ends here, since a thread that waits for the lock of a store cannot be woken.
    """
    closing = asyncio.ensure_future(session.close())
    await asyncio.wait([closing], timeout=_GRACE)
    if not closing.done() and not _is_signal(status()):
        _tell(_WAITS)
    while not closing.done():
        number = status()
        if number is not None and _is_signal(number):
            _tell(_GIVEN_UP)
            os._exit(number)
        await asyncio.wait([closing], timeout=_LOOK)
    await closing


def _is_signal(status: int | None) -> bool:
    return status is not None and status > 128


def _tell(text: str) -> None:
    if sys.__stderr__ is not None:  # the one of the process: Textual has the other yet
        with contextlib.suppress(OSError):
            sys.__stderr__.write(f"queuectl-tui: {text}\n")
            sys.__stderr__.flush()
