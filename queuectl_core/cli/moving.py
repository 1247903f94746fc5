"""`queuectl export` and `queuectl import`: a whole queue from one store to another, by way of a file.

What stands in the file is `moved_tally.py`, and how it gets its name `export_file.py`; how it comes into a store is
`moving_in.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.export_file import Write, written
from queuectl_core.cli.findings import counted
from queuectl_core.cli.given_lines import STREAM
from queuectl_core.cli.moved_tally import Tally, header_line, job_line, line_of, paused_line, setting_line
from queuectl_core.cli.parameters import FilePath, yes_option
from queuectl_core.execution.roster import names_of_the_living
from queuectl_core.model.errors import InvalidInput, Refused
from queuectl_core.model.job import JobState
from queuectl_core.model.moved import MovedJob, settled
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.moving import Head, chunk, head


@click.command("export")
@click.argument("file", default=STREAM, type=FilePath())
@click.option("--running", is_flag=True, help="Also while workers are alive or jobs run; see above.")
def export(file: str, running: bool) -> None:
    """Write the whole queue to FILE, which must not exist yet, or to stdout, as JSON Lines.

    It holds the settings, which queues are paused, and every job with its commands, its environment, its history and
    the stored end of each run's output. It does not hold the log files, which stay where they are, nor the statistics
    of past minutes. The last line tells counts and checksums, so that a file that was cut short is noticed, and what an
    import stores can be held against them.

    Until it is whole, FILE is named FILE.part. An export that is cut short is not gone on with, since jobs may have
    changed meanwhile: begin it again, which removes what was left of it.

    Workers must be stopped first, or the queue would go on in two places. With --running it is read as it goes on, as
    for a copy to keep: each job is as it was when its turn came, jobs that come meanwhile are left out, and one that
    runs is given back to its queue by the import, uncharged.
    """
    with context.open_store() as store:
        begun = store.run(head())
        if not running:
            _refuse_if_it_goes_on(store, begun)
        with written(file) as write:
            tally = _write_all(store, begun, write)
        changed = _differs(begun, store.run(head()), tally)
        place = f"in {store.home.logs}" if store.home.url is None else "on the hosts that ran them"
        output.note(f"exported {counted(tally.jobs, 'job')} with {counted(tally.runs, 'run')}; log files stay {place}")
        if changed:
            output.note("the queue changed meanwhile: the file holds each job as it was when its turn came")


@click.command("import")
@click.argument("file", required=False, type=FilePath())
@click.option("--discard", is_flag=True, help="Remove what an unfinished import has brought; takes no FILE.")
@yes_option
def import_queue(file: str | None, discard: bool, yes: bool) -> None:
    """Bring the queue in FILE (-: stdin), written by 'queuectl export', into this store, which must hold no jobs.

    Jobs keep their ids and numbers, and their history. What ran when it was exported is given back to its queue, and
    charged no attempt. Log files are not in FILE: they stay in the logs folder of the home that the queue came from;
    the stored end of each run's output is brought. No worker may be alive.

    An import that was cut short goes on where it was when it is begun again with the same FILE. In the end all of it
    is read back from the store, and held against the counts and the checksum that the export took of what it read.
    Until then the queues stay paused and no worker starts. --discard empties the store again, for another FILE.
    """
    from queuectl_core.cli.moving_in import discard_import, import_file

    if discard:
        if file is not None:
            raise InvalidInput("--discard takes no FILE", "discard first, and import then")
        discard_import(yes=yes)
    elif file is None:
        raise InvalidInput("no FILE is named", "queuectl import FILE, or - for stdin")
    else:
        import_file(file)


def someone_works(store: Store) -> bool:
    """Whether a pool or worker is alive: in this home as the kernel says, in others as their leases do."""
    return bool(names_of_the_living(store))


def _refuse_if_it_goes_on(store: Store, begun: Head) -> None:
    if someone_works(store):
        raise Refused("workers are alive", "stop them with 'queuectl worker stop', or add --running for a copy")
    left = sum(n for (_, state), n in begun.counts.items() if state == JobState.PROCESSING)
    if left:
        what = "1 job was" if left == 1 else f"{left} jobs were"
        hint = "'queuectl worker start --drain' sees to what is left of it, or add --running"
        raise Refused(f"{what} running when its workers died", hint)


def _differs(begun: Head, ended: Head, tally: Tally) -> bool:
    """Whether the queue is not what it was, as far as its counts, its numbers and what is small can tell."""
    return begun._replace(now=0) != ended._replace(now=0) or dict(begun.counts) != dict(tally.counts)


def chunks(store: Store, last: int) -> Iterator[list[MovedJob]]:
    """All jobs of a store that are numbered up to `last`, in order, some at a time."""
    after = 0
    while jobs := store.run(chunk(after, last)):
        yield jobs
        after = jobs[-1].job.number


def _write_all(store: Store, begun: Head, write: Write) -> Tally:
    """Write every line; returns what they hold."""
    from importlib.metadata import version

    tally = Tally()
    tally.settings, tally.paused = len(begun.settings), len(begun.paused)
    tally.contents.begin(begun.settings, begun.paused)
    write(tally.line(header_line(begun, version("queuectl-tui"))))
    for line in (*map(setting_line, sorted(begun.settings.items())), *map(paused_line, begun.paused)):
        write(tally.line(line))
    with output.progress("exporting", sum(begun.counts.values())) as advance:
        for jobs in chunks(store, begun.last_number):
            for moved in jobs:
                _write_job(moved, tally, begun.now, write)
            advance(len(jobs))
    write(line_of("footer", tally.facts()))
    return tally


def _write_job(moved: MovedJob, tally: Tally, begun: int, write: Write) -> None:
    """Write a job as it is, and have the contents tell of it as it will arrive."""
    line = job_line(moved)
    write(tally.line(line))
    tally.job(moved)
    arriving = settled(moved, begun)
    tally.contents.job(arriving, line if arriving is moved else job_line(arriving))
