"""Somebody who looks at the detail of a job, and jobs to look at: for the tests of the detail."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from queuectl_core.execution.logs import make_log
from queuectl_core.model.job import Job, Outcome
from queuectl_core.store.home import Home
from queuectl_tui.detail.job_detail import JobDetail
from queuectl_tui.panes.browser import Browser
from tests.console.consoles import Seat, seat
from tests.store import acts
from tests.store.acts import Run
from tests.store.engines import BlockingSqlite

Fill = Callable[[BlockingSqlite], None]

NARROW, WIDE = (80, 24), (140, 40)


class Desk(Seat):
    """A seat from which the detail is looked at."""

    @property
    def browser(self) -> Browser:
        """The list in sight, and what belongs to it."""
        pane = self.app.pane
        assert isinstance(pane, Browser)
        return pane

    @property
    def detail(self) -> JobDetail:
        """The detail, which must be open."""
        detail = self.browser.detail
        assert detail is not None
        return detail

    @property
    def heading(self) -> str:
        """The line above the output."""
        return self.detail.heading.content.plain

    def facts(self) -> str:
        """The facts and the runs as they are drawn."""
        blocks = (self.detail.facts, self.detail.timeline)
        return "\n".join(line.plain for block in blocks for line in block.lines(block.size.width))

    def screen(self) -> str:
        """All that is on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def output(self) -> list[str]:
        """The lines of output in sight, from the top."""
        view = self.detail.output
        lines = [view.render_line(row).text.rstrip() for row in range(view.size.height)]
        return [line for line in lines if line]

    async def opened(self, job: str) -> None:
        """Wait until the detail shows a job."""
        await self.until(
            lambda: self.browser.detail is not None and self.facts().startswith(f"{job} "), f"the detail shows {job}"
        )

    async def reads(self, *words: str) -> None:
        """Wait until the line above the output has all of these words."""
        await self.until(lambda: all(word in self.heading for word in words), f"the heading says {words}")

    async def sees(self, line: str) -> None:
        """Wait until a line of output is in sight."""
        await self.until(lambda: line in self.output(), f"{line!r} is in sight")

    async def knows(self, *words: str) -> None:
        """Wait until facts and runs have all of these words."""
        await self.until(lambda: all(word in self.facts() for word in words), f"the facts say {words}")


@asynccontextmanager
async def desk(folder: Path, fill: Fill, size: tuple[int, int] = NARROW) -> AsyncIterator[Desk]:
    """A console on a store that `fill` has filled, with its rows read."""
    async with seat(folder, size=size, fill=fill) as taken:
        here = Desk(*taken)
        await here.until(here.ids, "the list has rows")
        yield here


def write(folder: Path, run: Run, text: str) -> None:
    """Put output into the log of a run, which is begun where it is not there."""
    path = Home(str(folder)).log(run.job.number, run.job.runs)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND) if os.path.exists(path) else _begun(folder, run)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _begun(folder: Path, run: Run) -> int:
    return make_log(Home(str(folder)), run.job.number, run.job.runs)


def numbered(count: int, word: str = "line") -> str:
    """So many numbered lines of output."""
    return "".join(f"{word} {number}\n" for number in range(1, count + 1))


def failed_thrice(folder: Path, lines: int = 100) -> Fill:
    """A job that failed in each of three runs, with output, and then died."""

    def fill(store: BlockingSqlite) -> None:
        acts.put(store, "make all", id="broken", max_retries=2)
        for attempt in (1, 2, 3):
            run = acts.started(store)
            write(folder, run, numbered(lines, f"run {attempt} line"))
            store.clock.now += attempt * 1000
            acts.ended(
                store, run, Outcome.FAILED, exit_code=attempt, duration_ms=attempt * 1000, output_bytes=lines * 10
            )
            store.clock.now += 3_600_000

    return fill


def running(folder: Path, text: str = "", **fields: object) -> tuple[Fill, list[Run]]:
    """A job that runs and has written something; the run is found in the list once the store is filled."""
    runs: list[Run] = []

    def fill(store: BlockingSqlite) -> None:
        acts.put(store, "sleep 60", id="busy", **fields)
        runs.append(acts.started(store))
        write(folder, runs[0], text)

    return fill, runs


def three(store: BlockingSqlite) -> None:
    """Three jobs that wait; the newest is on top."""
    for name in ("first", "second", "third"):
        acts.put(store, f"echo {name}", id=name)


def named(here: Desk, name: str) -> Job:
    """The job of that id in the list."""
    return next(job for job in here.table.stretch.jobs if job.id == name)
