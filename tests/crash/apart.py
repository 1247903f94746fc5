"""`queuectl` on a host of its own, as far as homes on one machine can be: it sees no process of another home.

    python -m tests.crash.apart ARGUMENTS OF QUEUECTL

Otherwise whoever runs a job again would find and end what another host still runs of it, and no fence would be needed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from queuectl_core.cli.main import main
from queuectl_core.execution import survivors
from queuectl_core.execution.processes import all_pids

_OTHERS = b"QUEUECTL_HOME="


def own_pids() -> list[int]:
    """The pid of every process that is not of another home."""
    mine = f"QUEUECTL_HOME={os.environ['QUEUECTL_HOME']}".encode()
    return [pid for pid in all_pids() if not _is_of_another(pid, mine)]


def _is_of_another(pid: int, mine: bytes) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(entry.startswith(_OTHERS) and entry != mine for entry in environment)


def stand_apart() -> None:
    """See no process of another home from now on."""
    survivors.all_pids = own_pids  # type: ignore[attr-defined]


if __name__ == "__main__":
    stand_apart()
    sys.exit(main())
