"""Turns with a PostgreSQL store that holds many finished jobs, with one where many are ready, and with one that an old
snapshot holds up.

A turn reports a job and claims the next. Nothing is run in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import psycopg

from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.sqlite.store import SqliteStore
from tests.benchmarks.measuring import Goal, Measure, Pairs, compared, percentile, quartiles
from tests.benchmarks.options import Options
from tests.benchmarks.pg_filling import Mixture, fill
from tests.benchmarks.pg_ground import enqueue_copies, host
from tests.benchmarks.pg_server import Server, durable_server
from tests.benchmarks.turns import Claimant

TURNS, WARM_UP = 2000, 200
DRAINED = 20_000
"""Jobs that are taken while a snapshot is held."""

READY = 100_000
"""Jobs that wait where many do; they have just come, so that the server's statistics know nothing of them."""

STRETCHES = 8
"""So many parts of these turns are shown, one after the other."""

GOAL = Goal(1.3)


def measure(options: Options) -> Iterator[Measure]:
    """Microseconds a turn: against an empty store, and against one that no snapshot holds up."""
    with durable_server() as server:
        yield server.described()
        yield from _beside_finished(server, options.many)
        # By --count as well, so that a small run is small altogether.
        yield _before_many(server, min(READY, options.many))
        yield from _under_snapshot(server, min(DRAINED, options.many))


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
    deep, shallow = _new_store(server), _new_store(server)
    few = TURNS + WARM_UP + 1
    enqueue_copies(deep, "true", few + ready)
    enqueue_copies(shallow, "true", few)
    return compared(f"result and next claim, {few + ready} ready jobs | {few}", "µs", _warm_turns(deep, shallow), GOAL)


def _under_snapshot(server: Server, jobs: int) -> Iterator[Measure]:
    """The same in stretches: whatever was claimed since the snapshot was taken cannot be collected."""
    held, free = _new_store(server), _new_store(server)
    for url in (held, free):
        enqueue_copies(url, "true", jobs + 1)
    with _snapshot(held):
        pairs = _turns(held, free, jobs).scaled(1e6)
    length = jobs // STRETCHES
    for first in range(0, length * STRETCHES, length):
        stretch = Pairs(pairs.ours[first : first + length], pairs.other[first : first + length])
        what = f"result and next claim, snapshot held, turns {first}–{first + length} | not held"
        yield compared(what, "µs", stretch, GOAL)
    last = Pairs(pairs.ours[-length:], pairs.other[-length:])
    ours, other = (percentile(side, 99) for side in last)
    yield Measure("the last of these, p99 | not held", "µs", ours, other, quartiles(last.ours))


def _warm_turns(ours: str, other: str) -> Pairs:
    """The microseconds of turns with two stores, after some that are not counted."""
    pairs = _turns(ours, other, TURNS + WARM_UP)
    return Pairs(pairs.ours[WARM_UP:], pairs.other[WARM_UP:]).scaled(1e6)


def _turns(ours: str, other: str, n: int) -> Pairs:
    """The seconds of turns with two stores, in turn."""
    with open_home(host(ours)) as store, open_home(host(other)) as second:
        # Whatever store it is.
        one, two = Claimant(cast(SqliteStore, store)), Claimant(cast(SqliteStore, second))
        one.claim()
        two.claim()
        pairs = [(one.turn(), two.turn()) for _ in range(n)]
    return Pairs([a for a, _ in pairs], [b for _, b in pairs])


@contextmanager
def _snapshot(url: str) -> Iterator[None]:
    """A session that looked at the store once, and idles in its transaction."""
    address = parse_address(url)
    with psycopg.connect(address.conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(f'SELECT count(*) FROM "{address.schema}".jobs'.encode())
        yield
