"""Draining, stopping and scaling pools that run, from the console. What they do about it is the pool's affair."""

from __future__ import annotations

import asyncio
import subprocess

from queuectl_core.execution.roster import signs
from queuectl_core.model.durations import format_duration, parse_duration
from queuectl_core.model.errors import NoSuchPool, Refused
from queuectl_core.model.settings import NONE
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.workers import Orders, order, roster
from queuectl_tui.pools.starting import PROGRAM, surroundings
from queuectl_tui.session import Session

USUAL_PATIENCE = "30s"
"""How long a stop waits for what runs where neither the person nor a setting says."""


async def require_living(session: Session, pool: str) -> None:
    """Raise NoSuchPool for a pool that is gone: nobody would hear what it is asked. Or a StoreError."""
    known = await session.read(roster())
    if pool not in (await asyncio.to_thread(signs, session.home, known)).living:
        raise NoSuchPool(f"pool {pool} is gone")


async def ask_of(session: Session, pool: str, orders: Orders) -> None:
    """Ask a living pool to drain or to stop. Raises NoSuchPool, or a StoreError where it cannot be written."""
    await require_living(session, pool)
    await session.write(order([pool], orders))


async def usual_patience(session: Session) -> str:
    """How long a stop waits unless told otherwise, as text."""
    text = (await session.read(settings())).texts.get("shutdown_grace", NONE)
    return USUAL_PATIENCE if text.lower() == NONE else text


def parse_patience(text: str) -> str:
    """A length of time that a stop may wait, as text; raises InvalidInput."""
    return format_duration(parse_duration(text, "the wait"), parts=4)


async def stop_after(session: Session, pool: str, patience: str) -> None:
    """Drain a living pool now; what it still runs after `patience` is ended and released, even without this console.

    Raises NoSuchPool, a StoreError, or Refused where the command that waits cannot be started.
    """
    await ask_of(session, pool, Orders.DRAIN)
    command = (*PROGRAM, "--home", session.home.path, "worker", "stop", "--pool", pool, "--timeout", patience)
    await asyncio.to_thread(_detach, command, surroundings(session.home))


def _detach(command: tuple[str, ...], environment: dict[str, str]) -> None:
    """Run a command as nobody's child, in a session of its own: it is not ended, waited for, or heard."""
    nothing = subprocess.DEVNULL
    # The shell puts it into the background and ends at once, so that the command's parent is gone.
    words = ["/bin/sh", "-c", '"$@" &', "sh", *command]
    try:
        subprocess.run(
            words, stdin=nothing, stdout=nothing, stderr=nothing, env=environment, start_new_session=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refused("the pool drains, but nobody minds its time", str(error)) from error
