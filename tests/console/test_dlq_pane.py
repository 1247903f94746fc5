"""The Dead Letter Queue by keyboard: sent back one by one, by cause, or all; and read while jobs go on dying."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events

from queuectl_core.model.errors import StoreError
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_core.store.transactions.changes import cancel, retry
from queuectl_core.store.transactions.dead_letters import dead_page
from queuectl_core.store.transactions.jobs import count_matching, find
from queuectl_tui.acting.undo import Change
from tests.console.consoles import Seat, seat
from tests.console.filtering import gathering_held
from tests.store.acts import Run, dead, end, put, ran, started
from tests.store.engines import Engine

PENDING = JobState.PENDING


def three_dead(store: Engine) -> None:
    for name in ("a", "b", "c"):
        dead(store, id=name)


def two_causes(store: Engine) -> None:
    three_dead(store)
    dead(store, id="x", command="other")


async def in_state(here: Seat, name: str, state: JobState) -> None:
    await here.until(lambda: [job.state for job in here.store.run(find([name]))] == [state], f"{name} is {state.value}")


async def opened_dlq(here: Seat, *ids: str) -> None:
    await here.press("2")
    await here.until(lambda: here.app.shown.value == "DLQ", "the DLQ is in sight")
    await here.shows(*ids)


async def opened_causes(here: Seat) -> None:
    """Open a DLQ of two causes, grouped by them."""
    await opened_dlq(here, "x", "c", "b", "a")
    await here.press("b")
    await here.until(lambda: "cause 1 of 2" in here.line("status"), "causes are shown")


async def test_the_dlq_acts_at_once_on_the_latest_to_die(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("r")
        await in_state(here, "c", PENDING)
        await here.shows("b", "a")


async def test_retry_all_names_the_number_and_sends_every_dead_job_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("R")
        assert "Retry 3 jobs" in await here.asked()
        await here.press("y")
        await here.told_of("retried 3 jobs")
        assert here.store.run(dead_page()) == []
        await here.press("u")
        await here.shows("c", "b", "a")


async def test_purge_names_the_number_and_removes_every_dead_job(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        three_dead(store)
        ran(store, id="kept")

    async with seat(tmp_path, fill=fill) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("X")
        assert "Purge 3 jobs" in await here.asked()
        await here.press("n")
        await here.told_of("nothing was purged")
        await here.press("X")
        await here.asked()
        await here.press("y")
        await here.told_of("purged 3 jobs")
        await here.shows()
        assert here.store.run(count_matching()) == 1


async def test_a_cause_is_retried_with_all_that_died_of_it(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        three_dead(store)
        put(store, "other --option", id="x", max_retries=0)
        end(store, started(store), Outcome.TIMED_OUT, error="timed out")

    async with seat(tmp_path, fill=fill) as here:
        await opened_causes(here)
        await here.press("r")
        await here.told_of("retried 3 jobs")
        assert [job.id for job in here.store.run(dead_page())] == ["x"]


async def test_a_cause_opens_as_the_list_of_its_jobs_and_esc_leaves_it(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=two_causes) as here:
        await opened_causes(here)
        await here.press("enter")
        await here.shows("c", "b", "a")
        await here.press("escape")
        await here.shows("x", "c", "b", "a")


async def test_the_title_says_in_which_order_the_jobs_of_a_cause_are(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=two_causes) as here:
        await opened_causes(here)
        await here.press("enter")
        await here.shows("c", "b", "a")
        assert here.table.sorted_by == (SortColumn.ID, True)
        await here.press("escape")
        await here.shows("x", "c", "b", "a")
        assert here.table.sorted_by == (SortColumn.ENDED, True)


async def test_too_many_dead_jobs_that_were_looked_for_are_listed_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuectl_tui.listing.order.MOST_SORTED", 2)
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.type("/true")
        await here.press("enter")
        await here.told_of("3 jobs are too many to sort by")
        await here.shows("c", "b", "a")
        assert here.table.sorted_by == (SortColumn.ID, True)


async def test_a_key_after_the_one_that_shows_causes_is_for_them(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        for letter in "bj":
            here.app.post_message(events.Key(letter, letter))
        await here.until(lambda: "cause 1 of 1" in here.line("status"), "causes are shown")
        assert here.table.cursor == 0


async def test_an_undo_that_comes_too_late_says_that_nothing_was_undone(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("r")
        await here.told_of("retried job ")
        here.store.run(cancel(["c"]))
        await here.press("u")
        await here.told_of("nothing was undone · left alone: 1 has moved on")
        await here.shows("b", "a")
        await here.press("*", "r")
        await here.told_of("retried 2 jobs")
        here.store.run(cancel(["b", "a"]))
        await here.press("u")
        await here.told_of("nothing was undone · left alone: 2 have moved on")


async def test_a_job_sent_back_elsewhere_leaves_the_dlq_by_itself(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("j")
        here.store.run(retry(["c"]))
        await here.shows("b", "a")
        assert here.table.job is not None
        assert here.table.job.id == "b"
        here.store.run(cancel(["c"]))


async def test_a_death_stays_out_of_the_dlq_while_somebody_reads_it_and_is_counted(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("j")
        here.clock.now += 1000
        dead(here.store, id="later")
        await here.until(lambda: "1 new above" in here.line("status"), "the death is counted")
        assert here.ids() == ["c", "b", "a"]
        assert "row 2 of 3" in here.line("status")
        await here.press("g")
        await here.shows("later", "c", "b", "a")


async def test_a_job_that_dies_after_the_question_is_not_meant(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        put(store, id="runs", max_retries=0)
        runs.append(started(store))
        three_dead(store)

    runs: list[Run] = []
    async with seat(tmp_path, fill=fill) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("R")
        assert "Retry 3 jobs" in await here.asked()
        here.clock.now += 1000
        end(here.store, runs[0], Outcome.FAILED)
        await here.press("y")
        await here.told_of("retried 3 jobs")
        assert [job.id for job in here.store.run(dead_page())] == ["runs"]


async def test_a_list_that_nothing_happens_to_is_not_read_over_and_over(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("j")
        here.clock.now += 1000
        dead(here.store, id="later")
        await here.until(lambda: "new above" in here.line("status"), "the death is counted")
        reads = 0
        read = here.app.session.read

        async def counted(transaction: Any) -> Any:
            nonlocal reads
            reads += 1
            return await read(transaction)

        here.app.session.read = counted  # type: ignore[method-assign]
        for _ in range(50):
            await here.pilot.pause(0.01)
        assert reads < 20


async def test_all_of_every_cause_are_meant_where_causes_are_shown(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=two_causes) as here:
        await opened_causes(here)
        await here.press("enter")
        await here.shows("c", "b", "a")
        await here.press("b")
        await here.until(lambda: "cause 1 of 2" in here.line("status"), "causes are shown again")
        await here.press("R")
        assert "Retry 4 jobs" in await here.asked()
        await here.press("n")


async def test_a_death_after_all_were_marked_under_a_filter_is_not_meant(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        three_dead(store)
        put(store, id="later", max_retries=0)

    async with seat(tmp_path, fill=fill) as here:
        await opened_dlq(here, "c", "b", "a")
        await here.press("slash")
        await here.type("true")
        await here.press("enter")
        await here.until(lambda: here.listed.order.filter.needs_scan, "the list is gathered")
        await here.shows("c", "b", "a")
        await here.press("asterisk")
        await here.until(lambda: "3 marked" in here.line("status"), "all are marked")
        here.clock.now += 1000
        end(here.store, started(here.store), Outcome.FAILED, exit_code=1)
        await here.press("r")
        await here.told_of("retried 3 jobs")
        assert [job.id for job in here.store.run(dead_page())] == ["later"]


async def test_an_undo_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        tries = iter([StoreError("the store is busy"), None])

        async def back() -> str:
            if error := next(tries):
                raise error
            return "taken back"

        here.app.undo.add(Change("done", back))
        await here.press("u")
        await here.told_of("the store is busy")
        await here.press("u")
        await here.told_of("taken back")


async def test_nothing_is_marked_out_of_sight_where_causes_are_shown(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=two_causes) as here:
        await opened_causes(here)
        await here.press("asterisk", "b")
        await here.shows("x", "c", "b", "a")
        assert not here.listed.marks


async def test_a_question_names_no_number_while_it_is_still_looked_which_dead_jobs_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here, "c", "b", "a")
        with gathering_held(monkeypatch) as go_on:
            await here.type("/true")
            await here.press("enter")
            await here.shows()
            await here.press("R")
            assert await here.asked() == "Retry all jobs that match?"
            await here.press("y")
            await here.told_of("retried 3 jobs")
            go_on.set()
