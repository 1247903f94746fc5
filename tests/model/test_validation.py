"""The rule of every field: what passes comes back ready to use, what does not is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from queuectl_core.model.cleaning import clean, shown
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import MOST_RETRIES, Changes, NewJob
from queuectl_core.model.validation import (
    check_changes,
    check_command,
    check_cwd,
    check_delay,
    check_env,
    check_id,
    check_job,
    check_max_retries,
    check_priority,
    check_queue,
    check_run_at,
    check_timeout,
    nearest,
)

CHECKS: dict[str, Callable[[object], object]] = {
    "id": check_id,
    "queue": check_queue,
    "command": check_command,
    "priority": check_priority,
    "max_retries": check_max_retries,
    "timeout": check_timeout,
    "delay": check_delay,
    "run_at": check_run_at,
    "cwd": check_cwd,
    "env": check_env,
}
BAD_NAMES: list[object] = [
    *("", "-a", ".a", "a b", "a/b", "a\n", "\na", "é", "٣", "a" * 129, "a\0", "a\ud800"),
    *(None, 1, True, ["a"], b"a"),
]
BAD: dict[str, list[object]] = {
    "id": [*BAD_NAMES, "12", "0"],
    "queue": BAD_NAMES,
    "command": [
        *("", " ", "\n\t", "a\0b", "\ud800", None, 1, True, {}, {"a": 1}, b"ls", {"ls"}),
        *("x" * 131_072, "é" * 65_536, ["echo", "x" * 131_072]),
        *([], (), [""], [" "], ["ls", 1], ["ls", "\0"], ["ls", "\udcff"], [None], [["ls"]]),
    ],
    "priority": [-1001, 1001, 1.0, 1.5, True, "1", None, [], 10**400, float("nan")],
    "max_retries": [-1, MOST_RETRIES + 1, 3.0, False, "3", None, {}, 10**5000],
    "timeout": [0, 0.0, -1, "0s", "0.4ms", True, None, "soon", [], float("inf"), float("nan"), 1e-300],
    "delay": [-1, "-1s", True, None, "soon", {}, float("inf"), float("nan"), "3651d"],
    "run_at": ["2030-01-01", 0, None, True, datetime(1969, 1, 1, tzinfo=UTC)],
    "cwd": ["", "a\0b", "\udcff", None, 1, True, ["/"], b"/", "/" * 4096, "/" + "é" * 2048],
    "env": [
        *(None, 1, "A=b", [], [["A", "b"]]),
        *({"": "b"}, {"A=": "b"}, {"A\0": "b"}, {"\ud800": "b"}, {1: "b"}),
        *({"A": 1}, {"A": None}, {"A": "\0"}, {"A": "\ud800"}, {"A": ["b"]}),
        *({"A": "x" * 131_070}, {"A": "é" * 65_535}, {"x" * 131_071: ""}),
    ],
}
GOOD: list[tuple[str, object, object]] = [
    *((field, name, name) for field in ("id", "queue") for name in ("a", "A.b_c:d-e", "0x", "a" * 128)),
    ("queue", "7", "7"),
    ("command", " echo hi ", " echo hi "),
    ("command", "écho 日本", "écho 日本"),
    ("command", ["printf", "", "a b"], ("printf", "", "a b")),
    *(("priority", number, number) for number in (-1000, 0, 1000)),
    *(("max_retries", number, number) for number in (0, MOST_RETRIES)),
    ("timeout", "1m", 60.0),
    ("timeout", 0.001, 0.001),
    ("delay", 0, 0.0),
    ("delay", "1.5s", 1.5),
    ("cwd", "/tmp/a b", "/tmp/a b"),
    ("cwd", "/" * 4095, "/" * 4095),
    ("env", {}, {}),
    ("env", {"A": "", "B": "x=y"}, {"A": "", "B": "x=y"}),
]


@pytest.mark.parametrize(("field", "value", "expected"), GOOD)
def test_a_good_value_comes_back_ready_to_use(field: str, value: object, expected: object) -> None:
    checked = CHECKS[field](value)

    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD.items() for value in values], ids=shown
)
def test_a_bad_value_is_refused_in_one_line_that_names_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as refusal:
        CHECKS[field](value)

    sentence = str(refusal.value)
    assert field in sentence.split()[:5]
    assert clean(sentence) == sentence
    assert len(sentence) < 200


@pytest.mark.parametrize(
    ("value", "ending"), [("5", 'not the text "5"'), (True, "not true"), (1.0, "not 1.0"), (1001, "not 1001")]
)
def test_what_is_no_whole_number_is_told_so(value: object, ending: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_priority(value)

    assert str(refusal.value) == f"priority must be a whole number from -1000 to 1000, {ending}"


def test_the_longest_command_that_a_shell_can_be_given_passes() -> None:
    assert check_command("é" * 65_535 + "x") == "é" * 65_535 + "x"


def test_the_longest_variable_that_a_process_can_be_given_passes() -> None:
    env = {"A": "é" * 65_534 + "x"}

    assert check_env(env) == env


def test_a_variable_that_is_too_long_is_named_and_not_repeated() -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_env({"TOKEN": "secret" * 30_000})

    said = 'env "TOKEN" is 180,006 bytes long with its name, and the system takes 131,071: put it into a file'
    assert str(refusal.value) == said


def test_an_instant_of_a_job_comes_back_in_utc() -> None:
    there = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    assert check_run_at(there) == there
    assert check_run_at(there).tzinfo is UTC


def test_a_job_with_nothing_but_a_command_stays_as_it_is() -> None:
    job = NewJob("true")

    assert check_job(job) == job


def test_a_whole_job_comes_back_in_its_final_form() -> None:
    given: Any = NewJob(["ls", "-l"], "a", "q", 5, 0, "1m", "2s", None, "/", {"A": "b"})  # type: ignore[arg-type]

    assert check_job(given) == NewJob(("ls", "-l"), "a", "q", 5, 0, 60.0, 2.0, None, "/", {"A": "b"})


@pytest.mark.parametrize(("field", "value"), [(field, values[-1]) for field, values in BAD.items()], ids=shown)
def test_a_job_and_an_edit_are_refused_for_one_bad_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=field):
        check_job(NewJob("true")._replace(**{field: value}))  # type: ignore[arg-type]
    if field in Changes._fields and value is not None:
        with pytest.raises(InvalidInput, match=field):
            check_changes(Changes()._replace(**{field: value}))  # type: ignore[arg-type]


def test_delay_and_instant_together_are_refused() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)

    with pytest.raises(InvalidInput, match="delay and run_at"):
        check_job(NewJob("true", delay=1.0, run_at=moment))
    with pytest.raises(InvalidInput, match="delay and run_at"):
        check_changes(Changes(delay=0.0, run_at=moment))


def test_an_edit_leaves_what_it_does_not_name() -> None:
    assert check_changes(Changes(priority=5)) == Changes(priority=5)
    assert check_changes(Changes(no_timeout=True)) == Changes(no_timeout=True)


def test_an_edit_cannot_set_a_timeout_and_take_it_away() -> None:
    with pytest.raises(InvalidInput, match="timeout"):
        check_changes(Changes(timeout=5.0, no_timeout=True))


def test_a_mistyped_word_is_met_with_the_nearest() -> None:
    assert nearest("priorty", ("queue", "priority")) == "did you mean priority?"
    assert nearest("xyz", ("queue", "priority")) == ""
