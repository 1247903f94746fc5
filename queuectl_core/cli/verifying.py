"""Whether a store holds what an import was to bring: all of it is read back, counted and digested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from queuectl_core.cli import output
from queuectl_core.cli.moved_tally import Contents, job_line
from queuectl_core.cli.moving import chunks
from queuectl_core.model.errors import QueueError
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.moving import Counts

START_OVER = "it was changed or damaged meanwhile: give up with 'queuectl import --discard', and import again"


def verify(store: Store, last: int, expected: Contents, settings: Mapping[str, str], paused: Sequence[str]) -> None:
    """Read back all jobs up to the number `last`, with their runs. Raises QueueError where they are not as expected.

    Settings and paused queues are as they will be kept: the transaction that keeps them reads them back itself.
    """
    there = Contents()
    there.begin(settings, paused)
    try:
        _read_back(store, last, there, expected.jobs)
    except ValueError as error:
        raise QueueError(f"the store holds what cannot be read: {error}", START_OVER) from None
    if there.digest != expected.digest:
        raise QueueError(f"the store holds something else than the file: {_told(there, expected, last)}", START_OVER)


def _read_back(store: Store, last: int, there: Contents, total: int) -> None:
    """Add all jobs. Raises ValueError where a row holds what no job can, such as half of its variables."""
    with output.progress("verifying", total) as advance:
        for jobs in chunks(store, last):
            for moved in jobs:
                there.job(moved, job_line(moved))
            advance(len(jobs))


def _told(there: Contents, expected: Contents, last: int) -> str:
    """How what is there differs: by its counts, and from where on."""
    differing = list(_differences(there.counts, expected.counts))
    if there.runs != expected.runs:
        differing.append(f"{there.runs} runs, not {expected.runs}")
    more = ["and more"] if len(differing) > 3 else []
    return "; ".join([*differing[:3], *more, _place(there, expected, last)])


def _differences(there: Counts, expected: Counts) -> Iterator[str]:
    for queue, state in sorted(there.keys() | expected.keys()):
        have, should = there.get((queue, state), 0), expected.get((queue, state), 0)
        if have != should:
            yield f"{have} {state} in {queue}, not {should}"


def _place(there: Contents, expected: Contents, last: int) -> str:
    """Where the first difference is, as far as the places tell that both have noted."""
    first = max((number for number, _ in set(there.places) & set(expected.places)), default=0) + 1
    end = min((number for number, _ in expected.places if number >= first), default=last)
    if first == end:
        return f"job {end} is the first that differs"
    return f"the first that differs is among jobs {first} to {end}"
