"""The rules of every field of a job, and of a whole job or edit.

Each `check_` function takes whatever was given and returns the value to use, or raises
InvalidInput with a sentence that names the field. Reading JSON is `parsing.py`. A million jobs
pass through here in one bulk enqueue, so what is right is let through by its first test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from queuectl_core.model.cleaning import shown
from queuectl_core.model.durations import aware, parse_duration
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import (
    DEFAULT_QUEUE,
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    MOST_RETRIES,
    Changes,
    Command,
    NewJob,
)

SHORTEST_TIMEOUT = 0.001
"""Seconds; what is stored are whole milliseconds."""

LONGEST_WORD = 131_071
"""Bytes of one argument, or of a variable with its name: Linux takes 32 pages with the NUL at its end (execve(2),
MAX_ARG_STRLEN)."""

LONGEST_PATH = 4_095
"""Bytes of a path: Linux takes a page with the NUL at its end (path_resolution(7), PATH_MAX)."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
_NAME_RULE = "1 to 128 letters, digits and . _ : -, a letter or digit first"


def check_id(value: object) -> str:
    """The name an owner gives a job. Not all digits: those are the store's own numbers."""
    name = _name(value, "id")
    if name.isdigit():
        raise InvalidInput(
            f"id must not be all digits, but is {shown(name)}", "numbers are given by the store; add a letter"
        )
    return name


def check_queue(value: object) -> str:
    """The name of a queue: as an id, but digits alone are fine."""
    return _name(value, "queue")


def _name(value: object, field: str) -> str:
    if isinstance(value, str) and (value == DEFAULT_QUEUE or re.fullmatch(_NAME, value)):
        return value
    raise InvalidInput(f"{field} must be {_NAME_RULE}, not {shown(value)}")


def check_command(value: object) -> Command:
    """Text for the shell, or a sequence of text to run as it is, which comes back as a tuple."""
    if isinstance(value, str):
        if not value or value.isspace():
            raise InvalidInput("command must not be empty")
        return _word(value, "command")
    if not isinstance(value, Sequence) or isinstance(value, bytes | bytearray | memoryview):
        raise InvalidInput(f"command must be text or a list of text, not {shown(value)}")
    words = tuple(_word(word, "each word of command") for word in value)
    if not words:
        raise InvalidInput("command must not be an empty list")
    if not words[0] or words[0].isspace():
        raise InvalidInput("command must begin with the program to run, but its first word is empty")
    return words


def check_priority(value: object) -> int:
    """From -1000 to 1000; higher runs first."""
    return _whole(value, "priority", LOWEST_PRIORITY, HIGHEST_PRIORITY)


def check_max_retries(value: object) -> int:
    """How many runs may follow the first: 0 to `MOST_RETRIES`."""
    return _whole(value, "max_retries", 0, MOST_RETRIES)


def check_timeout(value: object) -> float:
    """Seconds a run may take, from a number or the text of a duration: more than none."""
    seconds = parse_duration(value, "timeout")
    if seconds < SHORTEST_TIMEOUT:
        raise InvalidInput(f"timeout must be at least 1ms, not {shown(value)}")
    return seconds


def check_delay(value: object) -> float:
    """Seconds to wait before the first run, from a number or the text of a duration."""
    return parse_duration(value, "delay")


def check_run_at(value: object) -> datetime:
    """The instant of the first run, in UTC; a naive one means local time."""
    if not isinstance(value, datetime):
        raise InvalidInput(f"run_at must be a datetime, not {shown(value)}")
    return aware(value, "run_at")


def check_cwd(value: object) -> str:
    """A path as text. Whether it is there is known only on the machine that runs the job, when it does."""
    path = check_path(value, "cwd")
    if len(path) > LONGEST_PATH // 4 and (length := len(path.encode())) > LONGEST_PATH:
        raise InvalidInput(f"cwd is {length:,} bytes long, and the system takes {LONGEST_PATH:,}")
    return path


def check_path(value: object, field: str) -> str:
    """Any path, as text that a system call can take."""
    path = _text(value, field)
    if not path:
        raise InvalidInput(f"{field} must not be empty")
    return path


def check_text(value: object, field: str) -> str:
    """Any text that can be looked for: valid UTF-8 without a NUL character."""
    return _text(value, field)


def check_env(value: object) -> dict[str, str]:
    """Environment variables: an object of text to text, names as a process can have them.

    No error repeats a value, which may be a secret, nor what may be one.
    """
    env = check_env_of_stored(value)
    for name, text in env.items():
        if len(name) + len(text) >= LONGEST_WORD // 4 and (length := len(f"{name}={text}".encode())) > LONGEST_WORD:
            raise InvalidInput(
                f"env {shown(name)} is {length:,} bytes long with its name, and the system takes {LONGEST_WORD:,}",
                "put it into a file",
            )
    return env


def check_env_of_stored(value: object) -> dict[str, str]:
    """As `check_env`, however long they are: for a job that some store has taken, and that is not to be lost."""
    if not isinstance(value, Mapping):
        raise InvalidInput("env must be an object of text to text")
    env: dict[str, str] = {}
    for name, text in value.items():
        _text(name, "each name in env")
        if not name or "=" in name:
            begin = name.partition("=")[0]
            raise InvalidInput(f"env must have names that are not empty and have no '=', as that of {shown(begin)} has")
        env[name] = _env_value(name, text)
    return env


def _env_value(name: str, value: object) -> str:
    try:
        return _text(value, "it")
    except InvalidInput:
        raise InvalidInput(f"env {shown(name)} must be text in valid UTF-8 without a NUL character") from None


def check_job(job: NewJob) -> NewJob:
    """A whole job, for callers who build one in Python: the same job with every field in its final form."""
    if job.run_at is not None and job.delay:
        raise two_instants()
    return NewJob(
        command=check_command(job.command),
        id=None if job.id is None else check_id(job.id),
        queue=check_queue(job.queue),
        priority=check_priority(job.priority),
        max_retries=None if job.max_retries is None else check_max_retries(job.max_retries),
        timeout=None if job.timeout is None else check_timeout(job.timeout),
        delay=check_delay(job.delay),
        run_at=None if job.run_at is None else check_run_at(job.run_at),
        cwd=None if job.cwd is None else check_cwd(job.cwd),
        env=None if job.env is None else check_env(job.env),
    )


def check_changes(changes: Changes) -> Changes:
    """What an edit asks for, with every field it sets in its final form."""
    if changes.run_at is not None and changes.delay is not None:
        raise two_instants()
    if changes.no_timeout and changes.timeout is not None:
        raise InvalidInput("timeout cannot be set and taken away in one edit")
    return Changes(
        command=None if changes.command is None else check_command(changes.command),
        queue=None if changes.queue is None else check_queue(changes.queue),
        priority=None if changes.priority is None else check_priority(changes.priority),
        max_retries=None if changes.max_retries is None else check_max_retries(changes.max_retries),
        timeout=None if changes.timeout is None else check_timeout(changes.timeout),
        no_timeout=bool(changes.no_timeout),
        delay=None if changes.delay is None else check_delay(changes.delay),
        run_at=None if changes.run_at is None else check_run_at(changes.run_at),
        cwd=None if changes.cwd is None else check_cwd(changes.cwd),
        env=None if changes.env is None else check_env(changes.env),
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to a mistyped one; empty where none is near."""
    from difflib import get_close_matches  # slow to import, and needed only for a mistake

    found = get_close_matches(name[:100], tuple(known), n=1)
    return f"did you mean {found[0]}?" if found else ""


def two_instants() -> InvalidInput:
    """The error of a job or an edit that gives both a delay and an instant."""
    return InvalidInput("delay and run_at both say when to run", "give one of them")


def _whole(value: object, field: str, lowest: int, highest: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return int(value)
    given = f"the text {shown(value)}" if isinstance(value, str) else shown(value)
    raise InvalidInput(f"{field} must be a whole number from {lowest} to {highest}, not {given}")


def _word(value: object, field: str) -> str:
    """Text that a program can be given as one argument, as a shell is the whole of a command."""
    text = _text(value, field)
    if len(text) > LONGEST_WORD // 4 and (length := len(text.encode())) > LONGEST_WORD:
        raise InvalidInput(f"{field} is {length:,} bytes long, and the system takes {LONGEST_WORD:,}: use a script")
    return text


def _text(value: object, field: str) -> str:
    """Text that a process can be given: without NUL, and with an encoding in UTF-8."""
    if not isinstance(value, str):
        raise InvalidInput(f"{field} must be text, not {shown(value)}")
    if "\0" in value:
        raise InvalidInput(f"{field} must not contain a NUL character")
    if not value.isascii() and _has_surrogates(value):
        raise InvalidInput(f"{field} must be valid UTF-8, and {shown(value)} is not")
    return value


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
