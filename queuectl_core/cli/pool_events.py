"""What a pool tells as it goes, a line on stderr for each event: as text for people, or as JSON.

It runs inside the workers, thousands of times a second, so it neither waits nor raises: a line that
nobody takes in time is dropped. That is why it writes to the descriptor itself and knows no rich.
"""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from queuectl_core.execution.events import Notice, PoolEvent, Report, RunEnded, RunStarted, unheard
from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import Command, JobState, Outcome

SHOWN_OF_COMMAND = 200
"""Characters of a command that its line repeats."""

_STDERR = 2
_RESET = "\x1b[0m"
_COLOURS = {
    JobState.COMPLETED: "\x1b[32m",
    JobState.FAILED: "\x1b[33m",
    JobState.DEAD: "\x1b[1;31m",
    JobState.CANCELLED: "\x1b[35m",
}
_DIM, _SERIOUS = "\x1b[2m", "\x1b[1;31m"


def reporter(log_format: str, *, coloured: bool) -> Report:
    """What reports events on stderr: `log_format` is `text` or `json`; colour is for text alone."""
    if _goes_nowhere(_STDERR):
        return unheard
    write = line_writer(_STDERR)
    if log_format == "json":
        return lambda event: write(as_json(event, time.time()))
    return lambda event: write(as_text(event, time.time(), coloured=coloured))


def _goes_nowhere(descriptor: int) -> bool:
    """Whether what is written there is thrown away, so that it need not be made."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(os.devnull))
    except OSError:
        return False


def as_text(event: PoolEvent, now: float, *, coloured: bool = False) -> str:
    """An event as one line for people, without its newline; `now` in seconds since the epoch."""
    clock = _clock(int(now))
    match event:
        case RunStarted():
            text, colour = f"started (attempt {event.attempt}): {_shortened(event.command)}", ""
        case RunEnded():
            text, colour = _ending(event), _COLOURS.get(event.state, "")
        case Notice():
            text, colour = clean(event.text), _SERIOUS if event.serious else ""
            return f"{_painted(clock, _DIM)} {_painted(text, colour)}" if coloured else f"{clock} {text}"
    where = f"{clock} {event.worker}"
    line = f"job {event.job} {text}"
    return f"{_painted(where, _DIM)} {_painted(line, colour)}" if coloured else f"{where} {line}"


@lru_cache(maxsize=1)
def _clock(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


def as_json(event: PoolEvent, now: float) -> str:
    """An event as one JSON object without its newline; times are seconds, the instant is UTC."""
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields: dict[str, Any] = event._asdict()
    match event:
        case RunStarted():
            name = "started"
            fields["command"] = _shortened(event.command)
        case RunEnded():
            name = "ended"
            fields["duration"] = fields.pop("duration_ms") / 1000
            retry_in = fields.pop("retry_in_ms")
            fields["retry_in"] = None if retry_in is None else retry_in / 1000
        case Notice():
            name = "notice"
    return json.dumps({"at": at, "event": name, **fields})


def _ending(event: RunEnded) -> str:
    took = format_duration(event.duration_ms / 1000)
    match event.outcome:
        case Outcome.COMPLETED:
            return f"completed in {took}"
        case Outcome.CANCELLED:
            return f"cancelled after {took}"
        case Outcome.RELEASED:
            return f"released after {took}, its attempt not counted"
        case Outcome.TIMED_OUT:
            text = f"timed out after {took}"
        case Outcome.LOST:
            text = f"lost: {cause(event.error, event.exit_code, event.signal)}"
        case Outcome.FAILED:
            text = f"failed in {took}: {cause(event.error, event.exit_code, event.signal)}"
    return f"{text}, {_what_follows(event)}"


def _what_follows(event: RunEnded) -> str:
    match event.state:
        case JobState.FAILED:
            return f"retry in {format_duration((event.retry_in_ms or 0) / 1000)}"
        case JobState.DEAD:
            return f"dead after attempt {event.attempt}: no retry left"
        case state:
            return f"now {state}"


def cause(error: str | None, exit_code: int | None, signal_number: int | None) -> str:
    """Why a run failed, in a few words on one line."""
    if error:
        return clean(error)
    if signal_number is not None:
        return f"ended by {signal_name(signal_number)}"
    return "no exit status" if exit_code is None else f"exit status {exit_code}"


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `signal 40` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shortened(command: Command) -> str:
    text = command if isinstance(command, str) else " ".join(command)
    shown = clean(text[: SHOWN_OF_COMMAND + 1])
    return shown if len(shown) <= SHOWN_OF_COMMAND else f"{shown[: SHOWN_OF_COMMAND - 1]}…"


def _painted(text: str, colour: str) -> str:
    return f"{colour}{text}{_RESET}" if colour else text


def line_writer(descriptor: int) -> Callable[[str], None]:
    """What writes whole lines to a descriptor, and drops those that would block or cannot be written."""
    own = _unblocked(descriptor)
    poll = select.poll()
    poll.register(own, select.POLLOUT)

    def write(line: str) -> None:
        try:
            if poll.poll(0):
                os.write(own, f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return  # The reader has gone, or is slow: a pool goes on without being watched.

    return write


def _unblocked(descriptor: int) -> int:
    """The same pipe or terminal opened anew, so that writing to it never blocks; else the descriptor.

    Between a poll and a write another worker may fill the pipe. O_NONBLOCK on the descriptor itself
    would hold for everybody who shares it, the shell included. A file is left as it is: opened anew it
    would have a position of its own.
    """
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            return os.open(f"/dev/fd/{descriptor}", flags)
    except OSError:
        pass
    return descriptor
