"""Writers wait at the gate: one is through at a time, and a gate that stays shut is an error in the end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from queuectl_core.model.errors import StoreBusy
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home, prepare_folders, prepare_home
from queuectl_core.store.sqlite.gate import Gate
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(str(tmp_path / "home"))
    prepare_home(made)
    prepare_folders(made)
    return made


def test_one_is_through_at_a_time(home: Home) -> None:
    first, second = Gate(home, 1.0), Gate(home, 1.0)

    assert first.is_open()
    assert not second.is_open()
    first.leave()
    assert second.is_open()

    first.close()
    second.close()


def test_a_waiter_passes_once_the_other_has_left(home: Home) -> None:
    other = Gate(home, 1.0)
    with SqliteStore(home) as store:
        assert other.is_open()
        timer = threading.Timer(0.05, other.leave)
        timer.start()

        job = store.run(enqueue(NewJob("true")))

        timer.join()
        assert store.run(page()) == [job]
    other.close()


def test_a_gate_that_stays_shut_is_an_error_and_reads_go_on(home: Home) -> None:
    other = Gate(home, 1.0)
    with SqliteStore(home, busy_seconds=0.05) as store:
        assert other.is_open()

        with pytest.raises(StoreBusy):
            store.run(enqueue(NewJob("true")))

        assert store.run(page()) == []
        other.leave()
        store.run(enqueue(NewJob("true")))
    other.close()


def test_the_gate_is_left_when_a_transaction_fails(home: Home) -> None:
    with SqliteStore(home) as store:
        with pytest.raises(ValueError, match="broken"):
            store.run(enqueue(NewJob("true", env=Broken())))
        other = Gate(home, 1.0)
        assert other.is_open()
        other.close()


class Broken(dict[str, str]):
    """An environment that cannot be read."""

    def __bool__(self) -> bool:
        raise ValueError("broken")

    def items(self) -> object:  # type: ignore[override]  # it is broken
        raise ValueError("broken")
