"""What was asked for before the command's name, and the store that follows from it.

A command calls `open_store()` or `home()`, wherever in it they are needed; both look at the options of
the run at hand. Nothing is opened, made or imported before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from queuectl_core.store.contract import Store
    from queuectl_core.store.home import Home


class Invocation:
    """The options that all commands take; None where one was not given."""

    __slots__ = ("home", "url")

    def __init__(self) -> None:
        self.home: str | None = None
        self.url: str | None = None


def invocation() -> Invocation:
    """That of the command that is running."""
    found = click.get_current_context().find_root().obj
    assert isinstance(found, Invocation)
    return found


def open_store(*, holds_schema: bool = False) -> Store:
    """Open the store that is meant, making it where there is none; a context manager.

    Raises InvalidInput for a URL we cannot use, or a StoreError.
    """
    from queuectl_core.store.opening import open_store as open_by

    asked = invocation()
    return open_by(asked.home, asked.url, holds_schema=holds_schema)


def home() -> Home:
    """The home that is meant, without opening or making it. Raises InvalidInput for a URL we cannot use."""
    from queuectl_core.store.home import find_home

    asked = invocation()
    return find_home(asked.home, asked.url)
