"""What there is in every demo beside its past: settings, a paused queue, jobs for later, some that were cancelled."""

from __future__ import annotations

import random

from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.queues import pause
from queuectl_core.store.transactions.settings import set_setting
from queuectl_tui.demo.examples import any_example, imports, put_off
from queuectl_tui.demo.past import hastily

_SETTINGS = {"job_timeout": "1m", "keep_completed": "25h", "kill_grace": "2", "workers": "3"}
SCENE_MS = 40 * 60 * 1000
"""How long before the present it is made."""

_DELAYS = (2430.0, 3300.0)
"""Seconds; none of those that are put off comes due before the present."""

_IMPORTS, _PUT_OFF, _CANCELLED = 7, 6, 3


def set_scene(store: SqliteStore, chance: random.Random, cwd: str) -> None:
    """Make it, at the instant that the store's clock shows; jobs belong in `cwd`."""
    for key, text in _SETTINGS.items():
        hastily(store, set_setting(key, text))
    hastily(store, pause(["imports"]))
    for _ in range(_IMPORTS):
        hastily(store, enqueue(imports(chance)._replace(cwd=cwd)))
    for _ in range(_PUT_OFF):
        hastily(store, enqueue(put_off(chance, *_DELAYS)._replace(cwd=cwd)))
    unwanted = [any_example(chance).job._replace(delay=7200, cwd=cwd) for _ in range(_CANCELLED)]
    hastily(store, cancel([hastily(store, enqueue(job)).id for job in unwanted]))
