"""Starting a pool that outlives the console: what is typed for it, and the command that does it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import NamedTuple

from queuectl_core.execution.cores import usable_cores
from queuectl_core.model.cleaning import clean, shown
from queuectl_core.model.errors import InvalidInput, Refused
from queuectl_core.model.validation import check_queue
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.workers import MOST_WORKERS

# -P: nothing in the directory where the console was started is imported instead.
PROGRAM = (sys.executable, "-P", "-m", "queuectl_core")
"""The words that start the command line that belongs to this console."""


def surroundings(home: Home) -> dict[str, str]:
    """The environment for a command on this queue: a URL may hold a password, and arguments are for all to see.

    One that our own environment names is not meant where the queue is in the home, as a demo's is.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "QUEUECTL_STORE"}
    return {**inherited, **({} if home.url is None else {"QUEUECTL_STORE": home.url})}


class Wanted(NamedTuple):
    """A pool to start: how many workers, for which queues; no queues means all."""

    workers: int
    queues: tuple[str, ...] = ()


def parse_wanted(text: str) -> Wanted:
    """What is typed for a pool: `4`, or `4 mail news`. Raises InvalidInput."""
    count, *names = text.replace(",", " ").split() or [""]
    if not (count.isascii() and count.isdigit() and len(count) <= 9 and 1 <= int(count) <= MOST_WORKERS):
        raise InvalidInput(f"the number of workers comes first, 1 to {MOST_WORKERS}, not {shown(count)}")
    return Wanted(int(count), tuple(dict.fromkeys(map(check_queue, names))))


def usual_text(wanted: int | None) -> str:
    """What is offered first: as many workers as the setting says, else one a core."""
    return str(usable_cores() if wanted is None else wanted)


async def start_pool(home: Home, wanted: Wanted) -> str:
    """Start a pool in the background, and return its id once it runs. Raises Refused with what the command said."""
    queues = [word for queue in wanted.queues for word in ("--queue", queue)]
    options = ["--home", home.path, "worker", "start", "--detach", "--count", str(wanted.workers), *queues]
    try:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=surroundings(home),
            start_new_session=True,
        )
    except OSError as error:
        raise Refused(f"no pool could be started: {error.strerror}") from error
    out, complaint = await process.communicate()
    pool = out.decode(errors="replace").strip()
    if process.returncode or not pool:
        raise Refused(last_line(complaint) or f"no pool could be started: exit status {process.returncode}")
    return pool


def last_line(complaint: bytes) -> str:
    """The one line that a command complained with, without its own name; safe to show."""
    lines = [line for line in complaint.decode(errors="replace").splitlines() if line.strip()]
    return clean(lines[-1].removeprefix("queuectl: ")) if lines else ""
