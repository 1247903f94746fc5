"""What the keys for jobs do, in lists and in the detail: what is done to jobs, and how one looks at them."""

from __future__ import annotations

import json

from textual.widgets import Input

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.queues import queues
from queuectl_tui.actions import Place
from queuectl_tui.app import QueueConsole
from queuectl_tui.forms.form import JobForm
from tests.console.keys.at import At, Row

CANCELLED, COMPLETED, DEAD, PENDING, PROCESSING = (
    JobState.CANCELLED, JobState.COMPLETED, JobState.DEAD, JobState.PENDING, JobState.PROCESSING,
)  # fmt: skip


def waiting(there: At) -> JobState:
    """A state in which a job may be changed, and is listed."""
    return DEAD if there.place is Place.DLQ else PENDING


def ended(there: At) -> JobState:
    """A state in which a job may be removed, and is listed."""
    return DEAD if there.place is Place.DLQ else COMPLETED


# ---------------------------------------------------------------- what is done to jobs


async def retry(there: At) -> None:
    job = await there.job(DEAD)
    await there.tap()
    await there.becomes(job, PENDING)


async def retry_all(there: At) -> None:
    jobs = [await there.job(DEAD), await there.job(DEAD)]
    await there.tap()
    await there.agrees("Retry 2 jobs")
    for job in jobs:
        await there.becomes(job, PENDING)


async def cancel(there: At) -> None:
    job = await there.job(PENDING)
    await there.tap()
    await there.becomes(job, CANCELLED)


async def cancel_running(there: At) -> None:
    job = await there.job(PROCESSING)
    await there.tap()
    await there.agrees("Cancel job", job.id)
    await there.until(lambda: there.now(job).cancelling, "its end was asked for")


async def delete(there: At) -> None:
    job = await there.job(ended(there))
    await there.tap()
    await there.agrees("Delete job", job.id)
    await there.until(lambda: job.id not in there.ids(), "it is gone")


async def purge(there: At) -> None:
    jobs = [await there.job(DEAD), await there.job(DEAD)]
    await there.tap()
    await there.agrees("Purge 2 jobs")
    await there.until(lambda: not {job.id for job in jobs} & {*there.ids()}, "both are gone")


async def priority(there: At) -> None:
    job = await there.job(waiting(there))
    await there.tap()
    await there.answers("7")
    await there.until(lambda: there.now(job).priority == 7, "it has priority 7")


async def run_now(there: At) -> None:
    job = await there.job(PENDING, delay=3600)
    await there.tap()
    await there.until(lambda: there.now(job).due == there.here.clock.now < job.due, "it is due")


async def edit(there: At) -> None:
    job = await there.job(waiting(there), command="echo unique words")
    await there.tap()
    await there.opens(JobForm)
    assert there.app.screen.query_one("#command", Input).value == job.command


async def edit_as_text(there: At) -> None:
    job = await there.job(waiting(there))
    there.monkeypatch.setenv("VISUAL", """sed -i 's/"priority": 0/"priority": 9/'""")
    there.monkeypatch.setattr(QueueConsole, "suspend", there.monkeypatch.context)  # no terminal is given away here
    await there.tap()
    await there.until(lambda: there.now(job).priority == 9, "it was stored as the editor left it")


async def new_job(there: At) -> None:
    await there.tap()
    await there.opens(JobForm)
    await there.here.type("make all")
    await there.here.press("ctrl+s")
    await there.until(lambda: "make all" in there.commands(), "it is enqueued")


async def pause(there: At) -> None:
    job = await there.job(waiting(there))
    await there.tap()
    await there.until(
        lambda: [found.name for found in there.here.store.run(queues()) if found.paused] == [job.queue], "it is paused"
    )


# ---------------------------------------------------------------- looking at jobs


async def detail(there: At) -> None:
    job = await there.job(waiting(there))
    await there.tap()
    await there.until(lambda: there.browser.in_detail and there.detail.job == job, "the detail shows it")
    assert not there.detail.has_class("-bare")


async def log(there: At) -> None:
    job = await there.job(ended(there), output="said so")
    await there.tap()
    await there.until(lambda: there.browser.in_detail and there.detail.job == job, "the detail shows it")
    await there.until(lambda: "said so" in there.detail.output.render_line(0).text, "its output is in sight")
    assert there.detail.has_class("-bare")


async def filter_(there: At) -> None:
    first, second = await there.job(waiting(there)), await there.job(waiting(there))
    await there.tap()
    await there.until(lambda: there.app.focused is there.browser.filter_line.input, "the line takes the keys")
    await there.here.type(f"queue:{first.queue}")
    await there.here.press("enter")
    await there.here.shows(first.id)
    assert second.id in there.ids()


async def sort(there: At) -> None:
    before = there.browser.order.column
    await there.tap()
    await there.until(lambda: there.browser.order.column is not before, "it is sorted by another column")
    columns = there.browser.table.sortable
    assert there.browser.order.column is columns[(columns.index(before) + 1) % len(columns)]


async def reverse(there: At) -> None:
    await there.job()
    before = there.here.ids()
    await there.tap()
    await there.here.shows(*reversed(before))


async def columns(there: At) -> None:
    await there.tap()
    await there.answers("queue id")
    await there.until(
        lambda: [column.title for column in there.browser.table.columns] == ["QUEUE", "ID"], "these two are shown"
    )


async def by_cause(there: At) -> None:
    await there.job(DEAD)
    await there.tap()
    await there.until(lambda: there.dlq.by_cause and there.dlq.causes.causes, "causes are shown")
    assert there.dlq.causes.has_focus


async def mark(there: At) -> None:
    await there.job(waiting(there))
    job = await there.job(waiting(there))
    await there.tap()
    assert (list(there.browser.marks), there.browser.cursor) == ([job.number], 1)


async def mark_range(there: At) -> None:
    jobs = [await there.job(waiting(there)), await there.job(waiting(there))]
    await there.tap()
    await there.here.press("j")
    await there.until(lambda: list(there.browser.marks) == [job.number for job in jobs], "both are marked")


async def mark_all(there: At) -> None:
    job = await there.job(waiting(there))
    await there.tap()
    await there.until(lambda: there.browser.marks.everything and job.number in there.browser.marks, "all are marked")


async def copy_id(there: At) -> None:
    job = await there.job(waiting(there))
    await there.tap()
    await there.until(lambda: there.app.clipboard == job.id, "its id was copied")


async def copy_json(there: At) -> None:
    job = await there.job(waiting(there))
    await there.tap()
    await there.until(lambda: there.app.clipboard, "something was copied")
    assert json.loads(there.app.clipboard)["id"] == job.id


async def export(there: At) -> None:
    job = await there.job(waiting(there))
    file = there.folder / "jobs.jsonl"
    await there.tap()
    await there.answers(str(file))
    await there.until(file.exists, "the file is there")
    assert job.id in [json.loads(line)["id"] for line in file.read_text().splitlines()]


ROWS: dict[str, Row] = {
    "retry": retry,
    "retry_all": retry_all,
    "cancel": cancel,
    "cancel_running": cancel_running,
    "delete": delete,
    "purge": purge,
    "priority": priority,
    "run_now": run_now,
    "edit": edit,
    "edit_as_text": edit_as_text,
    "new_job": new_job,
    "pause": pause,
    "detail": detail,
    "log": log,
    "filter": filter_,
    "sort": sort,
    "reverse": reverse,
    "columns": columns,
    "by_cause": by_cause,
    "mark": mark,
    "mark_range": mark_range,
    "mark_all": mark_all,
    "copy_id": copy_id,
    "copy_json": copy_json,
    "export": export,
}
