"""Filters as people type them: `state:dead queue:mail cmd:"make all" older:1h word`, read, written and applied.

Words that differ in their key must all hold. Repeated `state:`, `queue:`, `id:` and `exit:` are alternatives, as is
what a comma separates; repeated `cmd:` and plain words must all be found. How a store finds what matches is not known
here, but `matches` says what that is.

Text is looked for regardless of case in the letters A to Z alone, as SQL does everywhere alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from queuectl_core.model.cleaning import shown
from queuectl_core.model.durations import format_duration, parse_duration
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import Job, JobState
from queuectl_core.model.validation import check_queue, nearest

T = TypeVar("T")

KEYS = ("state", "queue", "id", "cmd", "exit", "older", "newer")
"""What may stand before a colon."""

ANY_SIGNAL = "signal"
"""The value of `exit:` that means every run that a signal ended."""

DURATIONS = ("5m", "15m", "1h", "6h", "1d", "7d")
"""Ages that completion offers."""

BETWEEN_FIELDS = "\x1f"
"""What stands between the texts that a plain word is looked for in; a filter cannot hold it."""

HIGHEST_EXIT, HIGHEST_SIGNAL = 255, 64

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_WORD = r'(?s)(?:[^\s"]|"(?:[^"\\]|\\.)*")+'
_OPEN_WORD = r'(?s)(?:[^\s"]|"(?:[^"\\]|\\.)*(?:"|\Z))+'
_PART = r'(?s)(?:[^,"]|"(?:[^"\\]|\\.)*")+'
_KEY = r"([A-Za-z]+):"
_BARE = r'[^\s",:]+'
_SIGNAL = r"(?ai)(?:signal:|sig)([0-9]{1,9})"
_FORBIDDEN = r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]"
_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class FilterError(InvalidInput):
    """A filter that cannot be meant. `start` and `end` are the offsets (characters) of the word that is wrong."""

    def __init__(self, wrong: str, hint: str, start: int, end: int) -> None:
        super().__init__(wrong, hint)
        self.start = start
        self.end = end


class Filter(NamedTuple):
    """What jobs must be like; empty fields ask for nothing.

    `ids` are beginnings of ids. `exits` holds exit statuses as numbers, and as text `signal` (any), `sig9` (that one)
    or what the error contains. Ages are now − created_at, in ms: at least `older_ms`, less than `newer_ms`. Each of
    `words` is in the id, the command, the queue or the error.
    """

    states: tuple[JobState, ...] = ()
    queues: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    exits: tuple[int | str, ...] = ()
    older_ms: int | None = None
    newer_ms: int | None = None
    words: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether every job matches."""
        return self == Filter()

    @property
    def needs_scan(self) -> bool:
        """Whether it asks for more than states and queues, which have an index."""
        return self._replace(states=(), queues=()) != Filter()


class Exits(NamedTuple):
    """The alternatives of `exit:` by what they look at; `errors` are folded."""

    codes: tuple[int, ...]
    signals: tuple[int, ...]
    any_signal: bool
    errors: tuple[str, ...]


def exits_of(filter: Filter) -> Exits:
    """What `filter.exits` asks for."""
    texts = [text for text in filter.exits if isinstance(text, str)]
    signals = {text: match for text in texts if (match := re.fullmatch(_SIGNAL, text))}
    return Exits(
        tuple(code for code in filter.exits if isinstance(code, int)),
        tuple(int(match[1]) for match in signals.values()),
        ANY_SIGNAL in texts,
        tuple(folded(text) for text in texts if text != ANY_SIGNAL and text not in signals),
    )


def folded(text: str) -> str:
    """`text` with the letters A to Z made small."""
    return text.lower() if text.isascii() else text.translate(_UPPER_TO_LOWER)


def matches(job: Job, filter: Filter, now: int) -> bool:
    """Whether a job is what the filter asks for; `now` in ms. Stores give the same answer in SQL."""
    age = now - job.created_at
    return (
        (not filter.states or job.state in filter.states)
        and (not filter.queues or job.queue in filter.queues)
        and (not filter.ids or job.id.startswith(filter.ids))
        and (filter.older_ms is None or age >= filter.older_ms)
        and (filter.newer_ms is None or age < filter.newer_ms)
        and (not filter.exits or _ended_so(job, exits_of(filter)))
        and _holds_all(_command_text(job), filter.commands)
        and _holds_all(BETWEEN_FIELDS.join((job.id, _command_text(job), job.queue, job.error or "")), filter.words)
    )


def _ended_so(job: Job, exits: Exits) -> bool:
    error = None if job.error is None else folded(job.error)
    return (
        job.exit_code in exits.codes
        or job.signal in exits.signals
        or (exits.any_signal and job.signal is not None)
        or (error is not None and any(text in error for text in exits.errors))
    )


def _command_text(job: Job) -> str:
    return job.command if isinstance(job.command, str) else " ".join(job.command)


def _holds_all(text: str, words: Sequence[str]) -> bool:
    if not words:
        return True
    searched = folded(text)
    return all(folded(word) in searched for word in words)


# ------------------------------------------------------------------ reading


class _Word(NamedTuple):
    """One word as typed: `key` is empty for a plain one; `parts` are what its commas separate, unquoted."""

    key: str
    value: str
    parts: tuple[str, ...]
    start: int
    end: int

    def wrong(self, wrong: str, hint: str = "") -> FilterError:
        return FilterError(wrong, hint, self.start, self.end)


def parse_filter(text: str) -> Filter:
    """The filter that `text` means; no words mean every job. Raises FilterError, which says where the mistake is."""
    filter = Filter()
    for word in _words(text):
        filter = _with_word(filter, word)
    return filter


def _words(text: str) -> Iterator[_Word]:
    if bad := re.search(_FORBIDDEN, text):
        raise FilterError("a filter cannot hold control characters", "", bad.start(), bad.end())
    word, end = re.compile(_WORD), 0
    while rest := re.compile(r"\S").search(text, end):
        start = rest.start()
        match = word.match(text, start)
        if not match or text[match.end() : match.end() + 1] == '"':
            raise FilterError("a quote is not closed", 'end it with "', start, len(text))
        end = match.end()
        yield _word(match[0], start, end)


def _word(raw: str, start: int, end: int) -> _Word:
    match = re.match(_KEY, raw)
    key = match[1].lower() if match else ""
    value = raw[match.end() :] if match else raw
    parts = tuple(part for piece in re.findall(_PART, value) if (part := _unquoted(piece)))
    word = _Word(key, _unquoted(value), parts, start, end)
    if key and key not in KEYS:
        hint = nearest(key, KEYS) or f'the keys are {", ".join(KEYS)}; put text with a colon in "quotes"'
        raise word.wrong(f"there is no key {shown(key)}", hint)
    if not word.parts:
        raise word.wrong(f"{key}: needs a value" if key else "an empty word finds nothing")
    return word


def _unquoted(raw: str) -> str:
    return re.sub(rf"(?s){_QUOTED}", lambda match: re.sub(r"(?s)\\(.)", r"\1", match[1]), raw)


def _with_word(filter: Filter, word: _Word) -> Filter:
    try:
        match word.key:
            case "state":
                return filter._replace(states=_joined(filter.states, (_state(word, part) for part in word.parts)))
            case "queue":
                return filter._replace(queues=_joined(filter.queues, map(check_queue, word.parts)))
            case "id":
                return filter._replace(ids=_joined(filter.ids, word.parts))
            case "exit":
                return filter._replace(exits=_joined(filter.exits, (_exit(word, part) for part in word.parts)))
            case "cmd":
                return filter._replace(commands=_joined(filter.commands, [word.value]))
            case "older":
                return filter._replace(older_ms=max(filter.older_ms or 0, _age(word)))
            case "newer":
                age = _age(word)
                return filter._replace(newer_ms=age if filter.newer_ms is None else min(filter.newer_ms, age))
            case _:
                return filter._replace(words=_joined(filter.words, [word.value]))
    except FilterError:
        raise
    except InvalidInput as error:
        raise word.wrong(error.wrong, error.hint) from None


def _joined(before: tuple[T, ...], more: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*before, *more)))


def _state(word: _Word, part: str) -> JobState:
    name = part.lower()
    if name not in tuple(JobState):
        raise word.wrong(
            f"there is no state {shown(part)}", nearest(name, JobState) or f"states: {', '.join(JobState)}"
        )
    return JobState(name)


def _exit(word: _Word, part: str) -> int | str:
    if part.isascii() and part.isdigit():
        if len(part) > 9 or int(part) > HIGHEST_EXIT:
            raise word.wrong(f"an exit status is from 0 to {HIGHEST_EXIT}, not {shown(part)}")
        return int(part)
    if match := re.fullmatch(_SIGNAL, part):
        if not 1 <= int(match[1]) <= HIGHEST_SIGNAL:
            raise word.wrong(f"a signal is from 1 to {HIGHEST_SIGNAL}, not {shown(match[1])}")
        return f"sig{int(match[1])}"
    return ANY_SIGNAL if part.lower() == ANY_SIGNAL else part


def _age(word: _Word) -> int:
    return round(parse_duration(word.value, word.key) * 1000)


# ------------------------------------------------------------------ writing


def format_filter(filter: Filter) -> str:
    """The filter as a person would type it; `parse_filter` reads the same filter from it."""
    lists: tuple[tuple[str, Sequence[object]], ...] = (
        ("state", filter.states),
        ("queue", filter.queues),
        ("id", filter.ids),
        ("exit", filter.exits),
    )
    words = [f"{key}:{','.join(_quoted(str(value)) for value in values)}" for key, values in lists if values]
    words += [f"cmd:{_quoted(command)}" for command in filter.commands]
    ages = (("older", filter.older_ms), ("newer", filter.newer_ms))
    words += [f"{key}:{_age_text(age)}" for key, age in ages if age is not None]
    return " ".join((*words, *map(_quoted, filter.words)))


def _quoted(text: str) -> str:
    if re.fullmatch(_BARE, text):
        return text
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _age_text(ms: int) -> str:
    text = format_duration(ms / 1000, parts=4)
    return text if round(parse_duration(text, "age") * 1000) == ms else f"{ms}ms"


# ------------------------------------------------------------------ completing


def complete_filter(text: str, cursor: int, queues: Sequence[str]) -> list[str]:
    """What the word that ends at `cursor` may become, each a whole word; of a list with commas, the last part grows.

    Offered are the keys, the states, the `queues` given, ends of runs and some ages; nothing for free text.
    """
    word = ""
    for found in re.finditer(_OPEN_WORD, text[:cursor]):
        word = found[0] if found.end() == cursor else ""
    key, colon, value = word.partition(":")
    if not colon:
        return [f"{name}:" for name in KEYS if name.startswith(key.lower())]
    known = {
        "state": tuple(JobState),
        "queue": tuple(queues),
        "exit": ("0", "1", "2", "126", "127", ANY_SIGNAL),
        "older": DURATIONS,
        "newer": DURATIONS,
    }
    before, comma, part = value.rpartition(",")
    taken = set(before.split(","))
    choices = (choice for choice in known.get(key.lower(), ()) if choice.startswith(part) and choice not in taken)
    return [f"{key}:{before}{comma}{choice}" for choice in choices]
