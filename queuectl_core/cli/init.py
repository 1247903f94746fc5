"""`queuectl init`: makes the store, or brings it up to date, and says where it is."""

from __future__ import annotations

import click

from queuectl_core.cli import context, output


@click.command("init", short_help="Make the store, and say where it is.")
def init() -> None:
    """Make the store, or bring it up to date, and say where it is."""
    from queuectl_core.store.opening import make_home

    home = context.home()
    make_home(home)
    output.data(home.store_name)
