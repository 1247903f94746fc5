"""The form of a job: what its lines mean, and what they keep. No screen; that is `test_editing.py`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from queuectl_core.model.errors import InvalidInput, WrongState
from queuectl_core.model.job import Changes, Job, JobState, NewJob
from queuectl_core.model.parsing import parse_job
from queuectl_tui.forms.as_text import text_of
from queuectl_tui.forms.drafts import Draft, Meaning, changes_between, draft_of, empty_draft
from queuectl_tui.forms.fields import locked, read, texts_of
from queuectl_tui.forms.variables import HIDDEN, hidden, one_line, read_variables, revealed

NOW_MS = 1_700_000_040_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)

STORED = Job(
    number=7, name="seven", command="echo hello", state=JobState.PENDING, queue="mail", priority=5, attempts=0,
    max_retries=2, due=NOW_MS + 3_600_123, timeout_ms=61_234, cwd="/srv", env={"TOKEN": "s3cret"}, created_at=NOW_MS,
    updated_at=NOW_MS, started_at=None, finished_at=None, exit_code=None, signal=None, error=None, worker=None, runs=0,
    cancelling=False,
)  # fmt: skip


def waiting(**facts: Any) -> Draft:
    return draft_of(STORED._replace(**facts), NOW_MS)


def reading(draft: Draft, **texts: str) -> NewJob:
    found = read({**texts_of(draft), **texts}, draft, NOW)
    assert found.job is not None, found.wrong
    return found.job


def wrong(draft: Draft, **texts: str) -> dict[str, str]:
    return read({**texts_of(draft), **texts}, draft, NOW).wrong


def changes(draft: Draft, **texts: str) -> Changes:
    return changes_between(draft.before, reading(draft, **texts))


# ---------------------------------------------------------------- a new job


def test_a_command_alone_makes_a_job_with_every_default() -> None:
    assert reading(empty_draft(), command="echo hello") == NewJob("echo hello")


def test_every_line_becomes_its_field() -> None:
    job = reading(
        empty_draft(), command="make all", id="nightly", queue="builds", priority="-3", max_retries="0",
        timeout="1h30m", delay="90", cwd="/srv/[/red]", env="A=1 B='two words' C=",
    )  # fmt: skip

    assert job == NewJob("make all", "nightly", "builds", -3, 0, 5400.0, 90.0, None, "/srv/[/red]",
                         {"A": "1", "B": "two words", "C": ""})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('["make", "a b"]', ("make", "a b")),
        ("[ -f x ] && echo yes", "[ -f x ] && echo yes"),
        ("[1, 2]", "[1, 2]"),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_a_command_is_for_the_shell_unless_it_is_a_list_of_text(text: str, command: object) -> None:
    assert reading(empty_draft(), command=text).command == command


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("command", " ", "command must not be empty"),
        ("command", '["", "x"]', "command must begin with the program"),
        ("id", "12", "id must not be all digits"),
        ("queue", "[/red]", 'a letter or digit first, not "[/red]"'),
        ("priority", "1001", "priority must be a whole number from -1000 to 1000, not 1001"),
        ("priority", "ten", 'not the text "ten"'),
        ("max_retries", "-1", "max_retries must be a whole number from 0 to 10000"),
        ("timeout", "0", "timeout must be at least 1ms"),
        ("delay", "soon", "delay must be a duration"),
        ("run_at", "25:00", "run_at must be a time"),
        ("env", "A", "env must be NAME=VALUE"),
        ("env", "=1", "env must have names"),
        ("env", "A='1", "env has a quotation mark that is not closed"),
        ("env", "A=1 A=2", 'env gives "A" more than once'),
        ("env", f"A={HIDDEN}", 'env has no value of "A" to keep'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_is_said_of_its_field(name: str, text: str, said: str) -> None:
    found = wrong(empty_draft(), **{"command": "true", name: text})

    assert list(found) == [name]
    assert said in found[name]


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert set(wrong(empty_draft(), priority="x", queue="?")) == {"command", "priority", "queue"}


def test_a_delay_and_an_instant_are_one_too_many() -> None:
    assert "both say when to run" in wrong(empty_draft(), command="true", delay="5m", run_at="09:30")["run_at"]


# ---------------------------------------------------------------- a job that is edited


@pytest.mark.parametrize(
    ("state", "meaning", "title"),
    [
        (JobState.PENDING, Meaning.CHANGE, "Change job seven, which waits"),
        (JobState.FAILED, Meaning.CHANGE, "Change job seven, which waits"),
        (JobState.DEAD, Meaning.SEND_BACK, "Change job seven, which is dead, and send it back"),
        (JobState.COMPLETED, Meaning.AGAIN, "A new job like seven, which is completed"),
        (JobState.CANCELLED, Meaning.AGAIN, "A new job like seven, which is cancelled"),
    ],
)
def test_the_state_of_a_job_says_what_editing_it_means(state: JobState, meaning: Meaning, title: str) -> None:
    draft = waiting(state=state)

    assert (draft.meaning, draft.title) == (meaning, title)


def test_a_job_that_runs_is_not_edited() -> None:
    with pytest.raises(WrongState, match="job seven is processing: wait until its run has ended"):
        waiting(state=JobState.PROCESSING)


def test_lines_that_were_left_alone_change_nothing_to_the_last_digit() -> None:
    draft = waiting(timeout_ms=3_661_234)

    assert texts_of(draft)["timeout"] == "1h1m1s"
    assert changes(draft) == Changes()
    assert reading(draft) == draft.before


def test_only_what_differs_is_changed() -> None:
    assert changes(waiting(), command="echo bye", priority="6") == Changes(command="echo bye", priority=6)


def test_an_emptied_timeout_is_taken_away() -> None:
    assert changes(waiting(), timeout="") == Changes(no_timeout=True)


def test_an_emptied_instant_means_now_and_another_one_that() -> None:
    assert changes(waiting(), run_at="") == Changes(delay=0.0)
    assert changes(waiting(), run_at="", delay="5m") == Changes(delay=300.0)
    assert changes(waiting(), run_at="2030-01-31T09:30Z") == Changes(run_at=datetime(2030, 1, 31, 9, 30, tzinfo=UTC))


def test_a_stored_job_is_not_left_without_retries_or_a_directory() -> None:
    assert set(wrong(waiting(), max_retries="", cwd=" ")) == {"max_retries", "cwd"}
    assert reading(waiting(state=JobState.COMPLETED), max_retries="", cwd="").max_retries is None


def test_a_command_of_several_lines_is_locked_and_kept() -> None:
    draft = waiting(command="one\ntwo \x1b[31m")

    assert locked(draft) == {"command"}
    assert texts_of(draft)["command"] == r"one\ntwo \x1b[31m"
    assert changes(draft, priority="6") == Changes(priority=6)


def test_the_words_of_an_argument_vector_come_back_as_they_were() -> None:
    draft = waiting(command=("printf", "a\nb\u202e", "é"))

    assert texts_of(draft)["command"] == r'["printf", "a\nb\u202e", "é"]'
    assert locked(draft) == frozenset()
    assert changes(draft, command=texts_of(draft)["command"] + " ") == Changes()


# ---------------------------------------------------------------- the environment


AWKWARD = {"A": "1", "TWO": "it's two", "E": "", "a b": "c d", "M": "one\ntwo", "R": "[/red]$HOME"}


def test_values_are_hidden_until_they_are_asked_for() -> None:
    assert one_line({"A": "1", "TOKEN": "s3cret"}) == f"A={HIDDEN} TOKEN={HIDDEN}"
    assert revealed(f"A={HIDDEN} TOKEN={HIDDEN}", {"A": "1", "TOKEN": "s3cret"}) == "A=1 TOKEN=s3cret"


def test_awkward_values_survive_being_hidden_and_shown() -> None:
    shown = revealed(one_line(AWKWARD), AWKWARD)

    assert read_variables(one_line(AWKWARD), AWKWARD) == AWKWARD
    assert read_variables(shown, AWKWARD) == AWKWARD
    assert f"M={HIDDEN}" in shown
    assert hidden(shown, AWKWARD) == one_line(AWKWARD)


def test_a_variable_can_be_added_while_the_others_stay_hidden() -> None:
    draft = waiting()

    assert changes(draft, env=f"TOKEN={HIDDEN} NEW=1") == Changes(env={"TOKEN": "s3cret", "NEW": "1"})
    assert changes(draft, env="") == Changes(env={})


# ---------------------------------------------------------------- as text


def test_the_text_of_a_job_reads_back_as_the_job() -> None:
    draft = waiting(command=("printf", "a\u202eb\x7f\U000e0041"), env=AWKWARD)

    text = text_of(draft.before)

    assert all(letter.isprintable() for line in text.splitlines() for letter in line)
    assert changes_between(draft.before, parse_job(text, NOW)) == Changes()


def test_a_field_that_was_taken_out_of_the_text_is_what_a_new_job_has() -> None:
    draft = waiting()
    fields = json.loads(text_of(draft.before))
    short = {name: fields[name] for name in ("command", "max_retries", "cwd")}

    found = changes_between(draft.before, parse_job(json.dumps(short), NOW))

    assert found == Changes(queue="default", priority=0, no_timeout=True, delay=0.0, env={})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (NewJob("true", id="other", max_retries=1, cwd="/"), "id cannot be changed"),
        (NewJob("true", cwd="/"), "max_retries is missing"),
        (NewJob("true", max_retries=1), "cwd is missing"),
    ],
)
def test_what_an_edit_cannot_do_is_refused(wanted: NewJob, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        changes_between(waiting().before, wanted)
