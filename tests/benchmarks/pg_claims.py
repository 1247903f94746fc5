"""Turns with a PostgreSQL store that holds many finished jobs, with one where many are ready, and with one that an old
snapshot holds up.

A turn reports a job and claims the next. Nothing is run in between. Client and server share one core: which of two
connections has its server process on the client's core, and which on another that must be woken for each statement, is
chance, and makes one of them up to half as fast again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import psycopg

from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.sqlite.store import SqliteStore
from tests.benchmarks.measuring import Goal, Measure, Pairs, compared, interleave, percentile, quartiles
from tests.benchmarks.options import Options
from tests.benchmarks.pg_filling import Mixture, fill
from tests.benchmarks.pg_ground import enqueue_copies, host
from tests.benchmarks.pg_server import Server, durable_server
from tests.benchmarks.turns import Claimant

TURNS, WARM_UP = 1200, 200
DRAINED = 6_000
"""Jobs that are taken while a snapshot is held."""

READY = 100_000
"""Jobs that wait where many do; they have just come, so that the server's statistics know nothing of them."""

STRETCHES = 3
"""So many parts of these turns are shown, one after the other."""

GOAL = Goal(1.3)


def measure(options: Options) -> Iterator[Measure]:
    """Microseconds a turn: against an empty store, and against one that no snapshot holds up."""
    with _on_one_core(), durable_server() as server:
        yield server.described()
        yield from _beside_finished(server, options.many)
        # By --count as well, so that a small run is small altogether.
        yield _before_many(server, min(READY, options.many))
        yield from _under_snapshot(server, min(DRAINED, options.many))


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, on one of its cores."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _new_store(server: Server) -> str:
    """The URL of an empty store in a database of its own."""
    url = server.new_database()
    make_home(host(url))
    return url


def _beside_finished(server: Server, finished: int) -> Iterator[Measure]:
    full, empty = _new_store(server), _new_store(server)
    fill(full, finished, Mixture.FINISHED)
    for url in (full, empty):
        enqueue_copies(url, "true", TURNS + WARM_UP + 1)
    pairs = _warm_turns(full, empty)
    what = f"result and next claim, {finished} finished jobs | none"
    yield compared(what, "µs", pairs, GOAL)
    ours, other = (percentile(side, 99) for side in pairs)
    yield Measure(f"the same, p99, {finished} | none", "µs", ours, other, quartiles(pairs.ours))


def _before_many(server: Server, ready: int) -> Measure:
    """The workers were there before the jobs, with plans that the server made for a store with hardly any."""
    deep, shallow = _new_store(server), _new_store(server)
    for url in (deep, shallow):
        enqueue_copies(url, "true", WARM_UP + 1)

    def fill_up() -> None:
        enqueue_copies(deep, "true", TURNS + ready)
        enqueue_copies(shallow, "true", TURNS)

    what = f"result and next claim, {TURNS + ready} ready jobs | {TURNS}"
    return compared(what, "µs", _warm_turns(deep, shallow, fill_up), GOAL)


def _under_snapshot(server: Server, jobs: int) -> Iterator[Measure]:
    """The same in stretches: whatever was claimed since the snapshot was taken cannot be collected."""
    held, free = _new_store(server), _new_store(server)
    for url in (held, free):
        enqueue_copies(url, "true", jobs + 1)
    with _snapshot(held), _claimants(held, free) as (one, two):
        pairs = interleave(one.turn, two.turn, jobs).scaled(1e6)
    length = jobs // STRETCHES
    for first in range(0, length * STRETCHES, length):
        stretch = Pairs(pairs.ours[first : first + length], pairs.other[first : first + length])
        what = f"result and next claim, snapshot held, turns {first}–{first + length} | not held"
        yield compared(what, "µs", stretch, GOAL)
    last = Pairs(pairs.ours[-length:], pairs.other[-length:])
    ours, other = (percentile(side, 99) for side in last)
    yield Measure("the last of these, p99 | not held", "µs", ours, other, quartiles(last.ours))


def _warm_turns(ours: str, other: str, then: Callable[[], None] | None = None) -> Pairs:
    """The microseconds of turns with two stores, after some that are not counted, and after what is done `then`."""
    with _claimants(ours, other) as (one, two):
        interleave(one.turn, two.turn, WARM_UP)
        if then is not None:
            then()
        return interleave(one.turn, two.turn, TURNS).scaled(1e6)


@contextmanager
def _claimants(*urls: str) -> Iterator[list[Claimant]]:
    """One for each store, with a job in hand."""
    with ExitStack() as stack:
        stores = [stack.enter_context(open_home(host(url))) for url in urls]
        claimants = [Claimant(cast(SqliteStore, store)) for store in stores]  # whatever store it is
        for claimant in claimants:
            claimant.claim()
        yield claimants


@contextmanager
def _snapshot(url: str) -> Iterator[None]:
    """A session that looked at the store once, and idles in its transaction."""
    address = parse_address(url)
    with psycopg.connect(address.conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(f'SELECT count(*) FROM "{address.schema}".jobs'.encode())
        yield
