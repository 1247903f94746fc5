"""Jobs into the clipboard of the terminal, by the escape OSC 52; whether the terminal takes it is not told to us."""

from __future__ import annotations

import json
from collections.abc import Coroutine

from queuectl_core.cli.shapes import job_with_history_json
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.jobs import show
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.listing.targets import Targets, portions

MOST_COPIED = 10_000
"""How many ids are copied; terminals take only so much."""


class Copying(JobList):
    """The actions that copy."""

    def do_copy_id(self) -> Coroutine[None, None, None] | None:
        """Copy the id of the job, or those of the marked ones, one a line."""
        targets = self.targets()
        if targets is None:
            return None
        if targets.one is None:
            return self._copy_ids(targets)
        self.console.copy_to_clipboard(targets.one.id)
        self.console.tell(f"copied the id {targets.one.id}")
        return None

    async def _copy_ids(self, targets: Targets) -> None:
        ids: list[str] = []
        cut = False
        async for portion in portions(self.session, targets):
            if len(ids) >= MOST_COPIED:
                cut = True
                break
            ids += [job.id for job in await self.session.read(browsing.by_numbers(portion))]
        cut = cut or len(ids) > MOST_COPIED
        ids = ids[:MOST_COPIED]
        self.console.copy_to_clipboard("\n".join(ids))
        some = f"copied {len(ids):,} id{'' if len(ids) == 1 else 's'}"
        self.console.tell(f"{some}; there are more: w writes all to a file" if cut else some)

    def do_copy_json(self) -> Coroutine[None, None, None] | None:
        """Copy the job under the cursor as JSON."""
        return self._copy_json(self.job.id) if self.job else None

    async def _copy_json(self, job_id: str) -> None:
        """As `queuectl show --json` has it: of the environment the names, not the values."""
        job, runs = await self.session.read(show(job_id))
        self.console.copy_to_clipboard(json.dumps(job_with_history_json(job, runs), indent=2))
        self.console.tell(f"copied job {job.id} as JSON")
