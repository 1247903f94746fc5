"""`queuectl enqueue`: one job, as JSON or by options; many are `bulk.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.attendance import note_if_nobody_works
from queuectl_core.cli.job_options import TIMEOUT, CommandAfterDashes, command_words, given, job_options
from queuectl_core.cli.parameters import FilePath, Value
from queuectl_core.model.errors import InvalidInput, QueueError
from queuectl_core.model.job import NewJob
from queuectl_core.model.validation import check_id

_ID = Value("id", lambda text, _: check_id(text))
_BY_OPTIONS = "for a command by itself: queuectl enqueue -- CMD"
_GIVE = 'give JSON such as {"command": "echo hello"}, a command after --, or a FILE by --from (- is stdin)'


@click.command("enqueue", cls=CommandAfterDashes)
@click.argument("job", nargs=-1)
@click.option("--id", type=_ID, metavar="ID", help="What to call the job; else its number.")
@job_options
@click.option("--timeout", type=TIMEOUT, metavar="D", help="How long a run may take.")
@click.option("--from", "source", metavar="FILE", type=FilePath(), help="Many jobs, a line each (-: stdin).")
@click.option("--lines", is_flag=True, help="The lines of FILE are shell commands, not JSON.")
@click.pass_context
def enqueue(ctx: click.Context, /, job: tuple[str, ...], source: str | None, lines: bool, **options: Any) -> None:
    """Add a job, and print its id.

    A job is JSON, '{"command": "make report", "queue": "nightly"}', or options and a command after --:
    one word is a line for the shell, several are run as they are. With --from there are many, all of
    which are stored or none.
    """
    words = command_words(ctx)
    fields = given(options)
    if source is not None:
        if job or words is not None:
            raise InvalidInput("jobs are given twice", "give either --from or a job")
        from queuectl_core.cli.bulk import enqueue_file

        enqueue_file(source, lines=lines, fields=fields)
        return
    if lines:
        raise InvalidInput("--lines says how to read a file", "name it with --from")
    _store(_from_json(job, fields) if words is None else _by_options(job, NewJob(words, **fields)))


def _from_json(job: tuple[str, ...], fields: dict[str, Any]) -> NewJob:
    """The one job that stands there as JSON."""
    if not job:
        raise InvalidInput("no job is given", _GIVE)
    if len(job) > 1:
        raise InvalidInput("one job at a time is given as JSON", _BY_OPTIONS)
    from queuectl_core.model.parsing import parse_job

    try:
        parsed = parse_job(job[0], datetime.now(UTC))
    except InvalidInput as error:
        if job[0].lstrip().startswith(("{", "[")):
            raise
        raise InvalidInput(error.wrong, _BY_OPTIONS) from None
    if fields:
        raise InvalidInput("a job as JSON takes no options", "put them into the JSON, or the command after --")
    return parsed


def _by_options(job: tuple[str, ...], described: NewJob) -> NewJob:
    if job:
        raise InvalidInput("the job is given twice", "put nothing but options before --")
    return described


def _store(job: NewJob) -> None:
    from queuectl_core.store.transactions.arrivals import enqueue as stored

    with context.open_store() as store:
        job_id = store.run(stored(job)).id
        try:
            output.data(job_id)
            output.flush()  # who reads it need not wait for what follows
        except QueueError as error:
            raise QueueError(f"{error.wrong}", f"job {job_id} is stored all the same") from None
        note_if_nobody_works(store)
