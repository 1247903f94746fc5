"""What a pool tells of its events on stderr."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time

import pytest

from queuectl_core.cli import pool_events
from queuectl_core.cli.pool_events import SHOWN_OF_COMMAND, as_json, as_text, line_writer, reporter
from queuectl_core.execution.events import Notice, RunEnded, RunStarted, unheard
from queuectl_core.model.job import JobState, Outcome

NOW = 1_700_000_000.25
STARTED = RunStarted("a1b2-1", "17", 1, "default", "make report")
FAILED = RunEnded("a1b2-1", "17", 1, "default", Outcome.FAILED, JobState.FAILED, 1200, 3, None, "exit status 3", 4000)


def told(event: RunStarted | RunEnded | Notice) -> str:
    """The line of an event without its clock time."""
    return as_text(event, NOW).split(" ", 1)[1]


def test_a_start_names_worker_job_attempt_and_command() -> None:
    line = as_text(STARTED, NOW)

    assert line == f"{time.strftime('%H:%M:%S', time.localtime(NOW))} a1b2-1 job 17 started (attempt 1): make report"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(FAILED, "job 17 failed in 1.2s: exit status 3, retry in 4s", id="failed"),
        pytest.param(
            FAILED._replace(state=JobState.DEAD, attempt=4, retry_in_ms=None),
            "job 17 failed in 1.2s: exit status 3, dead after attempt 4: no retry left",
            id="dead",
        ),
        pytest.param(
            FAILED._replace(outcome=Outcome.COMPLETED, state=JobState.COMPLETED),
            "job 17 completed in 1.2s",
            id="completed",
        ),
        pytest.param(
            FAILED._replace(outcome=Outcome.CANCELLED, state=JobState.CANCELLED),
            "job 17 cancelled after 1.2s",
            id="cancelled",
        ),
        pytest.param(
            FAILED._replace(outcome=Outcome.RELEASED, state=JobState.PENDING),
            "job 17 released after 1.2s, its attempt not counted",
            id="released",
        ),
        pytest.param(
            FAILED._replace(outcome=Outcome.TIMED_OUT),
            "job 17 timed out after 1.2s, retry in 4s",
            id="timed out",
        ),
        pytest.param(
            FAILED._replace(error=None, exit_code=None, signal=9),
            "job 17 failed in 1.2s: ended by SIGKILL, retry in 4s",
            id="by a signal",
        ),
        pytest.param(
            FAILED._replace(state=JobState.CANCELLED),
            "job 17 failed in 1.2s: exit status 3, now cancelled",
            id="failed while being cancelled",
        ),
    ],
)
def test_an_end_says_how_and_what_follows(event: RunEnded, expected: str) -> None:
    assert told(event) == f"a1b2-1 {expected}"


def test_a_notice_is_its_sentence() -> None:
    assert told(Notice("pool a1b2 runs 4 workers")) == "pool a1b2 runs 4 workers"


def test_what_could_act_on_a_terminal_is_escaped_and_long_commands_are_cut() -> None:
    line = told(STARTED._replace(command="\x1b]52;c;!\x07 echo\n" + "x" * 500))

    assert "\x1b" not in line
    assert "\n" not in line
    assert line.endswith("…")
    assert len(line) < SHOWN_OF_COMMAND + 50


def test_colour_comes_only_where_it_is_asked_for() -> None:
    assert "\x1b[" not in as_text(FAILED, NOW)
    assert "\x1b[33m" in as_text(FAILED, NOW, coloured=True)


def test_json_is_one_object_with_the_fields_in_seconds() -> None:
    line = as_json(FAILED, NOW)

    assert "\n" not in line
    assert json.loads(line) == {
        "at": "2023-11-14T22:13:20.250Z",
        "event": "ended",
        "worker": "a1b2-1",
        "job": "17",
        "attempt": 1,
        "queue": "default",
        "outcome": "failed",
        "state": "failed",
        "duration": 1.2,
        "exit_code": 3,
        "signal": None,
        "error": "exit status 3",
        "retry_in": 4.0,
    }
    assert json.loads(as_json(STARTED, NOW))["command"] == "make report"
    assert json.loads(as_json(Notice("x", serious=True), NOW))["serious"] is True


def test_a_reader_that_does_not_read_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    write = line_writer(writer)
    lines = 100_000 // 50

    writing = threading.Thread(target=lambda: [write("x" * 99) for _ in range(lines)], daemon=True)
    writing.start()
    writing.join(10)

    assert not writing.is_alive()
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
    assert os.read(reader, 100) == b"x" * 99 + b"\n"
    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK
    os.close(reader)
    os.close(writer)


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    write = line_writer(writer)
    os.close(reader)

    write("nobody hears this")

    os.close(writer)


def test_a_descriptor_that_is_closed_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)

    line_writer(writer)("nobody hears this")


def test_what_would_be_thrown_away_is_not_even_put_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "wb") as nowhere, open(os.devnull, "rb") as reading, open("/dev/zero", "wb") as elsewhere:
        for file, is_heard in ((nowhere, False), (reading, False), (elsewhere, True)):
            monkeypatch.setattr(pool_events, "_STDERR", file.fileno())
            assert (reporter("text", coloured=False) is not unheard) == is_heard
