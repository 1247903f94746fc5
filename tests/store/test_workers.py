"""The roster of pools and workers, and what pools are asked to do."""

from __future__ import annotations

import pytest

from queuectl_core.model.errors import NoSuchPool, Refused
from queuectl_core.store.transactions.workers import (
    MOST_WORKERS,
    Lease,
    Orders,
    Pool,
    Worker,
    order,
    pool_orders,
    register_pool,
    register_worker,
    roster,
    scale,
    scale_by,
    see_off,
    worker_draining,
    worker_took_settings,
)
from tests.store.engines import NOON, Engine


def test_pools_and_workers_are_on_the_roster_longest_there_first(store: Engine) -> None:
    lease = Lease("", 30_000)
    store.run(register_pool("b", "host", 10, 2, lease))
    store.run(register_worker("b-1", "b", "host", 11, ("mail", "video"), 4, lease))
    store.clock.now += 1
    store.run(register_pool("a", "host", 20, 1, lease))
    store.run(register_worker("a-1", "a", "host", 21, (), 5, lease))

    assert store.run(roster()) == (
        [Pool("b", "host", 10, NOON, 2, Orders.RUN), Pool("a", "host", 20, NOON + 1, 1, Orders.RUN)],
        [
            Worker("b-1", "b", "host", 11, NOON, NOON, ("mail", "video"), False, 4),
            Worker("a-1", "a", "host", 21, NOON + 1, NOON + 1, (), False, 5),
        ],
    )


def test_registering_a_pool_again_changes_nothing(store: Engine) -> None:
    store.run(register_pool("a", "host", 1, 2))
    store.run(order(["a"], Orders.DRAIN))
    before = store.run(roster())
    store.clock.now += 1
    store.run(register_pool("a", "host", 1, 3))

    assert store.run(roster()) == before


def test_a_worker_that_drains_or_takes_settings_says_so(store: Engine) -> None:
    store.run(register_worker("a-1", "a", "host", 1, (), 0))
    store.run(worker_draining("a-1"))
    store.run(worker_took_settings("a-1", 3))

    [worker] = store.run(roster()).workers
    assert (worker.draining, worker.settings_version) == (True, 3)


def test_who_has_gone_is_seen_off(store: Engine) -> None:
    store.run(register_pool("a", "host", 1, 2))
    store.run(register_worker("a-1", "a", "host", 2, (), 0))
    store.run(register_worker("a-2", "a", "host", 3, (), 0))
    store.run(see_off(["a-1", "unknown"]))
    assert [worker.id for worker in store.run(roster()).workers] == ["a-2"]

    store.run(see_off(["a-2"], ["a"]))
    assert store.run(roster()) == ([], [])


def test_a_pool_learns_its_orders(store: Engine) -> None:
    store.run(register_pool("a", "host", 1, 2))
    assert store.run(pool_orders("a")) == (Orders.RUN, 2)

    store.run(order(["a"], Orders.DRAIN))
    assert store.run(scale("a", 5))

    assert store.run(pool_orders("a")) == (Orders.DRAIN, 5)


def test_a_pool_that_was_told_to_stop_goes_back_on_nothing(store: Engine) -> None:
    store.run(register_pool("a", "host", 1, 2))
    store.run(order(["a"], Orders.STOP))
    store.run(order(["a"], Orders.DRAIN))

    assert store.run(pool_orders("a")) == (Orders.STOP, 2)


def test_a_pool_that_is_not_there_has_no_orders(store: Engine) -> None:
    store.run(order(["a"], Orders.STOP))

    assert store.run(pool_orders("a")) is None
    assert not store.run(scale("a", 5))


def test_a_pool_is_scaled_from_what_it_was_asked_for_last(store: Engine) -> None:
    store.run(register_pool("a", "host", 1, 2))

    assert [store.run(scale_by("a", change)) for change in (1, 1, -3)] == [3, 4, 1]
    assert store.run(pool_orders("a")) == (Orders.RUN, 1)


@pytest.mark.parametrize("change", [-2, MOST_WORKERS - 1])
def test_a_pool_is_not_scaled_to_none_or_to_too_many(store: Engine, change: int) -> None:
    store.run(register_pool("a", "host", 1, 2))

    with pytest.raises(Refused):
        store.run(scale_by("a", change))
    assert store.run(pool_orders("a")) == (Orders.RUN, 2)


def test_a_pool_that_leaves_or_is_gone_is_not_scaled(store: Engine) -> None:
    store.run(register_pool("a", "host", 1, 2))
    store.run(order(["a"], Orders.DRAIN))

    for pool in ("a", "b"):
        with pytest.raises(NoSuchPool):
            store.run(scale_by(pool, 1))
