"""Waiting in tests: for a condition, with a bound, never for a length of time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which what should have happened has not; far more than a busy machine needs."""

LOOK = 0.01


def eventually(condition: Callable[[], T | None], seconds: float = PATIENCE, *, what: str = "") -> T:
    """Wait until `condition()` is true, and return what it said; fail once `seconds` have passed."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            break
        pause.wait(LOOK)
    else:
        return found
    raise AssertionError(f"did not happen within {seconds:g} s: {what or condition}")
