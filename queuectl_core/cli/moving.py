"""`queuectl export` and `queuectl import`: a whole queue from one store to another, by way of a file.

What stands in the file is `moved_lines.py`; how it comes into a store is `moving_in.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.findings import counted
from queuectl_core.cli.given_lines import STREAM
from queuectl_core.cli.moved_lines import Tally, header_of, job_of, line_of
from queuectl_core.cli.parameters import FilePath, yes_option
from queuectl_core.execution.roster import names_of_the_living
from queuectl_core.model.errors import InvalidInput, QueueError, Refused
from queuectl_core.model.job import JobState
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.moving import Head, chunk, head

Write = Callable[[bytes], object]


@click.command("export")
@click.argument("file", default=STREAM, type=FilePath())
@click.option("--running", is_flag=True, help="Also while workers are alive or jobs run; see above.")
def export(file: str, running: bool) -> None:
    """Write the whole queue to FILE, which must not exist yet, or to stdout, as JSON Lines.

    It holds the settings, which queues are paused, and every job with its commands, its environment, its history and
    the stored end of each run's output. It does not hold the log files, which stay where they are, nor the statistics
    of past minutes. The last line tells counts and a checksum, so that a file that was cut short is noticed.

    Workers must be stopped first, or the queue would go on in two places. With --running it is read as it goes on, as
    for a copy to keep: each job is as it was when its turn came, jobs that come meanwhile are left out, and one that
    runs is given back to its queue by the import, uncharged.
    """
    with context.open_store() as store:
        begun = store.run(head())
        if not running:
            _refuse_if_it_goes_on(store, begun)
        with _target(file) as write:
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

    An import that was cut short goes on where it was when it is begun again with the same FILE. Until its end was
    verified against the counts and the checksum of FILE, the queues stay paused and no worker starts. --discard
    empties the store again, for another FILE.
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


def _write_all(store: Store, begun: Head, write: Write) -> Tally:
    """Write every line; returns what they hold."""
    from importlib.metadata import version

    tally = Tally()
    write(tally.line(line_of("header", header_of(begun, version("queuectl-tui")))))
    for key, text in sorted(begun.settings.items()):
        tally.settings += 1
        write(tally.line(line_of("setting", {"key": key, "value": text})))
    for queue in begun.paused:
        tally.paused += 1
        write(tally.line(line_of("paused", queue)))
    with output.progress("exporting", sum(begun.counts.values())) as advance:
        after = 0
        while jobs := store.run(chunk(after, begun.last_number)):
            for moved in jobs:
                tally.job(moved)
                write(tally.line(line_of("job", job_of(moved))))
            after = jobs[-1].job.number
            advance(len(jobs))
    write(line_of("footer", tally.facts()))
    return tally


# ---------------------------------------------------------------- the file


@contextmanager
def _target(path: str) -> Iterator[Write]:
    """What writes the export. A file has its name only once it is whole and on the disk, and is its owner's alone."""
    if path == STREAM:
        yield output.raw
        output.flush()
        return
    part = f"{path}.part"
    if os.path.lexists(path):
        raise _taken(path)
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Refused(f"{part} exists", "another export writes it, or was cut short: remove it then") from None
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        with open(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            yield file.write
            file.flush()
            os.fsync(handle)
        _give_name(part, path)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            os.unlink(part)


def _give_name(part: str, path: str) -> None:
    """Let the whole file have its name, unless somebody took that meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise _taken(path) from None
        os.rename(part, path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(path: str) -> Refused:
    return Refused(f"{path} exists, and an export overwrites nothing", "name another file")


def _cannot_write(path: str, error: OSError) -> QueueError:
    return QueueError(f"cannot write {path}: {error.strerror or error}", "nothing was exported")
