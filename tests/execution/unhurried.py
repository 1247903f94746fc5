"""`queuectl` to whom no command takes long, so that what a run costs does not depend on how busy the machine is.

python -m tests.execution.unhurried ARGUMENTS OF QUEUECTL
"""

from __future__ import annotations

import sys

from queuectl_core.cli.main import main
from queuectl_core.execution import hand, running

LONG = 60
"""Seconds that a command may last and count as short."""


def be_patient() -> None:
    """Take every command for a short one."""
    running.FIRST_MOMENTS = hand.RESULT_PATIENCE = LONG
    hand.SHORT_MS = hand.AHEAD_MS = LONG * 1000
    hand.HAND_MS = LONG * 1000 * hand.MOST_CLAIMED


if __name__ == "__main__":
    be_patient()
    sys.exit(main())
