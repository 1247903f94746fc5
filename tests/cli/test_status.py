"""`queuectl status`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from queuectl_core.cli.status import Hands, count_hands
from queuectl_core.execution.roster import WorkerState, WorkerView
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.store import SqliteStore
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
        "warnings": [],
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


# ---------------------------------------------------------------- a log that a reader holds up

READ = """
import sqlite3, sys
reader = sqlite3.connect(sys.argv[1], isolation_level=None)
reader.execute("BEGIN")
reader.execute("SELECT count(*) FROM jobs").fetchall()
print("reads", flush=True)
sys.stdin.read()
"""


@contextmanager
def long_read(home: Home) -> Iterator[int]:
    """A process that reads the whole time; its pid."""
    command = [sys.executable, "-c", READ, home.database]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        yield process.pid
        process.communicate()


@pytest.mark.parametrize("copied", [True, False], ids=["of-the-file-alone", "of-the-log"])
def test_a_reader_that_stays_is_named_until_it_has_gone(
    queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    """Whether the log was copied as the read began, so that it reads of the file alone, or was not."""
    monkeypatch.setattr(wal, "HELD_UP_PAGES", 200)
    put(store)
    if copied:
        with SqliteStore(queuectl.home) as other:
            assert other.checkpoint()
    with long_read(queuectl.home) as pid:
        assert queuectl.json("status")["warnings"] == []
        for _ in range(30):
            put(store, "x" * 40_000)

        [warning] = queuectl.json("status")["warnings"]
        assert f"cannot be copied while pid {pid} (python" in warning
        assert "end that read" in warning
        assert f"warning\t{warning}\n" in queuectl("status").out
        [found] = [one for one in queuectl.json("doctor") if one["check"] == "wal"]
        assert found["status"] == "warning"
        assert f"pid {pid} (" in found["detail"]

    with SqliteStore(queuectl.home) as writer:
        writer.checkpoint()
    assert queuectl.json("status")["warnings"] == []
    [found] = [one for one in queuectl.json("doctor") if one["check"] == "wal"]
    assert found["status"] == "ok"


def test_a_log_that_is_long_and_copied_alarms_nobody(
    queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        put(store, "x" * 40_000)
    with SqliteStore(queuectl.home) as other:
        other.checkpoint()
    monkeypatch.setattr(wal, "HELD_UP_PAGES", 200)
    assert wal.is_long(queuectl.home.database, 200)

    assert queuectl.json("status")["warnings"] == []


def test_a_person_sees_the_warning(home: Home, store: Engine) -> None:
    with long_read(home) as pid:
        for _ in range(1700):  # 80 MB
            put(store, "x" * 40_000)
        shown = at_terminal(home, "status").out

    assert "Warnings" in shown
    assert f"pid {pid} (" in shown
