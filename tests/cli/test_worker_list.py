"""`queuectl worker list`, and the commands that find no pool."""

from __future__ import annotations

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.roster import arriving
from queuectl_core.store.opening import open_home
from queuectl_core.store.transactions.workers import register_pool, register_worker, roster
from tests.cli.line import CommandLine
from tests.store.acts import put, started
from tests.store.engines import Engine


def register(store: Engine, pool: str, *workers: str, queues: tuple[str, ...] = ()) -> None:
    store.run(register_pool(pool, "here", 1, 1))
    for worker in workers:
        store.run(register_worker(worker, pool, "here", 1, queues, 0))


def test_no_worker_is_an_empty_list(queuectl: CommandLine) -> None:
    assert queuectl.json("worker", "list") == []
    assert queuectl("worker", "list").out == ""


def test_a_worker_is_shown_with_what_it_does(queuectl: CommandLine, store: Engine) -> None:
    register(store, "pool", "pool-1", "pool-2", queues=("mail",))
    put(store)
    started(store)
    held = Hold(queuectl.home, "pool-1")

    first, second = queuectl.json("worker", "list")

    assert first == {
        "id": "pool-1",
        "pool": "pool",
        "host": "here",
        "pid": 1,
        "state": "busy",
        "job": "1",
        "since": first["since"],
        "queues": ["mail"],
    }
    assert first["since"].endswith("Z")
    assert (second["state"], second["job"]) == ("lost", None)
    held.close()


def test_in_a_pipe_a_worker_is_a_line_of_fields(queuectl: CommandLine, store: Engine) -> None:
    register(store, "pool", "pool-1")

    [line] = queuectl("worker", "list").out.splitlines()

    assert line.split("\t")[:3] == ["pool-1", "1", "lost"]
    assert line.split("\t")[4:] == ["-", "all"]


def test_a_pool_is_awaited_until_it_is_on_the_roster(queuectl: CommandLine, store: Engine) -> None:
    held = Hold(queuectl.home, "pool")
    with open_home(queuectl.home) as commands:
        assert arriving(commands) == {"pool"}

        register(store, "pool", "pool-1")

        assert arriving(commands) == frozenset()
    held.close()


def test_stop_is_content_where_no_pool_runs(queuectl: CommandLine) -> None:
    ran = queuectl("worker", "stop")

    assert (ran.status, ran.out) == (0, "")
    assert "no pool is running" in ran.err


def test_a_dead_pool_is_not_waited_for(queuectl: CommandLine, store: Engine) -> None:
    register(store, "abc")

    assert queuectl("worker", "stop").status == 0
    assert queuectl("worker", "stop", "--pool", "abc").status == 1


def test_scale_needs_a_pool_and_says_which_there_are(queuectl: CommandLine, store: Engine) -> None:
    assert queuectl("worker", "scale", "2").status == 1

    register(store, "abc")
    register(store, "def")
    held = [Hold(queuectl.home, name) for name in ("abc", "def")]
    several = queuectl("worker", "scale", "2")
    named = queuectl("worker", "scale", "2", "--pool", "def")
    unknown = queuectl("worker", "scale", "2", "--pool", "xyz")

    assert (several.status, named.status, unknown.status) == (1, 0, 1)
    assert "abc, def" in several.err
    assert {pool.id: pool.wanted for pool in store.run(roster()).pools} == {"abc": 1, "def": 2}
    for hold in held:
        hold.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ("scale", "0"),
        ("scale", "-1"),
        ("scale", "100000"),
        ("scale", "x"),
        ("stop", "--now", "--timeout", "1"),
        ("stop", "--timeout", "soon"),
        ("start", "--count", "0"),
        ("start", "--count", "100000"),
        ("start", "--queue", "no good"),
        ("start", "--grace", "-1"),
        ("start", "--log-format", "xml"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(queuectl: CommandLine, arguments: tuple[str, ...]) -> None:
    ran = queuectl("worker", *arguments)

    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
