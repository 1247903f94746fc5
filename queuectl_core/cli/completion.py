"""`queuectl completion`, and what a shell may complete words to.

A completion never makes a store, never waits for one and never says that something went wrong: a person
is in the middle of typing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from queuectl_core.cli import output
from queuectl_core.cli.context import Invocation
from queuectl_core.cli.exit_codes import DONE
from queuectl_core.model.job import ENDED, WAITING, JobState
from queuectl_core.model.settings import SETTINGS
from queuectl_core.store.contract import Store
from queuectl_core.store.home import find_home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions import jobs, queues

MOST = 50
"""How many ids are offered."""
BUSY_SECONDS = 0.5

Found = list[str]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, for its startup file."""
    from queuectl_core.cli.main import COMPLETING, group

    script = get_completion_class(shell)
    assert script is not None
    output.lines(script(group, {}, output.PROGRAM, COMPLETING).source())


def answer(group: click.Command, program: str, variable: str, instruction: str) -> int:
    """Answer a shell that asks by an environment variable; returns the exit status."""
    try:
        return shell_complete(group, {"obj": Invocation()}, program, variable, instruction)
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - a line that is being typed may be anything
        return DONE


def items(kind: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """What `incomplete` may become, where a value of that kind stands."""
    if kind == "directories":
        return [CompletionItem(incomplete, type="dir")]
    try:
        return [CompletionItem(word) for word in _words(kind, ctx, incomplete)]
    except Exception:  # noqa: BLE001 - as above
        return []


def _words(kind: str, ctx: click.Context, incomplete: str) -> Found:
    match kind:
        case "states":
            return _in_list(JobState, incomplete)
        case "ended_states":
            return _in_list(ENDED, incomplete)
        case "setting_keys":
            return _starting(SETTINGS, incomplete.replace("-", "_"))
        case _:
            return _from_store(_STORED[kind], ctx, incomplete)


def _starting(words: Iterable[str], start: str) -> Found:
    return [word for word in words if word.startswith(start)]


def _in_list(words: Iterable[str], incomplete: str) -> Found:
    """The last of the words with commas between them."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{word}" for word in _starting(words, last)]


def _from_store(ask: Callable[[Store, str], Found], ctx: click.Context, incomplete: str) -> Found:
    asked: Any = ctx.find_root().obj
    home = find_home(asked.home, asked.url)
    if home.url is not None:
        return []  # A key must not wait for a network.
    if not os.path.exists(home.database):
        return []
    with SqliteStore(home, busy_seconds=BUSY_SECONDS) as store:
        return ask(store, incomplete)


def _ids(store: Store, start: str) -> Found:
    return store.run(jobs.ids_starting_with(start, MOST))


def _ids_in(*states: JobState) -> Callable[[Store, str], Found]:
    """Ids among the newest jobs in these states."""

    def ask(store: Store, start: str) -> Found:
        newest = store.run(jobs.page(states, limit=1000))
        return _starting((job.id for job in newest), start)[:MOST]

    return ask


def _queues(store: Store, start: str) -> Found:
    return _starting((queue.name for queue in store.run(queues.queues())), start)


_STORED: dict[str, Callable[[Store, str], Found]] = {
    "job_ids": _ids,
    "cancellable_ids": _ids_in(*WAITING, JobState.PROCESSING),
    "ended_ids": _ids_in(*ENDED),
    "dead_ids": _ids_in(JobState.DEAD),
    "queues": _queues,
}
