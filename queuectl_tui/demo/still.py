"""A demo that stands still: the same jobs, instants and logs each time, for pictures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from queuectl_core.execution.liveness import Hold
from queuectl_core.store.home import Home, prepare_folders
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.workers import register_pool, register_worker, worker_took_settings
from queuectl_tui.demo.examples import Example, any_example, backup, mail, report
from queuectl_tui.demo.past import DAY_MS, Hands, Past, arrivals, hastily, worker_names
from queuectl_tui.demo.scene import SCENE_MS, set_scene

POOL = "c41f0e"
WORKERS = 3
CWD = "/srv/shop"

_HOST = "atlas"
_PID = 4120
_SEED = 40
_POOL_AGE_MS = 5 * 60 * 60 * 1000
_RUSH, _RUSH_MS = 11, 2000
"""Jobs that came in the last seconds: three of them run, the others wait."""


def fill(home: Home, now: int) -> None:
    """Fill an empty home with what there is at the instant `now` (ms since the epoch): three jobs run then.

    All of it follows from `now`. Whether the workers on the roster are alive the kernel says: see `attended`.
    """
    chance, clock = random.Random(_SEED), Hands(now - DAY_MS)
    with SqliteStore(home, clock=clock) as store:
        past = Past(store, clock, worker_names(POOL, WORKERS), CWD)
        past.expect(arrivals(now, chance))
        past.play(now - _POOL_AGE_MS)
        _register(store)
        past.play(now - SCENE_MS)
        set_scene(store, chance, CWD)
        _take_settings(store)
        past.expect(_rush(now, chance))
        past.play(now)
        past.leave_running()
        store.checkpoint()


def _register(store: SqliteStore) -> None:
    hastily(store, register_pool(POOL, _HOST, _PID, WORKERS))
    for n, name in enumerate(worker_names(POOL, WORKERS), 1):
        hastily(store, register_worker(name, POOL, _HOST, _PID + n, (), 0))


def _take_settings(store: SqliteStore) -> None:
    version = store.run(settings()).version
    for name in worker_names(POOL, WORKERS):
        hastily(store, worker_took_settings(name, version))


def _rush(now: int, chance: random.Random) -> Iterator[tuple[int, Example]]:
    examples = [backup(chance), report(chance), mail(chance), *(any_example(chance) for _ in range(_RUSH - 3))]
    for n, example in enumerate(examples):
        yield now - _RUSH_MS + n * _RUSH_MS // _RUSH, example


@contextmanager
def attended(home: Home) -> Iterator[None]:
    """Within it, pool and workers count as alive."""
    prepare_folders(home)
    with ExitStack() as holds:
        for name in (POOL, *worker_names(POOL, WORKERS)):
            holds.callback(Hold(home, name).close)
        yield
