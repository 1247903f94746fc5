"""Pools and workers as the store knows them: who registered, what they were asked to do.

Whether one is alive the store cannot know; the kernel does (`queuectl_core.execution.liveness`). Of those on other
hosts it is known here alone whether they have said so lately.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.errors import NoSuchPool, Refused
from queuectl_core.model.settings import SETTINGS
from queuectl_core.store.statements import Statement, Steps, Wake, read, work, write

MOST_WORKERS = int(SETTINGS["workers"].maximum)
"""How many workers a pool may have."""


class Orders(StrEnum):
    """What a pool was asked to do."""

    RUN = "run"
    DRAIN = "drain"
    """Finish what runs, claim nothing more, leave."""
    STOP = "stop"
    """End what runs, release it, leave."""


class Pool(NamedTuple):
    """A registered pool; `started_at` in ms, `wanted` workers. `site` and `silent` as for a worker."""

    id: str
    host: str
    pid: int
    started_at: int
    wanted: int
    orders: Orders
    site: str = ""
    silent: bool = False


class Worker(NamedTuple):
    """A registered worker; no `queues` means that it serves all. Instants in ms.

    `site` says which kernel can be asked of it (`queuectl_core.store.site`); one at another site is `silent` where it
    has said nothing for as long as it promised to.
    """

    id: str
    pool: str
    host: str
    pid: int
    started_at: int
    idle_since: int
    queues: tuple[str, ...]
    draining: bool
    settings_version: int
    site: str = ""
    silent: bool = False


class Lease(NamedTuple):
    """For how long (ms) others rely on a pool or worker of this site each time that it is heard of."""

    site: str
    lease_ms: int


HERE = Lease("", 0)
"""That of everybody where all are of one site: whether they live the kernel says."""


class Roster(NamedTuple):
    """Every pool and worker that registered and has not been seen off."""

    pools: list[Pool]
    workers: list[Worker]


@work
def register_pool(pool: str, host: str, pid: int, wanted: int, lease: Lease = HERE) -> Steps[None]:
    """Make a pool known; again does nothing, so that a keeper which is restarted may repeat it."""
    values = {"pool": pool, "host": host, "pid": pid, "wanted": wanted}
    yield Statement("insert_pool", {**values, **lease._asdict()})


@work
def register_worker(
    worker: str, pool: str, host: str, pid: int, queues: tuple[str, ...], settings_version: int, lease: Lease = HERE
) -> Steps[None]:
    """Make a worker known, before it claims anything."""
    values = {"worker": worker, "pool": pool, "host": host, "pid": pid, **lease._asdict()}
    served = json.dumps(queues) if queues else None
    yield Statement("insert_worker", {**values, "settings_version": settings_version, "queues": served})


@work
def worker_draining(worker: str) -> Steps[None]:
    """Note that a worker claims nothing more."""
    yield Statement("worker_draining", {"worker": worker})


@work
def worker_took_settings(worker: str, version: int) -> Steps[None]:
    """Note by which version of the settings a worker goes on."""
    yield Statement("worker_took_settings", {"worker": worker, "settings_version": version})


@work
def see_off(workers: Iterable[str] = (), pools: Iterable[str] = ()) -> Steps[None]:
    """Strike workers and pools that have gone off the roster."""
    for worker in workers:
        yield Statement("delete_worker", {"worker": worker})
    for pool in pools:
        yield Statement("delete_pool", {"pool": pool})


@read
def roster() -> Steps[Roster]:
    """Every pool and worker on the roster, the longest there first."""
    pools = yield Statement("pools")
    workers = yield Statement("workers")
    return Roster(
        [Pool._make((*row[:5], Orders(row[5]), row[6], bool(row[7]))) for row in pools],
        [
            Worker._make((*row[:6], tuple(json.loads(row[6] or "[]")), bool(row[7]), *row[8:10], bool(row[10])))
            for row in workers
        ],
    )


class PoolOrders(NamedTuple):
    """What a pool should do, and with how many workers."""

    orders: Orders
    wanted: int


@read
def pool_orders(pool: str) -> Steps[PoolOrders | None]:
    """What the pool was asked; None where it is not on the roster."""
    rows = yield Statement("pool_orders", {"pool": pool})
    return PoolOrders(Orders(rows[0][1]), rows[0][0]) if rows else None


@write
def order(pools: Iterable[str], orders: Orders) -> Steps[None]:
    """Ask pools to drain or stop; one that was asked to stop goes back on nothing."""
    asked = list(pools)
    for pool in asked:
        yield Statement("order_pool", {"pool": pool, "orders": orders})
    yield Wake(pools=frozenset(asked))


@write
def scale(pool: str, wanted: int) -> Steps[bool]:
    """Ask a pool to have `wanted` workers (at least 1); False where it is not on the roster."""
    rows = yield Statement("scale_pool", {"pool": pool, "wanted": wanted})
    yield Wake(pools=frozenset({pool}))
    return bool(rows)


@write
def scale_by(pool: str, change: int) -> Steps[int]:
    """Ask a pool for `change` workers more, or fewer, than it was last asked for; how many it should have now.

    Raises NoSuchPool where it is not on the roster or is leaving, Refused where none, or too many, would be wanted.
    """
    rows = yield Statement("pool_orders", {"pool": pool})
    if not rows or Orders(rows[0][1]) is not Orders.RUN:
        raise NoSuchPool(f"pool {pool} is {'stopping' if rows else 'gone'}")
    wanted: int = rows[0][0] + change
    if wanted < 1:
        raise Refused(f"pool {pool} keeps at least one worker", "drain it instead")
    if wanted > MOST_WORKERS:
        raise Refused(f"a pool has at most {MOST_WORKERS} workers")
    yield Statement("scale_pool", {"pool": pool, "wanted": wanted})
    yield Wake(pools=frozenset({pool}))
    return wanted
