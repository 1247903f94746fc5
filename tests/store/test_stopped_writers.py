"""A process that is stopped in the midst of a write, or at the gate to one: whoever waits in vain is told who it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.execution.processes import is_stopped
from queuectl_core.model.errors import StoreBusy
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import holders
from queuectl_core.store.sqlite.holders import Writer, writer
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.cli.line import run_program
from tests.execution.waiting import eventually

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs the kernel's list of locks")

IN_A_WRITE = """
import os, signal, sys
from queuectl_core.model.job import NewJob
from queuectl_core.store import failpoints
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
def stop(point, *_):
    if point is failpoints.Failpoint.BEFORE_COMMIT:
        os.kill(os.getpid(), signal.SIGSTOP)
failpoints.reached = stop
SqliteStore(Home(sys.argv[1])).run(enqueue(NewJob("late")))
"""

AT_THE_GATE = """
import os, signal, sys
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.gate import Gate
with Gate(Home(sys.argv[1]), 60).passed():
    os.kill(os.getpid(), signal.SIGSTOP)
"""

PAST_THE_GATE = """
import os, signal, sqlite3, sys
other = sqlite3.connect(sys.argv[1] + "/queue.db", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
os.kill(os.getpid(), signal.SIGSTOP)
other.execute("ROLLBACK")
"""
"""Another program, which knows of no gate."""


@contextmanager
def stopped(home: Home, program: str) -> Iterator[int]:
    """A process that has stopped itself; its pid. Afterwards it has gone on, and ended well."""
    process = subprocess.Popen([sys.executable, "-c", program, home.path], cwd=ROOT)
    try:
        eventually(lambda: is_stopped(process.pid), what="it is stopped")
        yield process.pid
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def told(home: Home, *arguments: str) -> Any:
    """What a command says, as JSON."""
    return json.loads(run_program(home, *arguments, "--json").out)


@pytest.mark.parametrize(
    ("program", "late"),
    [(IN_A_WRITE, 1), (AT_THE_GATE, 0), (PAST_THE_GATE, 0)],
    ids=["in-a-write", "at-the-gate", "past-the-gate"],
)
def test_who_is_stopped_and_keeps_all_others_from_writing_is_named(home: Home, program: str, late: int) -> None:
    with SqliteStore(home, busy_seconds=0.2) as store:
        store.run(enqueue(NewJob("true")))
        with stopped(home, program) as pid:
            named = rf"another process, which is stopped \(pid {pid}\): .*kill -CONT {pid}'"
            with pytest.raises(StoreBusy, match=named):
                store.run(enqueue(NewJob("true")))
            assert len(store.run(page())) == 1  # Readers go on.
            [warning] = told(home, "status")["warnings"]
            assert f"pid {pid} (" in warning
            [found] = [one for one in told(home, "doctor") if one["check"] == "writer"]
            assert found["status"] == "problem"
            assert f"pid {pid} (" in found["detail"]
            assert f"kill -CONT {pid}" in found["advice"]

        store.run(enqueue(NewJob("true")))
        assert len(store.run(page())) == 2 + late
    assert told(home, "status")["warnings"] == []


def test_who_writes_and_is_not_stopped_is_named_as_one_who_will_be_done(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(home, busy_seconds=0.2) as store, stopped(home, IN_A_WRITE) as pid:
        assert writer(home) == Writer(pid, stopped=True)
        monkeypatch.setattr(holders, "_is_stopped", lambda _: False)  # as if it were slow

        with pytest.raises(StoreBusy, match=rf"held by another process \(pid {pid}\): try again"):
            store.run(enqueue(NewJob("true")))


def test_one_who_writes_oneself_is_no_other(home: Home) -> None:
    with SqliteStore(home) as store:
        store.run(enqueue(NewJob("true")))
        store._connection.execute("BEGIN IMMEDIATE")
        assert writer(home) is None
        store._connection.execute("ROLLBACK")
    assert writer(Home(os.path.join(home.path, "none"))) is None
