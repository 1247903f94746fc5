"""A later version of the program, as tests imagine it: it knows more steps of the schema, and may kill itself at one.

    python -m tests.crash.upgrading '{"steps": ["ALTER …"], "point": "inside a migration"}' [ARGUMENTS OF QUEUECTL]

It says `opens` on a line just before it opens the store, in a home that QUEUECTL_HOME names, and `done` once it has.
With arguments it is `queuectl` instead, patient for a moment only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from queuectl_core.cli.main import main
from queuectl_core.store import failpoints
from queuectl_core.store.home import find_home
from queuectl_core.store.sqlite import schema
from queuectl_core.store.sqlite.store import SqliteStore


def kill_at(wanted: str) -> None:
    """Have this process die at a failpoint, the first time it comes there."""

    def reached(point: str, *_: object) -> None:
        if point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    failpoints.reached = reached


def know(steps: list[str]) -> None:
    """Have this program know further steps of the schema."""
    known = schema.migrations() | dict(enumerate(steps, schema.VERSION + 1))
    schema.migrations = lambda: known
    schema.VERSION = max(known)


def run(order: dict[str, Any]) -> None:
    """Do as ordered."""
    know(order["steps"])
    if order.get("point"):
        kill_at(order["point"])
    if sys.argv[1:]:
        schema.PATIENCE = 0.2
        main()
    sys.stdout.write("opens\n")
    sys.stdout.flush()
    SqliteStore(find_home()).close()
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(json.loads(sys.argv.pop(1)))
