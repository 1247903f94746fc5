"""What lies in the folder of logs."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.store.home import Home


def logs_of(home: Home) -> list[str]:
    """Every file and folder below `logs/`, hidden ones included."""
    return sorted(str(path.relative_to(home.logs)) for path in Path(home.logs).rglob("*"))
