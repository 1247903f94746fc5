"""`queuectl edit`: change a job that waits or is dead."""

from __future__ import annotations

from typing import Any

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.job_options import CommandAfterDashes, command_words, given, job_options
from queuectl_core.cli.parameters import JOB_ID, Value
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import Changes
from queuectl_core.model.settings import NONE
from queuectl_core.model.validation import check_timeout

_TIMEOUT = Value("duration", lambda text, _: NONE if text.strip().lower() == NONE else check_timeout(text))


@click.command("edit", cls=CommandAfterDashes)
@click.argument("job_id", metavar="ID", type=JOB_ID)
@job_options
@click.option("--timeout", type=_TIMEOUT, metavar="D", help="How long a run may take; none: the setting says.")
@click.pass_context
def edit(ctx: click.Context, /, job_id: str, **options: Any) -> None:
    """Change a job that waits or is dead, and print its id. --delay 0 runs it now."""
    words = command_words(ctx)
    fields = given(options)
    if words is not None:
        fields["command"] = words
    if not fields:
        raise InvalidInput("no change is given", "see 'queuectl edit --help'")
    if fields.get("timeout") == NONE:
        del fields["timeout"]
        fields["no_timeout"] = True
    from queuectl_core.store.transactions import changes

    with context.open_store() as store:
        output.data(store.run(changes.edit(job_id, Changes(**fields))).id)
