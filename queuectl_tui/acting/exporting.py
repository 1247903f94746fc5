"""Jobs into a file: the marked ones, or all that the list shows, in the background and in portions."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from queuectl_core.model.cleaning import clean
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_tui.acting.work import Work, refuse_beside
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.listing.targets import Matching, Targets, portions, several

if TYPE_CHECKING:
    from queuectl_tui.acting.export_file import ExportFile, Place

FIRST_NAME = "jobs.jsonl"


class Exporting(JobList):
    """The action that writes a file."""

    def do_export(self) -> Coroutine[None, None, None]:
        """Ask for a path, and write the jobs there."""
        return self._ask_and_export(self._to_export())

    def _to_export(self) -> Targets:
        """The marked jobs, else all that the list shows; the newest first."""
        targets = self.targets() if self.marks else None
        if targets is None:
            if self.narrowed is None:
                return Targets(matching=Matching(self.matched(), BEYOND_ALL), how_many=self.total)
            targets = several(self.narrowed.numbers)
        return targets._replace(numbers=tuple(sorted(targets.numbers, reverse=True)))

    async def _ask_and_export(self, targets: Targets) -> None:
        from queuectl_tui.acting.export_file import check_target, look_at

        refuse_beside(self.console.work)
        text = await self.console.prompt(f"write {targets.words} to:", FIRST_NAME, check=check_target)
        if text is None:
            return
        place = await asyncio.to_thread(look_at, check_target(text))
        if place.taken and not await self.console.ask(f"Write over {clean(place.path)}?"):
            self.console.tell("nothing was written")
            return
        refuse_beside(self.console.work)
        await self._export(targets, place)

    async def _export(self, targets: Targets, place: Place) -> None:
        from queuectl_tui.acting.export_file import ExportFile

        work = self.console.work = Work("writing", targets.how_many)
        try:
            file = ExportFile(place)
            try:
                await self._write(file, targets, work)
            finally:
                file.discard()
        finally:
            self.console.work = None
            self.console.show_status()
        path = clean(place.path)
        self.console.tell(f"stopped: {path} was not written" if work.stopped else f"{work.report('wrote')} to {path}")

    async def _write(self, file: ExportFile, targets: Targets, work: Work) -> None:
        """Write all portions, or leave the file undone where the work is stopped."""
        await asyncio.to_thread(file.begin)
        async for portion in portions(self.session, targets):
            if work.stopped:
                return
            jobs = await self.session.read(browsing.by_numbers(portion))
            await asyncio.to_thread(file.add, jobs)
            work.done += len(portion)
            work.moved += len(jobs)
            self.console.show_status()
        if not work.stopped:
            await asyncio.to_thread(file.finish)
