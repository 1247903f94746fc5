"""Homes for tests that need no store."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.store.home import Home, prepare_folders, prepare_home


def prepared_home(folder: Path) -> Home:
    """A home in a folder, prepared, without a store."""
    home = Home(str(folder / "home"))
    prepare_home(home)
    prepare_folders(home)
    return home
