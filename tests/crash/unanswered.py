"""`queuectl` on a host of its own: its connections to the server break at every tenth commit, which was made or not."""

from __future__ import annotations

import sys

from queuectl_core.cli.main import main
from tests.crash.apart import stand_apart
from tests.execution.troubles import Trouble, make

if __name__ == "__main__":
    stand_apart()
    make(Trouble.UNANSWERED, odds=0.1)
    sys.exit(main())
