"""`queuectl init`: makes the store and says where it is."""

from __future__ import annotations

import click

from queuectl_core.cli import context, output


@click.command("init", short_help="Make the store, and say where it is.")
def init() -> None:
    """Make the store, and say where it is."""
    with context.open_store() as store:
        output.data(store.home.database)
