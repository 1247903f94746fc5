"""The `queuectl-tui` command. The console itself does not live here."""

from __future__ import annotations

import sys


def main() -> int:
    """Say that the console is not there yet, and return the exit status."""
    sys.stderr.write(
        "queuectl-tui: the console is on its way: use 'queuectl --help' until it is there\n",
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
