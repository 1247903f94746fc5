"""New jobs, and jobs edited: in a form, or as JSON in the editor of whoever sits there.

What storing means is `queuectl_tui.forms.drafts`: a job that waits is changed, a dead one is changed and sent back,
one that has otherwise ended is enqueued again.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import NoSuchJob, QueueError
from queuectl_core.model.job import Job, NewJob
from queuectl_core.store.transactions import browsing
from queuectl_tui.listing.job_list import JobList

if TYPE_CHECKING:
    from queuectl_tui.forms.drafts import Draft

NOTHING = "nothing was changed"


class Editing(JobList):
    """The actions that fill in a job."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._unfinished: dict[int, str] = {}
        """Text that could not be stored and was left, by the number of its job."""

    def do_new_job(self) -> None:
        """Ask for a new job; at once, so that what is typed next is not taken for keys of the list."""
        from queuectl_tui.forms.drafts import empty_draft

        self._fill_in(empty_draft())

    def do_edit(self) -> Coroutine[None, None, None] | None:
        """Edit the job under the cursor in a form."""
        return self._edit(self.job) if self.job else None

    def do_edit_as_text(self) -> Coroutine[None, None, None] | None:
        """Edit the job under the cursor in an editor."""
        return self._edit_as_text(self.job) if self.job else None

    # ---------------------------------------------------------------- in the form

    async def _edit(self, job: Job) -> None:
        self._fill_in(await self._draft_of(job))

    def _fill_in(self, draft: Draft) -> None:
        from queuectl_tui.forms.form import JobForm
        from queuectl_tui.forms.queue_names import QueueNames

        async def store(wanted: NewJob) -> None:
            await self._store(draft, wanted)

        self.console.push_screen(JobForm(draft, QueueNames(self.session), store, self._present))

    # ---------------------------------------------------------------- in an editor

    async def _edit_as_text(self, job: Job) -> None:
        from queuectl_tui.forms.as_text import text_of
        from queuectl_tui.forms.editor import edit_text

        draft = await self._draft_of(job)
        first = text_of(draft.before)
        text = self._unfinished.get(job.number, first)
        while True:
            edited = edit_text(self.console, text)
            text = edited.text
            if not text.strip() or text.strip() == first.strip():
                self._unfinished.pop(job.number, None)
                self.console.tell(edited.wrong or NOTHING, error=bool(edited.wrong))
                return
            wrong = edited.wrong or await self._wrong_with(text, draft)
            if not wrong:
                self._unfinished.pop(job.number, None)
                return
            if not await self.console.ask(f"{clean(wrong)}. Edit it again?"):
                self._unfinished[job.number] = text
                self.console.tell(f"{NOTHING}; what you wrote is kept until you quit: ^e goes on with it")
                return

    async def _wrong_with(self, text: str, draft: Draft) -> str:
        """Store what the text describes; what is wrong where that cannot be."""
        from queuectl_core.model.parsing import parse_job

        try:
            await self._store(draft, parse_job(text, self._present()))
        except QueueError as error:
            return str(error)
        return ""

    # ---------------------------------------------------------------- the store

    def _present(self) -> datetime:
        return datetime.fromtimestamp(self.session.now() / 1000, UTC)

    async def _draft_of(self, job: Job) -> Draft:
        """What editing the job as it is now starts from. Raises NoSuchJob, or WrongState where it runs."""
        from queuectl_tui.forms.drafts import draft_of

        found = await self.session.read(browsing.by_numbers([job.number]))
        if not found:
            raise NoSuchJob(f"job {job.id} is gone")
        return draft_of(found[0], self.session.now())

    async def _store(self, draft: Draft, wanted: NewJob) -> None:
        """Store it, and tell so. Raises what the store raises."""
        transaction = draft.storing(wanted)
        if transaction is None:
            self.console.tell(NOTHING)
            return
        stored = await self.session.write(transaction)
        self.console.tell(draft.told(stored))
        self.console.look_again()
