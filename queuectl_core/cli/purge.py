"""`queuectl purge`: forget ended jobs and their logs."""

from __future__ import annotations

import time
from itertools import chain

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.exit_codes import DONE, FAILED
from queuectl_core.cli.parameters import ENDED_STATES, SECONDS, queue_option, yes_option
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import JobState
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions import changes

CHUNK = 500
"""How many jobs go in one transaction, so that nobody waits long for the store."""


@click.command("purge")
@click.option(
    "--state",
    "state_groups",
    multiple=True,
    required=True,
    type=ENDED_STATES,
    metavar="S",
    help="completed, dead or cancelled; repeatable.",
)
@click.option("--older-than", type=SECONDS, default="0", metavar="D", help="Only what ended that long ago.")
@queue_option
@yes_option
def purge(state_groups: tuple[tuple[JobState, ...], ...], older_than: float, queue: str | None, yes: bool) -> int:
    """Forget ended jobs, their history and their logs; prints how many."""
    states = list(dict.fromkeys(chain.from_iterable(state_groups)))
    with context.open_store() as store:
        if not forget_with_consent(store, states, older_than, queue, yes=yes):
            output.note("nothing was purged")
            return FAILED
    return DONE


def forget_with_consent(
    store: Store, states: list[JobState], older_than: float, queue: str | None, *, yes: bool
) -> bool:
    """Ask, forget, and print how many jobs are gone; False where a person says no. The age is in seconds."""
    age_ms = round(older_than * 1000)
    asked_at = time.monotonic()
    count = sum(store.run(changes.count_ended(state, age_ms, queue)) for state in states)
    output.need_an_answer(yes=yes)
    if count and not output.confirm(_question(count, states, older_than, queue), yes=yes):
        return False
    gone = 0
    if count:
        with output.progress("purging", count) as advance:
            for state in states:
                # What has ended since the question was asked was not in it: the age grows meanwhile.
                while forgotten := _forget_some(store, state, age_ms + _ms_since(asked_at), queue):
                    advance(forgotten)
                    gone += forgotten
    output.data(str(gone))
    return True


def _ms_since(instant: float) -> int:
    return int((time.monotonic() - instant) * 1000)


def _forget_some(store: Store, state: JobState, age_ms: int, queue: str | None) -> int:
    from queuectl_core.execution.logs import remove_logs

    forgotten = store.run(changes.forget(state, age_ms, queue, CHUNK))
    remove_logs(store.home, forgotten)
    return len(forgotten)


def _question(count: int, states: list[JobState], older_than: float, queue: str | None) -> str:
    what = f"{count} {' and '.join(states)} job{'' if count == 1 else 's'}"
    where = f" of queue {queue}" if queue else ""
    when = f" older than {format_duration(older_than)}" if older_than else ""
    return f"Forget {what}{where}{when}, with history and logs?"
