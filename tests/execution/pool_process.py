"""A real pool as a process of its own: `python -m tests.execution.pool_process ORDER`, ORDER being JSON.

It tells what happens as JSON lines in a file, one written at a time, whichever process of the pool writes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from queuectl_core.execution import idling, keeper, watch, worker
from queuectl_core.execution.events import PoolEvent
from queuectl_core.execution.pool import PoolOptions, run_pool
from queuectl_core.store.home import Home
from tests.execution.troubles import Trouble, make


def die(*_: object) -> None:
    """Stands in for what registers a keeper: its doorbell hangs by then, and the store knows nothing of it."""
    os.kill(os.getpid(), signal.SIGKILL)


NEVER = 2e6
"""Seconds: more weeks than a machine with tests is up, and few enough milliseconds for poll."""


def main(order: dict[str, Any]) -> int:
    """Run the pool that is ordered until it ends; its exit status."""
    told = os.open(order["events"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def tell(kind: str, **facts: Any) -> None:
        os.write(told, (json.dumps({"kind": kind, **facts}) + "\n").encode())

    def report(event: PoolEvent) -> None:
        tell(type(event).__name__, **event._asdict())

    if not order["routine_looks"]:
        idling.ROUTINE_LOOK_MS = round(NEVER * 1000)
        watch.ROUTINE_LOOK = worker.ROUTINE_LOOK = NEVER  # type: ignore[attr-defined]
    if not order["keeper_steps"]:
        keeper.STEP_SECONDS = NEVER
    if order["keeper_dies"]:
        keeper.Keeper._register = die  # type: ignore[assignment, method-assign]
    if order["slowness"]:
        worker.Worker._look_ahead = lambda *_: time.sleep(order["slowness"])  # type: ignore[method-assign]
    if order["trouble"]:
        make(Trouble(order["trouble"]))
    if order["inherited"]:
        # What whoever starts a pool may leave open, for all it starts to see.
        os.dup2(told, order["inherited"])
    options = PoolOptions(order["workers"], tuple(order["queues"]), order["drain"], order["grace"])
    return run_pool(Home(*order["home"]), options, report, lambda name: tell("Ready", pool=name))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
