"""`queuectl status`."""

from __future__ import annotations

import pytest

from queuectl_core.cli.status import Hands, count_hands
from queuectl_core.execution.roster import WorkerState, WorkerView
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, at_terminal
from tests.store.acts import dead, ended, put, started
from tests.store.engines import Engine


def view(state: WorkerState, job: str | None = None) -> WorkerView:
    return WorkerView("p-1", "p", "here", 1, state, job, 0, ())


def test_an_empty_store_has_every_state_and_nulls_where_there_is_nothing(queuectl: CommandLine) -> None:
    found = queuectl.json("status")

    assert found == {
        "jobs": dict.fromkeys((state.value for state in JobState), 0),
        "total": 0,
        "workers": {"alive": 0, "busy": 0, "idle": 0},
        "oldest_pending_seconds": None,
        "throughput": {"1m": 0, "5m": 0, "15m": 0},
        "success_rate": None,
        "duration": None,
    }


def test_it_counts_jobs_by_state_and_the_runs_of_the_last_hour(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    ended(store, started(store), Outcome.COMPLETED, duration_ms=2000)
    dead(store)
    put(store)

    found = queuectl.json("status")

    assert found["total"] == 3
    assert found["jobs"] == {
        **dict.fromkeys((state.value for state in JobState), 0),
        "pending": 1,
        "completed": 1,
        "dead": 1,
    }
    assert found["success_rate"] == 0.5
    assert found["duration"]["max"] == 2
    assert found["throughput"]["5m"] == pytest.approx(2 / 300, abs=1e-4)


def test_the_oldest_waiting_job_is_told_in_seconds(queuectl: CommandLine, store: Engine) -> None:
    store.clock.now -= 90_000
    put(store)

    assert queuectl.json("status")["oldest_pending_seconds"] == pytest.approx(90, abs=30)


def test_in_a_pipe_each_line_is_a_key_a_tab_and_a_value(queuectl: CommandLine, store: Engine) -> None:
    put(store)

    pairs = dict(line.split("\t") for line in queuectl("status").out.splitlines())

    assert pairs["pending"] == pairs["total"] == "1"
    assert pairs["workers_alive"] == "0"
    assert {"throughput_1m", "success_rate", "duration_p95", "oldest_pending_seconds"} <= pairs.keys()


def test_a_draining_worker_with_a_job_is_busy_and_a_lost_one_counts_as_nothing() -> None:
    views = [
        view(WorkerState.IDLE),
        view(WorkerState.BUSY, "1"),
        view(WorkerState.DRAINING, "2"),
        view(WorkerState.LOST, "3"),
    ]

    assert count_hands(views) == Hands(alive=3, busy=2)
    assert count_hands(views).idle == 1


def test_a_person_sees_a_summary_and_is_sent_to_the_dead(home: Home, store: Engine) -> None:
    dead(store)
    put(store)

    shown = at_terminal(home, "status").out

    assert "✗ dead" in shown
    assert "1 dead: look at it with 'queuectl dlq list'" in shown
    assert "start some with 'queuectl worker start'" in shown
    assert "\x1b[" in shown


def test_no_color_takes_the_colour_away(home: Home, store: Engine) -> None:
    dead(store)

    assert "\x1b[31m" not in at_terminal(home, "status", NO_COLOR="1").out
    assert "31m" in at_terminal(home, "status").out
