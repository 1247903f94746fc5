"""Doorbells: a commit wakes who sleeps for it, nobody else, and never waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from queuectl_core.model.errors import IdTaken
from queuectl_core.model.job import Changes, NewJob, Outcome
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Wake
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.changes import cancel, edit, retry
from queuectl_core.store.transactions.queues import pause, resume
from queuectl_core.store.transactions.workers import Orders, order, register_pool, scale
from tests.store.acts import dead, ended, put, put_many, started
from tests.store.engines import BlockingSqlite, Clock

Listen = Callable[[str], int]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Open the reading end of a doorbell, as a sleeping worker does."""
    with ExitStack() as opened:

        def open_bell(path: str) -> int:
            bell = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            opened.callback(os.close, bell)
            return bell

        yield open_bell


@pytest.fixture
def doorbell(sqlite_store: SqliteStore) -> Doorbell:
    """The doorbells of the home of `sqlite_store`."""
    return Doorbell(sqlite_store.home)


@pytest.fixture
def engine(sqlite_store: SqliteStore) -> BlockingSqlite:
    """`sqlite_store` as the acts of tests take it."""
    clock = Clock()
    sqlite_store.clock = clock
    return BlockingSqlite(sqlite_store, clock)


def rings(bell: int) -> int:
    """How often a doorbell was rung since it was last heard."""
    with suppress(BlockingIOError):
        return len(os.read(bell, 1 << 20))
    return 0


def test_a_commit_wakes_a_worker_of_its_queue_and_none_of_another(
    sqlite_store: SqliteStore, doorbell: Doorbell, listen: Listen
) -> None:
    [mail] = map(listen, doorbell.bells_of("w-1", ["mail"]))
    [video] = map(listen, doorbell.bells_of("w-2", ["video"]))

    sqlite_store.run(enqueue(NewJob("true", queue="mail")))

    assert (rings(mail), rings(video)) == (1, 0)


def test_a_worker_of_every_queue_is_woken_for_any(
    sqlite_store: SqliteStore, doorbell: Doorbell, listen: Listen
) -> None:
    [bell] = map(listen, doorbell.bells_of("w-1", []))

    sqlite_store.run(enqueue(NewJob("true", queue="mail")))

    assert rings(bell) == 1


def test_one_of_several_sleepers_is_woken(sqlite_store: SqliteStore, doorbell: Doorbell, listen: Listen) -> None:
    bells = [listen(path) for name in ("w-1", "w-2", "w-3") for path in doorbell.bells_of(name, ["default"])]
    bells += [listen(path) for path in doorbell.bells_of("w-4", [])]

    sqlite_store.run(enqueue(NewJob("true")))

    assert sum(map(rings, bells)) == 1


def test_a_worker_that_does_not_listen_is_passed_over(
    sqlite_store: SqliteStore, doorbell: Doorbell, listen: Listen
) -> None:
    paths = [path for name in ("w-1", "w-2", "w-3") for path in doorbell.bells_of(name, ["default"])]
    for path in paths:
        bell = listen(path)
        sqlite_store.run(enqueue(NewJob("true")))
        assert rings(bell) == 1
        doorbell.take_down(os.path.basename(path))


def test_a_worker_of_several_queues_is_woken_for_each(
    sqlite_store: SqliteStore, doorbell: Doorbell, listen: Listen
) -> None:
    bells = [listen(path) for path in doorbell.bells_of("w-1", ["mail", "video"])]

    for queue in ("mail", "video"):
        sqlite_store.run(enqueue(NewJob("true", queue=queue)))

    assert [rings(bell) for bell in bells] == [1, 1]


def test_that_nobody_listens_is_harmless(sqlite_store: SqliteStore, doorbell: Doorbell) -> None:
    sqlite_store.run(enqueue(NewJob("true")))
    doorbell.bells_of("w-1", [])
    doorbell.control_of("w-1")

    sqlite_store.run(enqueue(NewJob("true")))
    doorbell.ring([Wake(frozenset({"default"}), frozenset({"w-1", "unknown"}), frozenset({"pool"}))])


def test_doorbells_that_are_full_of_rings_hold_nobody_up(doorbell: Doorbell, listen: Listen) -> None:
    paths = [*doorbell.bells_of("w-1", ["default"]), doorbell.control_of("w-1")]
    bells = [listen(path) for path in paths]
    for path in paths:
        writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while os.write(writer, b"x" * 4096):
                pass
        os.close(writer)

    doorbell.ring([Wake(frozenset({"default"}), frozenset({"w-1"}))])

    assert all(rings(bell) for bell in bells)


def test_a_file_or_link_that_is_no_doorbell_is_not_written_to(sqlite_store: SqliteStore, doorbell: Doorbell) -> None:
    path = doorbell.control_of("w-1")
    os.unlink(path)
    target = f"{sqlite_store.home.path}/precious"
    with open(target, "w", encoding="utf-8") as file:
        file.write("mine")
    os.symlink(target, path)

    doorbell.ring([Wake(workers=frozenset({"w-1"}))])

    with open(target, encoding="utf-8") as file:
        assert file.read() == "mine"


def test_what_is_rolled_back_rings_nothing(sqlite_store: SqliteStore, doorbell: Doorbell, listen: Listen) -> None:
    sqlite_store.run(enqueue(NewJob("true", id="a")))
    [bell] = map(listen, doorbell.bells_of("w-1", []))

    with pytest.raises(IdTaken):
        sqlite_store.run(enqueue(NewJob("true", id="a")))

    assert rings(bell) == 0


async def test_the_console_rings_as_commands_do(home: Home, listen: Listen) -> None:
    async with await AsyncSqliteStore.open(home) as store:
        [bell] = map(listen, Doorbell(home).bells_of("w-1", []))
        await store.run(enqueue(NewJob("true")))
        assert rings(bell) == 1


def test_everything_that_makes_a_job_ready_rings(engine: BlockingSqlite, doorbell: Doorbell, listen: Listen) -> None:
    [bell] = map(listen, doorbell.bells_of("w-1", []))

    def rung() -> bool:
        return rings(bell) > 0

    put_many(engine, NewJob("true"), NewJob("true"))
    assert rung()
    ended(engine, started(engine), Outcome.RELEASED)
    assert rung()
    job = ended(engine, started(engine))
    assert not rung()
    engine.run(retry([job.id]))
    assert rung()
    engine.run(edit(job.id, Changes(delay=0)))
    assert rung()
    engine.run(pause(["default"]))
    assert not rung()
    engine.run(resume(["default"]))
    assert rung()


def test_cancelling_what_runs_rings_for_its_worker_alone(
    engine: BlockingSqlite, doorbell: Doorbell, listen: Listen
) -> None:
    mine, other = listen(doorbell.control_of("pool-1")), listen(doorbell.control_of("pool-2"))
    put(engine)
    waiting = put(engine)
    run = started(engine)

    engine.run(cancel([waiting.id]))
    assert rings(mine) == 0
    engine.run(cancel([run.job.id]))
    assert (rings(mine), rings(other)) == (1, 0)


def test_orders_ring_for_their_pools(engine: BlockingSqlite, doorbell: Doorbell, listen: Listen) -> None:
    engine.run(register_pool("a", "host", 1, 1))
    mine, other = listen(doorbell.control_of("a")), listen(doorbell.control_of("b"))

    engine.run(order(["a"], Orders.DRAIN))
    engine.run(scale("a", 2))

    assert (rings(mine), rings(other)) == (2, 0)


def test_a_doorbell_that_was_taken_down_is_gone(doorbell: Doorbell, engine: BlockingSqlite) -> None:
    paths = [*doorbell.bells_of("w-1", ["mail"]), *doorbell.bells_of("w-1", []), doorbell.control_of("w-1")]
    kept = doorbell.control_of("w-2")
    assert all(map(os.path.exists, paths))
    assert dead(engine)

    doorbell.take_down("w-1")
    doorbell.take_down("w-1")

    assert not any(map(os.path.exists, paths))
    assert os.path.exists(kept)
