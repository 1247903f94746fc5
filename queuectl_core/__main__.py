"""`python -m queuectl_core`: the command line."""

from __future__ import annotations

from queuectl_core.cli.main import script

if __name__ == "__main__":
    script()
