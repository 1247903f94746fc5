"""Job JSON in: what is asked for is read, and everything else is refused in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import NewJob
from queuectl_core.model.parsing import FIELDS, parse_job

NOW = datetime(2030, 6, 1, 12, 0, tzinfo=UTC)
THEN = datetime(2031, 1, 1, tzinfo=UTC)
THEN_TEXT = "2031-01-01T00:00:00Z"


def _parse(**fields: object) -> NewJob:
    return parse_job(json.dumps({"command": "true", **fields}), NOW)


def _refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as refusal:
        parse_job(text, NOW)
    sentence = str(refusal.value)
    assert clean(sentence) == sentence
    return sentence


def test_a_command_is_enough() -> None:
    assert parse_job('{"command": "echo hi"}', NOW) == NewJob("echo hi")


def test_every_field_is_read() -> None:
    job = _parse(
        command=["ls", "-l"], id="a", queue="q", priority=-3, max_retries=0, timeout="1m", run_at=THEN_TEXT,
        cwd="/", env={"A": "b"},
    )  # fmt: skip

    assert job == NewJob(("ls", "-l"), "a", "q", -3, 0, 60.0, 0.0, THEN, "/", {"A": "b"})


def test_a_delay_may_be_a_number_or_text() -> None:
    assert _parse(delay=1.5).delay == _parse(delay="1.5s").delay == 1.5


@pytest.mark.parametrize("name", ["run_at", "next_run", "next_run_at"])
def test_an_instant_has_three_names(name: str) -> None:
    assert _parse(**{name: THEN_TEXT}).run_at == THEN


def test_what_old_job_files_carry_is_tolerated() -> None:
    assert _parse(state="pending", attempts=0, created_at="whenever", updated_at=7) == NewJob("true")


@pytest.mark.parametrize(
    "name", ["timeout", "run_at", "next_run", "next_run_at", "cwd", "env", "created_at", "updated_at"]
)
def test_null_is_as_good_as_not_given(name: str) -> None:
    assert _parse(**{name: None}) == NewJob("true")


def test_a_null_instant_takes_no_other_ones_place() -> None:
    assert _parse(run_at=None, next_run=THEN_TEXT, next_run_at=None).run_at == THEN
    assert _parse(run_at=None, delay=5).delay == 5.0


@pytest.mark.parametrize("name", ["command", "id", "queue", "priority", "max_retries", "delay", "state", "attempts"])
def test_null_is_refused_where_a_value_is_needed(name: str) -> None:
    assert _refusal(json.dumps({"command": "true", name: None})).startswith(f"{name} must ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"command":"a","priority":1.5}', "priority must be a whole number from -1000 to 1000, not 1.5"),
        ('{"command":"a","priorty":1}', 'a job has no field "priorty": did you mean priority?'),
        ('{"command":"a","\\u001b[2J":1}', r'a job has no field "\x1b[2J"'),
        ('{"command":"a","command":"b"}', 'the job gives "command" more than once'),
        ('{"command":"a","env":{"A":"b","A":"c"}}', 'the job gives "A" more than once'),
        ('{"command":"a","timeout":NaN}', "the job is not valid JSON: it has no number NaN"),
        ('{"command":"a","delay":-Infinity}', "the job is not valid JSON: it has no number -Infinity"),
        ('{"command":"a","delay":1e999}', "delay must be at most ten years (3650d), not inf"),
        ('{"command":"a","state":"dead"}', 'state must be "pending" in a new job, not "dead"'),
        ('{"command":"a","attempts":1}', "attempts must be 0 in a new job, not 1"),
        ('{"command":"a","attempts":false}', "attempts must be 0 in a new job, not false"),
        ('{"command":"a","attempts":0.0}', "attempts must be 0 in a new job, not 0.0"),
        (
            '{"command":"a","delay":0,"run_at":"9:00"}',
            "delay and run_at both say when to run: give one of them",
        ),
        ("{}", 'command is missing: a job looks like {"command": "echo hello"}'),
        ("[]", 'a job must be a JSON object, not a list: a job looks like {"command": "echo hello"}'),
        ("echo hi", "the job is not valid JSON: Expecting value (line 1, column 1)"),
        ('{"command":"a"} x', "the job is not valid JSON: Extra data (line 1, column 17)"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, sentence: str) -> None:
    assert _refusal(text) == sentence


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_huge_number_is_refused(digits: int) -> None:
    assert "number" in _refusal('{"command": "a", "priority": ' + "9" * digits + "}")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_bottomless_nesting_is_refused(opening: str) -> None:
    assert _refusal(opening * 200_000) == "the job is nested too deeply"


def test_two_instants_are_refused() -> None:
    twice = {"command": "a", "run_at": "10:00", "next_run": "10:00"}

    assert _refusal(json.dumps(twice)).startswith("next_run says again when to run")


def test_a_long_bad_value_is_repeated_only_in_part() -> None:
    assert len(_refusal(json.dumps({"command": "a", "id": "ä" * 10_000}))) < 150


def test_the_word_matcher_is_loaded_for_a_mistake_alone() -> None:
    program = (
        "import sys, datetime as d; from queuectl_core.model.parsing import parse_job; "
        """parse_job('{"command": "true"}', d.datetime.now(d.UTC)); sys.exit('difflib' in sys.modules)"""
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _parse_or_refuse(text: str) -> None:
    sentence = ""
    try:
        parse_job(text, NOW)
    except InvalidInput as refusal:
        sentence = str(refusal)
    assert clean(sentence) == sentence


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_a_job_or_invalid_input(text: str) -> None:
    _parse_or_refuse(text)


@given(json_values)
def test_any_json_value_is_a_job_or_invalid_input(value: Any) -> None:
    _parse_or_refuse(json.dumps(value))


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_values_of_known_fields_are_a_job_or_invalid_input(fields: dict[str, Any]) -> None:
    _parse_or_refuse(json.dumps({"command": "true", **fields}))
