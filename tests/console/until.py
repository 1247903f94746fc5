"""Waiting in tests of the console: for a condition, with a bound, while the app goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from textual.pilot import Pilot

T = TypeVar("T")

LOOK = 0.01


async def until(pilot: Pilot[T], condition: Callable[[], object], *, what: str, seconds: float = 10) -> None:
    """Let the app run until `condition()` is true; fail with `what` once `seconds` have passed."""
    deadline = time.monotonic() + seconds
    await pilot.pause()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds:g} s: {what}")
        await pilot.pause(LOOK)
