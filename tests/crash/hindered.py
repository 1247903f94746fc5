"""`queuectl` whose workers ask the store in vain every other time that they ask while a command runs.

So it is where many write: whoever watches a command hardly waits for others.
"""

from __future__ import annotations

from queuectl_core.cli.main import main
from tests.execution.troubles import Trouble, make

if __name__ == "__main__":
    make(Trouble.BUSY_MEANWHILE, odds=0.5)
    main()
