"""Pools and workers coming, being told what to do, and going: on a store and beside it on a plain model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from queuectl_core.model.errors import NoSuchPool, Refused
from queuectl_core.model.job import NewJob, Outcome
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, take_turns
from queuectl_core.store.transactions.workers import (
    Orders,
    PoolOrders,
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
from tests.store.acts import Run, fresh_token, report
from tests.store.engines import Engine

POOLS = st.sampled_from(["pool", "lake"])
WORKERS = st.sampled_from(["pool-1", "pool-2"])
SERVED: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (), ("a",), ("b", "c")])
MOST_WORKERS = 1000


class PoolFacts(NamedTuple):
    """What is compared of a pool, in the order in which the roster shows them."""

    started_at: int
    id: str
    wanted: int = 1
    orders: Orders = Orders.RUN


class WorkerFacts(NamedTuple):
    """What is compared of a worker, likewise."""

    started_at: int
    id: str
    idle_since: int
    queues: tuple[str, ...] = ()
    draining: bool = False
    settings_version: int = 0


@dataclass
class ModelRoster:
    """Who is there, by name."""

    pools: dict[str, PoolFacts] = field(default_factory=dict)
    workers: dict[str, WorkerFacts] = field(default_factory=dict)

    def shown(self) -> tuple[list[PoolFacts], list[WorkerFacts]]:
        return sorted(self.pools.values()), sorted(self.workers.values())

    def idle(self, worker: str, now: int) -> None:
        """A worker that reported something found nothing more to do."""
        if worker in self.workers:
            self.workers[worker] = self.workers[worker]._replace(idle_since=now)

    def order(self, pools: Collection[str], orders: Orders) -> None:
        """Tell pools that are there; one that was told to stop goes back on nothing."""
        for name in pools:
            if name in self.pools and self.pools[name].orders is not Orders.STOP:
                self.pools[name] = self.pools[name]._replace(orders=orders)

    def scale(self, pool: str, wanted: int) -> bool:
        if pool not in self.pools:
            return False
        self.pools[pool] = self.pools[pool]._replace(wanted=wanted)
        return True

    def scale_by(self, pool: str, change: int) -> int:
        if pool not in self.pools or self.pools[pool].orders is not Orders.RUN:
            raise NoSuchPool(pool)
        wanted = self.pools[pool].wanted + change
        if not 1 <= wanted <= MOST_WORKERS:
            raise Refused(pool)
        self.scale(pool, wanted)
        return wanted


class WorkerChanges(RuleBasedStateMachine):
    """A store, and which workers there are, among whom jobs are shared."""

    store: Engine

    def __init__(self) -> None:
        super().__init__()
        self.there = ModelRoster()

    def now(self) -> int:
        return self.store.clock.now

    @rule(worker=WORKERS, queues=SERVED, version=st.integers(0, 2))
    def a_worker_comes_or_goes(self, worker: str, queues: tuple[str, ...], version: int) -> None:
        if worker in self.there.workers:
            self.store.run(see_off([worker]))
            del self.there.workers[worker]
        else:
            self.store.run(register_worker(worker, "pool", "host", 1, queues, version))
            self.there.workers[worker] = WorkerFacts(self.now(), worker, self.now(), queues, settings_version=version)

    def check_roster(self) -> None:
        """The store knows whom the model knows, and each pool reads what it was told."""
        known = self.store.run(roster())
        pools = [PoolFacts(pool.started_at, pool.id, pool.wanted, pool.orders) for pool in known.pools]
        workers = [WorkerFacts._make(getattr(worker, name) for name in WorkerFacts._fields) for worker in known.workers]
        assert (pools, workers) == self.there.shown()
        for pool in ("pool", "lake"):
            told = self.there.pools.get(pool)
            assert self.store.run(pool_orders(pool)) == (told and PoolOrders(told.orders, told.wanted))


class RosterChanges(WorkerChanges):
    """All that happens to pools and workers, with no jobs but those that a worker ends at once."""

    @rule(ms=st.sampled_from([1, 1000]))
    def time_passes(self, ms: int) -> None:
        self.store.clock.now += ms

    @rule(worker=WORKERS)
    def a_worker_runs_all_there_is(self, worker: str) -> None:
        self.store.run(enqueue(NewJob("true")))
        [held] = self.store.run(take_turns([], [Ask(worker, fresh_token())])).claimed
        assert not self.store.run(
            take_turns([report(Run(held.job, held.token), Outcome.COMPLETED)], [Ask(worker, fresh_token())])
        ).claimed
        self.there.idle(worker, self.now())

    @rule(pool=POOLS, wanted=st.integers(1, 3))
    def a_pool_comes(self, pool: str, wanted: int) -> None:
        """Or says again that it is there, which changes nothing."""
        self.store.run(register_pool(pool, "host", 1, wanted))
        self.there.pools.setdefault(pool, PoolFacts(self.now(), pool, wanted))

    @precondition(lambda self: self.there.pools)
    @rule(pool=POOLS)
    def a_pool_goes(self, pool: str) -> None:
        self.store.run(see_off(pools=[pool]))
        self.there.pools.pop(pool, None)

    @rule(worker=WORKERS, version=st.none() | st.integers(0, 3))
    def a_worker_drains_or_takes_settings(self, worker: str, version: int | None) -> None:
        self.store.run(worker_draining(worker) if version is None else worker_took_settings(worker, version))
        known = self.there.workers.get(worker)
        if known is not None:
            self.there.workers[worker] = (
                known._replace(draining=True) if version is None else known._replace(settings_version=version)
            )

    @rule(pools=st.lists(POOLS, max_size=2, unique=True), orders=st.sampled_from(Orders))
    def pools_are_told(self, pools: Sequence[str], orders: Orders) -> None:
        self.store.run(order(pools, orders))
        self.there.order(pools, orders)

    @rule(pool=POOLS, wanted=st.sampled_from([1, 1, 2, MOST_WORKERS]))
    def a_pool_is_scaled(self, pool: str, wanted: int) -> None:
        assert self.store.run(scale(pool, wanted)) == self.there.scale(pool, wanted)

    @rule(pool=POOLS, change=st.sampled_from([1, -1, -1, 2, -MOST_WORKERS, MOST_WORKERS]))
    def a_pool_is_scaled_by(self, pool: str, change: int) -> None:
        try:
            wanted = self.there.scale_by(pool, change)
        except (NoSuchPool, Refused) as refusal:
            with pytest.raises(type(refusal)):
                self.store.run(scale_by(pool, change))
        else:
            assert self.store.run(scale_by(pool, change)) == wanted

    @invariant()
    def the_store_knows_who_is_there(self) -> None:
        self.check_roster()
