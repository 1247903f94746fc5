"""What is done to jobs from a list: retry, cancel, delete, priority, run now, and pausing their queue.

Each acts on the job under the cursor, on the marked ones, or on all that match. What moved can be undone; what
did not is counted by its reason. Nothing is written here that the transactions of the store do not check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import NamedTuple

from queuectl_core.execution.logs import remove_logs
from queuectl_core.model.errors import InvalidInput, WrongState
from queuectl_core.model.job import Job, JobState
from queuectl_core.model.validation import check_priority
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions import bulk
from queuectl_core.store.transactions.bulk import Moved
from queuectl_core.store.transactions.queues import pause, queues, resume
from queuectl_core.store.transactions.undoing import undo_each
from queuectl_tui.acting.undo import Change
from queuectl_tui.acting.work import MOST_UNDONE, Step, Work, refuse_beside
from queuectl_tui.actions import BY_NAME, keys_of
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.listing.targets import PORTION, Targets, portions

Doing = Coroutine[None, None, None]


class Deed(NamedTuple):
    """What is done: its word while it goes on and once it is done, and the step for a portion of jobs."""

    going_on: str
    done: str
    step: Step
    undone: bool = True


class JobActs(JobList):
    """The actions on jobs."""

    # ---------------------------------------------------------------- the actions

    def do_retry(self) -> Doing | None:
        """Send jobs back to their queues."""
        return self._act(Deed("retrying", "retried", self._step(bulk.retry_each)))

    def do_cancel(self) -> Doing | None:
        """Cancel jobs that wait. Raises WrongState for a single one that runs."""
        targets = self.targets()
        if targets is not None and targets.one is not None and targets.one.state is JobState.PROCESSING:
            raise WrongState(f"job {targets.one.id} runs", f"{keys_of(BY_NAME['cancel_running'])} ends it")
        return self._act(Deed("cancelling", "cancelled", self._cancel(running=False)))

    def do_cancel_running(self) -> Doing | None:
        """Cancel jobs, and end those that run."""
        deed = Deed("cancelling", "cancelled", self._cancel(running=True))
        return self._act(deed, question="Cancel {}, and end what runs?")

    def do_delete(self) -> Doing | None:
        """Remove ended jobs."""
        return self._act(
            Deed("deleting", "deleted", self._delete, undone=False),
            question="Delete {}, with history and logs? It cannot be undone.",
        )

    def do_run_now(self) -> Doing | None:
        """Let waiting jobs be due now."""
        return self._act(Deed("hurrying", "made due", self._step(bulk.run_now_each)))

    def do_priority(self) -> Doing | None:
        """Ask for a priority, and set it."""
        targets = self.targets()
        return None if targets is None else self._prioritise(targets)

    async def _prioritise(self, targets: Targets) -> None:
        before = str(targets.one.priority) if targets.one else ""
        text = await self.console.prompt(f"priority of {targets.words}:", before, check=priority_of)
        if text is not None:
            priority = priority_of(text)

            async def step(numbers: list[int]) -> Moved:
                return await self.session.write(bulk.prioritise_each(numbers, priority))

            await self.carry_out(Deed("prioritising", f"set to priority {priority}:", step), targets)

    def do_pause(self) -> Doing | None:
        """Pause the queue of the job, or resume it."""
        return self._pause_or_resume(self.job.queue) if self.job else None

    async def _pause_or_resume(self, queue: str) -> None:
        paused = any(found.name == queue and found.paused for found in await self.session.read(queues()))
        self.console.tell(await self._set_paused(queue, not paused))

        async def back() -> str:
            return await self._set_paused(queue, paused)

        self.console.undo.add(Change(f"{'resumed' if paused else 'paused'} queue {queue}", back))

    async def _set_paused(self, queue: str, paused: bool) -> str:
        await self.session.write((pause if paused else resume)([queue]))
        self.console.look_again()
        return f"queue {queue} is {'paused: nothing of it starts' if paused else 'resumed'}"

    # ---------------------------------------------------------------- steps

    def _step(self, change: Callable[[list[int]], Transaction[Moved]]) -> Step:
        async def step(numbers: list[int]) -> Moved:
            return await self.session.write(change(numbers))

        return step

    def _cancel(self, *, running: bool) -> Step:
        async def step(numbers: list[int]) -> Moved:
            return await self.session.write(bulk.cancel_each(numbers, running=running))

        return step

    async def _delete(self, numbers: list[int]) -> Moved:
        moved = await self.session.write(bulk.delete_each(numbers))
        await asyncio.to_thread(remove_logs, self.session.home, moved.gone)
        return moved

    # ---------------------------------------------------------------- carrying out

    def _act(self, deed: Deed, question: str = "") -> Doing | None:
        targets = self.targets()
        return None if targets is None else self.ask_and_carry_out(deed, targets, question)

    async def ask_and_carry_out(self, deed: Deed, targets: Targets, question: str = "") -> None:
        """Do it, having asked where there is a question; `{}` in it is what is meant."""
        if question and not await self.console.ask(question.format(targets.words)):
            self.console.tell(f"nothing was {deed.done}")
            return
        await self.carry_out(deed, targets)

    async def carry_out(self, deed: Deed, targets: Targets) -> None:
        """Do it, in the background where it is more than a portion, and tell what came of it.

        Raises Refused while other work goes on.
        """
        refuse_beside(self.console.work)
        work = Work(deed.going_on, targets.how_many)
        many = targets.how_many is None or targets.how_many > PORTION
        self.console.work = work if many else None
        ended = False
        try:
            await work.run(portions(self.session, targets), deed.step, self.console.show_status)
            ended = True
        finally:
            self.console.work = None
            self._remember(deed, work)
            self.unmark()
            self.console.look_again()
            if ended or work.done:  # where all was refused, the reason alone is told
                self.console.tell(_report(deed, work), error=not work.moved and bool(work.skipped))

    def _remember(self, deed: Deed, work: Work) -> None:
        if deed.undone and work.undoable:
            self._may_take_back(deed, work.undoable)

    def _may_take_back(self, deed: Deed, pairs: Sequence[tuple[Job, Job]]) -> None:
        self.console.undo.add(Change(deed.done, partial(self._take_back, deed, pairs)))

    async def _take_back(self, deed: Deed, pairs: Sequence[tuple[Job, Job]]) -> str:
        """Put jobs back as they were, in portions; where it is stopped, the rest can be put back later.

        Raises Refused while other work goes on.
        """
        refuse_beside(self.console.work)
        work = Work("undoing", len(pairs))
        self.console.work = work if len(pairs) > PORTION else None
        try:
            while work.done < len(pairs) and not work.stopped:
                portion = pairs[work.done : work.done + PORTION]
                work.count(await self.session.write(undo_each(portion)), len(portion))
                self.console.show_status()
        finally:
            self.console.work = None
            self.console.show_status()
        told = work.report(f"undone: {deed.done}", nothing="nothing was undone")
        if work.done == len(pairs):
            return told
        self._may_take_back(deed, pairs[work.done :])
        return f"{told} · u undoes the rest"


def _report(deed: Deed, work: Work) -> str:
    told = work.report(deed.done)
    if work.moved > MOST_UNDONE and deed.undone:
        return f"{told} · the first {MOST_UNDONE:,} can be undone with u"
    return f"{told} · u undoes" if work.undoable and deed.undone else told


def priority_of(text: str) -> int:
    """The priority that a text names. Raises InvalidInput."""
    try:
        return check_priority(int(text.strip()))
    except ValueError:
        raise InvalidInput("a priority is a whole number from -1000 to 1000") from None
