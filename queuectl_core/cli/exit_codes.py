"""Every exit status of the command line, and which error earns which. Nothing else numbers an ending."""

from __future__ import annotations

import click

from queuectl_core.model.errors import InvalidInput

DONE = 0
FAILED = 1
"""It could not be done: no such job, an id taken, a wrong state, trouble with the store."""
USAGE = 2
"""It was not asked for rightly: a bad option, bad JSON, a bad value, an unknown key."""
TIMED_OUT = 124
"""The time that was given to wait ran out; the number is that of timeout(1)."""
INTERRUPTED = 130
"""Ctrl+C; the number is the shell's, 128 and the signal's."""


def status_of(error: BaseException) -> int:
    """The exit status that an error earns a command."""
    match error:
        case InvalidInput() | click.UsageError():
            return USAGE
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED
        case _:
            return FAILED
