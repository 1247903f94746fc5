"""Filters as people type them: read, written, applied, completed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.filters import (
    ANY_SIGNAL,
    HIGHEST_EXIT,
    HIGHEST_SIGNAL,
    KEYS,
    Filter,
    FilterError,
    complete_filter,
    format_filter,
    matches,
    parse_filter,
)
from queuectl_core.model.job import Job, JobState

HOUR = 3_600_000
NOON = 1_700_000_040_000

D, F = JobState.DEAD, JobState.FAILED


def job(**facts: object) -> Job:
    """A job that is dead, with some of its facts other than usual."""
    usual = Job(
        7, "night-1", "Send --to Mary", D, "mail", 0, 1, 3, 0, None, "/", {}, NOON - HOUR, NOON, NOON, NOON,
        1, None, "exit status 1", "pool-1", 1, False,
    )  # fmt: skip
    return usual._replace(**facts)  # type: ignore[arg-type]  # the facts are of many types


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Filter()),
        (" \t ", Filter()),
        ("state:dead", Filter(states=(D,))),
        ("state:dead state:failed", Filter(states=(D, F))),
        ("state:dead,failed,", Filter(states=(D, F))),
        ("STATE:Dead", Filter(states=(D,))),
        ("state:dead state:dead", Filter(states=(D,))),
        ("queue:mail,video", Filter(queues=("mail", "video"))),
        ("id:9f,71", Filter(ids=("9f", "71"))),
        ('cmd:"make all" cmd:-j4', Filter(commands=("make all", "-j4"))),
        ("cmd:a,b", Filter(commands=("a,b",))),
        ("exit:1,137", Filter(exits=(1, 137))),
        ("exit:signal", Filter(exits=(ANY_SIGNAL,))),
        ("exit:signal:9,SIG15", Filter(exits=("sig9", "sig15"))),
        ('exit:"no such file"', Filter(exits=("no such file",))),
        ('exit:"a,b"', Filter(exits=("a,b",))),
        ("older:1h newer:90", Filter(older_ms=HOUR, newer_ms=90_000)),
        ("older:1h older:2h newer:1h newer:2h", Filter(older_ms=2 * HOUR, newer_ms=HOUR)),
        ('word "two words"', Filter(words=("word", "two words"))),
        ('"state:dead"', Filter(words=("state:dead",))),
        (r'"a \"b\" \\"', Filter(words=('a "b" \\',))),
        ('a"b c"d', Filter(words=("ab cd",))),
    ],
)
def test_words_mean_what_they_say(text: str, expected: Filter) -> None:
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "wrong", "hint", "word"),
    [
        ("x state:ded", 'no state "ded"', "did you mean dead?", "state:ded"),
        ("state:zzz y", 'no state "zzz"', "states: pending", "state:zzz"),
        ("sate:dead", 'no key "sate"', "did you mean state?", "sate:dead"),
        ("http://a", 'no key "http"', "quotes", "http://a"),
        ("a queue:no/such", "queue must be", "", "queue:no/such"),
        ("older:soon", "older must be a duration", "", "older:soon"),
        ("older:-1h", "older must not be negative", "", "older:-1h"),
        ("exit:256", "an exit status is from 0 to 255", "", "exit:256"),
        ("exit:sig0", "a signal is from 1 to 64", "", "exit:sig0"),
        ("exit:" + "9" * 5000, "an exit status", "", "exit:" + "9" * 5000),
        ("state:", "state: needs a value", "", "state:"),
        ("queue:,", "queue: needs a value", "", "queue:,"),
        ('a ""', "an empty word", "", '""'),
        ('a "b c', "a quote is not closed", "", '"b c'),
        ('a b"', "a quote is not closed", "", 'b"'),
        ("a\x1bb", "control characters", "", "\x1b"),
        ("a\ud800b", "control characters", "", "\ud800"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, wrong: str, hint: str, word: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)

    error = caught.value
    assert wrong in error.wrong
    assert hint in error.hint
    assert "\n" not in error.wrong
    assert text[error.start : error.end] == word


def test_a_mistake_in_a_filter_is_bad_input() -> None:
    assert issubclass(FilterError, InvalidInput)


typed = st.text(st.sampled_from('ab:," \\\t\n9-') | st.characters(), max_size=20)
fields = st.sampled_from([*(f"{key}:" for key in KEYS), "", " ", '"', ",", "dead", "sig9", "1h"])


def read(text: str) -> Filter | FilterError:
    try:
        return parse_filter(text)
    except FilterError as error:
        return error


@given(st.lists(fields | typed, max_size=8).map("".join))
def test_whatever_is_typed_is_a_filter_or_a_mistake_in_its_bounds(text: str) -> None:
    match read(text):
        case FilterError(wrong=wrong, start=start, end=end):
            assert 0 <= start < end <= len(text)
            assert wrong == clean(wrong)
        case Filter() as filter:
            assert parse_filter(format_filter(filter)) == filter


# ------------------------------------------------------------------ writing

ages = st.none() | st.integers(0, 10 * 365 * 24 * HOUR)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
errors = texts.filter(lambda text: not text.isdigit() and "sig" not in text.lower())
signals = st.integers(1, HIGHEST_SIGNAL).map(lambda n: f"sig{n}")
exits = st.integers(0, HIGHEST_EXIT) | signals | st.just(ANY_SIGNAL) | errors


def several(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3, unique=True).map(tuple)


filters = st.builds(
    Filter,
    states=several(st.sampled_from(JobState)),
    queues=several(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,9}", fullmatch=True)),
    ids=several(texts),
    commands=several(texts),
    exits=several(exits),
    older_ms=ages,
    newer_ms=ages,
    words=several(texts),
)


@given(filters)
def test_a_filter_that_is_written_is_read_again(filter: Filter) -> None:
    assert parse_filter(format_filter(filter)) == filter


def test_a_filter_is_written_as_a_person_would() -> None:
    text = 'state:dead,failed queue:mail id:9 exit:1,sig9 cmd:"make all" older:1h30m newer:1500ms word'

    assert format_filter(parse_filter(text)) == text.replace("1500ms", "1.5s")


@pytest.mark.parametrize(
    ("text", "is_empty", "needs_scan"),
    [
        ("", True, False),
        ("state:dead queue:a", False, False),
        ("id:1", False, True),
        ("cmd:a", False, True),
        ("exit:1", False, True),
        ("older:0", False, True),
        ("newer:1h", False, True),
        ("state:dead a", False, True),
    ],
)
def test_states_and_queues_alone_need_no_scan(text: str, is_empty: bool, needs_scan: bool) -> None:
    filter = parse_filter(text)

    assert (filter.is_empty, filter.needs_scan) == (is_empty, needs_scan)


# ------------------------------------------------------------------ applying


@pytest.mark.parametrize(
    "text",
    [
        "",
        "state:failed,dead",
        "queue:video queue:mail",
        "id:x,night",
        "cmd:SEND cmd:mary",
        "exit:1",
        "exit:7,STATUS",
        "older:1h",
        "newer:61m",
        "mary night",
        "MAIL",
        "status",
    ],
)
def test_a_job_matches(text: str) -> None:
    assert matches(job(), parse_filter(text), NOON)


@pytest.mark.parametrize(
    "text",
    [
        "state:failed",
        "queue:mai",
        "id:ight",
        "id:NIGHT",
        "cmd:send cmd:bob",
        "exit:2",
        "exit:signal",
        "exit:sig1",
        "older:61m",
        "newer:1h",
        "mary bob",
        "night-1send",
    ],
)
def test_a_job_does_not_match(text: str) -> None:
    assert not matches(job(), parse_filter(text), NOON)


def test_a_job_without_a_name_is_found_by_its_number() -> None:
    assert matches(job(name=None, number=712), parse_filter("id:71"), NOON)


def test_the_words_of_an_argument_vector_are_searched_with_blanks_between() -> None:
    assert matches(job(command=("make", "All")), parse_filter('cmd:"make all"'), NOON)


def test_a_signal_is_found_by_its_number_or_as_any() -> None:
    killed = job(exit_code=None, signal=9)

    assert [matches(killed, parse_filter(f"exit:{text}"), NOON) for text in ("signal", "sig9", "sig15", "9")] == [
        True,
        True,
        False,
        False,
    ]


def test_case_is_disregarded_in_the_letters_a_to_z_alone() -> None:
    assert matches(job(command="É E"), parse_filter("cmd:e"), NOON)
    assert not matches(job(command="É"), parse_filter("cmd:é"), NOON)


# ------------------------------------------------------------------ completing


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("", [f"{key}:" for key in KEYS]),
        ("dead ", [f"{key}:" for key in KEYS]),
        ("s", ["state:"]),
        ("Q", ["queue:"]),
        ("state:p", ["state:pending", "state:processing"]),
        ("state:dead,f", ["state:dead,failed"]),
        ("state:dead,de", []),
        ("x queue:", ["queue:mail", "queue:video"]),
        ("queue:v", ["queue:video"]),
        ("older:1", ["older:15m", "older:1h", "older:1d"]),
        ("exit:s", ["exit:signal"]),
        ('cmd:"a st', []),
        ('"a b" st', ["state:"]),
        ("nothing:", []),
    ],
)
def test_the_word_at_the_cursor_is_completed(text: str, offered: list[str]) -> None:
    assert complete_filter(text, len(text), ["mail", "video"]) == offered


def test_only_what_is_left_of_the_cursor_is_completed() -> None:
    assert complete_filter("state:d queue:x", 7, []) == ["state:dead"]


@given(typed, st.integers(0, 20))
def test_completing_never_fails(text: str, cursor: int) -> None:
    complete_filter(text, min(cursor, len(text)), ["mail"])
