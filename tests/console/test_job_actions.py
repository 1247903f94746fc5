"""What is done to jobs from the lists: on one, on the marked, on all that match, and taken back again."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.jobs import count_matching, find
from queuectl_core.store.transactions.queues import queues
from queuectl_tui.acting.work import Work
from tests.console.consoles import Seat, seat
from tests.console.filtering import gathering_held
from tests.store.acts import dead, look, put, started
from tests.store.engines import Engine

CANCELLED, COMPLETED, DEAD, PENDING, RUNS = (
    JobState.CANCELLED, JobState.COMPLETED, JobState.DEAD, JobState.PENDING, JobState.PROCESSING,
)  # fmt: skip


def one_dead(store: Engine) -> None:
    dead(store, id="d", command="false")


def three_dead(store: Engine) -> None:
    for name in ("a", "b", "c"):
        dead(store, id=name)


async def in_state(here: Seat, name: str, state: JobState) -> None:
    await here.until(lambda: [job.state for job in here.store.run(find([name]))] == [state], f"{name} is {state.value}")


async def test_r_retries_the_job_under_the_cursor_and_u_takes_it_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        before = here.store.run(find(["d"]))
        await here.press("r")
        await in_state(here, "d", PENDING)
        await here.told_of("retried job d", "u undoes")
        await here.press("u")
        await in_state(here, "d", DEAD)
        [after] = here.store.run(find(["d"]))
        assert after._replace(updated_at=0) == before[0]._replace(updated_at=0)


async def test_undo_says_so_where_the_job_has_moved_on(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        await here.press("r")
        await in_state(here, "d", PENDING)
        started(here.store)
        await here.told_of("retried job ")
        await here.press("u")
        await here.told_of("has moved on")
        assert look(here.store, here.store.run(find(["d"]))[0]).state is RUNS


async def test_r_acts_on_every_marked_job(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await here.press("space", "space", "r")
        await here.told_of("retried 2 jobs")
        assert here.store.run(count_matching((PENDING,))) == 2
        assert not here.listed.marks


async def test_what_cannot_be_retried_is_counted_by_its_reason(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        dead(store, id="d")
        put(store, id="p")

    async with seat(tmp_path, fill=fill) as here:
        await here.press("asterisk")
        await here.until(lambda: here.listed.marks.everything, "all are marked")
        await here.press("r")
        await here.told_of("retried job ", "1 is pending")


async def test_c_cancels_what_waits_and_leaves_alone_what_runs(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        put(store, id="runs")
        started(store)
        put(store, id="waits")

    async with seat(tmp_path, fill=fill) as here:
        await here.press("space", "space", "c")
        await here.told_of("cancelled job ", "1 is processing")
        await in_state(here, "waits", CANCELLED)
        await here.press("u")
        await in_state(here, "waits", PENDING)


async def test_c_says_which_key_ends_a_job_that_runs_and_is_not_offered_for_it(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        put(store, id="runs")
        started(store)
        put(store, id="waits")

    async with seat(tmp_path, fill=fill) as here:
        await here.until(lambda: "c Cancel" in here.line("footer"), "it is offered for the one that waits")
        await here.press("j")
        await here.until(lambda: "c Cancel" not in here.line("footer"), "it is not offered for the one that runs")
        await here.press("c")
        await here.told_of("job runs runs: C ends it")
        await in_state(here, "runs", RUNS)


async def test_upper_case_c_asks_and_ends_what_runs(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        put(store, id="runs")
        started(store)

    async with seat(tmp_path, fill=fill) as here:
        await here.press("C")
        assert "job runs" in await here.asked()
        await here.press("enter")
        await here.told_of("nothing was cancelled")
        assert not here.store.run(find(["runs"]))[0].cancelling
        await here.press("C")
        await here.asked()
        await here.press("y")
        await here.until(lambda: here.store.run(find(["runs"]))[0].cancelling, "its end was asked for")


async def test_delete_asks_and_removes_the_job_and_its_log(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        [job] = here.store.run(find(["d"]))
        log = Path(here.app.session.home.log(job.number, 1))
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("output")
        await here.press("D")
        assert "Delete job d" in await here.asked()
        await here.press("y")
        await here.told_of("deleted job d")
        await here.shows()
        assert not log.exists()


async def test_a_priority_is_checked_as_it_is_typed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: put(store, id="p")) as here:
        await here.press("i")
        await here.until(lambda: here.app.screen is not here.app.screen_stack[0], "it asks for the priority")
        await here.press("backspace")
        await here.type("x")
        await here.press("enter")
        assert here.app.screen is not here.app.screen_stack[0]
        await here.press("backspace")
        await here.type("7")
        await here.press("enter")
        await here.until(lambda: here.store.run(find(["p"]))[0].priority == 7, "it has priority 7")
        await here.until(lambda: here.app.screen is here.app.screen_stack[0], "the prompt is gone")
        await here.press("u")
        await here.until(lambda: here.store.run(find(["p"]))[0].priority == 0, "it has its priority back")


async def test_x_lets_a_job_run_that_waits_for_later(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: put(store, id="p", delay=3600)) as here:
        await here.press("x")
        await here.until(lambda: here.store.run(find(["p"]))[0].due == here.clock.now, "it is due")
        await here.press("u")
        await here.until(lambda: here.store.run(find(["p"]))[0].due > here.clock.now, "it waits again")


async def test_p_pauses_the_queue_of_the_job_and_resumes_it(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: put(store, id="p", queue="mail")) as here:
        await here.press("p")
        await here.until(lambda: here.store.run(queues())[0].paused, "mail is paused")
        await here.told_of("queue mail is paused")
        await here.press("p")
        await here.until(lambda: not here.store.run(queues())[0].paused, "mail is resumed")
        await here.press("u")
        await here.until(lambda: here.store.run(queues())[0].paused, "mail is paused again")


async def test_a_pause_that_is_undone_is_told_once(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: put(store, id="p", queue="mail")) as here:
        await here.press("p")
        await here.told_of("queue mail is paused")
        await here.press("u")
        await here.told_of("queue mail is resumed")
        await here.press("u")
        await here.told_of("nothing to undo")  # whatever was to be told before has been told now
        assert [told for told in here.told() if "mail" in told] == [
            "queue mail is paused: nothing of it starts",
            "queue mail is resumed",
        ]


def many(store: Engine) -> None:
    """1,700 jobs that wait: more than are changed at once."""
    rows = [row_of(NewJob("true"), "/")] * 1700
    store.run(enqueue_rows(lambda: [rows], str))


async def test_many_are_moved_in_portions_with_progress_and_taken_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("asterisk")
        await here.until(lambda: here.listed.marks.everything, "all are marked")
        seen: list[str] = []
        show = here.app.show_status

        def watched() -> None:
            show()
            seen.append(here.line("status"))

        here.app.show_status = watched  # type: ignore[method-assign]
        await here.press("c")
        await here.told_of("cancelled 1,700 jobs")
        assert any("of 1,700" in line for line in seen)
        assert here.store.run(count_matching((CANCELLED,))) == 1700
        await here.press("u")
        await here.until(lambda: here.store.run(count_matching((PENDING,))) == 1700, "all wait again")


async def test_undoing_many_tells_how_far_it_is_and_can_be_stopped_and_gone_on_with(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("asterisk")
        await here.until(lambda: here.listed.marks.everything, "all are marked")
        await here.press("c")
        await here.told_of("cancelled 1,700 jobs")
        seen: list[str] = []
        show = here.app.show_status

        def stopping() -> None:
            show()
            seen.append(here.line("status"))
            here.app.action_do("halt")

        here.app.show_status = stopping  # type: ignore[method-assign]
        await here.press("u")
        await here.told_of("undone: cancelled 500 jobs", "stopped", "u undoes the rest")
        here.app.show_status = show  # type: ignore[method-assign]
        assert any("undoing" in line and "500 of 1,700" in line and "^x stops" in line for line in seen)
        assert here.store.run(count_matching((PENDING,))) == 500
        await here.press("u")
        await here.told_of("undone: cancelled 1,200 jobs")
        assert here.store.run(count_matching((PENDING,))) == 1700


async def test_nothing_is_undone_while_other_work_goes_on(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        await here.press("r")
        await here.told_of("retried job ")
        here.app.work = Work("writing", 1)
        await here.press("u")
        await here.told_of("still writing")
        here.app.work = None
        await here.press("u")
        await in_state(here, "d", DEAD)


async def test_work_that_goes_on_can_be_stopped(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        rows = [row_of(NewJob("true"), "/")] * 3000
        store.run(enqueue_rows(lambda: [rows], str))

    async with seat(tmp_path, fill=fill) as here:
        await here.press("asterisk")
        await here.until(lambda: here.listed.marks.everything, "all are marked")
        show = here.app.show_status

        def stopping() -> None:
            show()
            if here.app.work and here.app.work.done:
                here.app.action_do("halt")

        here.app.show_status = stopping  # type: ignore[method-assign]
        await here.press("c")
        await here.told_of("cancelled 500 jobs", "stopped")
        assert here.store.run(count_matching((CANCELLED,))) == 500


async def test_a_read_only_console_changes_nothing(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        put(store, id="p")
        dead(store, id="d", queue="other")

    async with seat(tmp_path, fill=fill, read_only=True) as here:
        await here.until(lambda: here.table.job is not None, "the list is there")
        await here.press("r", "c", "C", "D", "i", "x", "p", "u")
        await here.told_of("read-only")
        assert [job.state for job in here.store.run(find(["p", "d"]))] == [PENDING, DEAD]
        assert "Retry" not in here.line("footer")
        assert here.app.screen is here.app.screen_stack[0]


async def test_a_question_names_no_number_while_it_is_still_looked_which_jobs_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(store: Engine) -> None:
        for name in ("a", "b", "c"):
            put(store, "echo", id=name)

    async with seat(tmp_path, fill=fill) as here:
        with gathering_held(monkeypatch) as go_on:
            await here.type("/echo")
            await here.press("enter")
            await here.shows()
            await here.press("asterisk")
            await here.until(lambda: "all that match are marked" in here.line("status"), "they are marked")
            await here.press("C")
            assert await here.asked() == "Cancel all jobs that match, and end what runs?"
            await here.press("n")
            go_on.set()
            await here.shows("c", "b", "a")
        await here.until(lambda: "3 marked" in here.line("status"), "they are counted")
        await here.press("C")
        assert await here.asked() == "Cancel 3 jobs, and end what runs?"
        await here.press("n")
