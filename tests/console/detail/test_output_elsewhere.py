"""The output of a run in the console of another host: what the store kept of it, and where the whole is."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from queuectl_tui.app import QueueConsole
from queuectl_tui.remembered import Memory
from queuectl_tui.session import Session
from tests.cli.hosts import Host, hosts, lines
from tests.cli.test_postgres_logs import go
from tests.console.consoles import Seat
from tests.console.detail.desk import Desk
from tests.console.until import until
from tests.execution.waiting import eventually
from tests.postgres.fixtures import postgres
from tests.store.engines import BlockingSqlite, Clock

__all__ = ["hosts", "postgres"]


@asynccontextmanager
async def console_on(host: Host, *, read_only: bool = False) -> AsyncIterator[Desk]:
    """A console on the store that this host shares."""
    session = Session(host.home, read_only=read_only)
    await session.open()
    app = QueueConsole(session, memory=Memory(None))
    nowhere: BlockingSqlite = None  # type: ignore[assignment]  # the store of these tests is on a server
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: app.panes and app.vital.jobs, what="the console has read the store")
        yield Desk(*Seat(pilot, app, nowhere, Clock()))


def shown(desk: Desk) -> str:
    """The output that is in sight, with what is said above it, on one line."""
    return "".join(desk.output())


async def test_the_stored_end_is_shown_and_where_the_whole_log_is(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue(*lines(5000, 40))
    there.drain()
    async with console_on(here) as desk:
        await desk.press("enter")
        await desk.until(lambda: f"{4999:039}" in shown(desk), "the end of the output is shown")

        said = "".join(shown(desk).split())
        where = f"the whole log is on {socket.gethostname()} in {there.home.log(1, 1)}"
        assert "".join(f"this is the end; {where}".split()) in said
        assert desk.detail.output.status().bytes == 64 * 1024


async def test_on_its_own_host_the_whole_log_is_shown(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    here.enqueue(*lines(5000, 40))
    here.drain()
    async with console_on(here, read_only=True) as desk:
        await desk.press("enter")
        await desk.until(lambda: desk.output() and desk.detail.output.status().bytes == 200_000, "all of it is shown")

        assert "the whole log" not in shown(desk)


async def test_a_file_of_this_home_is_not_taken_for_that_of_a_run_elsewhere(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue("echo right")
    there.drain()
    Path(here.home.log(1, 1)).parent.mkdir(parents=True)
    Path(here.home.log(1, 1)).write_text("wrong\n")
    async with console_on(here) as desk:
        await desk.press("enter")
        await desk.until(desk.output, "there is output")

        assert desk.output() == ["right"]


async def test_a_run_that_goes_on_elsewhere_is_said_to_and_shown_at_its_end(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    here, there = hosts
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    here.enqueue(f"echo begun; read x < {gate}; echo ended")
    with there.working():
        eventually(lambda: here.runs("1"), what="the job runs")
        async with console_on(here) as desk:
            await desk.press("enter")
            await desk.until(lambda: f"it runs on {socket.gethostname()}" in shown(desk), "it says where it runs")

            go(gate)

            await desk.until(lambda: desk.output() == ["begun", "ended"], "its output is shown")
