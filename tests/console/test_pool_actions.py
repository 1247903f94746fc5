"""What the keys of the pane Workers do to real pools, and what is asked before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.locks import alive, is_alive
from queuectl_core.model.errors import InvalidInput, NoSuchPool, Refused
from queuectl_core.model.job import JobState
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.workers import Orders, order, register_pool, roster
from queuectl_tui.actions import BY_NAME, Place
from queuectl_tui.pools.leaving import Leaving
from queuectl_tui.pools.starting import Wanted, last_line, parse_wanted, start_pool
from queuectl_tui.pools.stopping import parse_patience, require_living
from queuectl_tui.session import Session
from queuectl_tui.widgets.prompt import Prompt
from queuectl_tui.widgets.question import Question
from tests.console.live import live, live_queue, on_roster
from tests.execution.pools import LiveQueue
from tests.execution.waiting import eventually


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LiveQueue]:
    """A queue that may have real pools."""
    with live_queue(tmp_path) as found:
        yield found


# ---------------------------------------------------------------- starting


async def test_a_pool_is_started_and_leaves_drained_where_that_is_wished(queue: LiveQueue) -> None:
    async with live(queue, Place.WORKERS) as at:
        await at.press("a")
        await at.answer("2 mail news")
        await at.told("has started, workers: 2")
        [pool] = at.app.pools_started
        await at.shows_pool(2)
        assert at.cells("QUEUES") == ["mail, news"] * 3
        await at.press("q")
        question = await at.asked(Leaving)
        assert question.text == f"Pool {pool} runs on with 2 workers. Leave it running?"
        await at.press("n")
        await at.until(lambda: at.app._exit, "the console leaves")
    eventually(lambda: not alive(queue.home), what="the pool has left")


async def test_a_pool_that_is_left_running_outlives_the_console(queue: LiveQueue) -> None:
    async with live(queue, Place.WORKERS) as at:
        await at.press("a")
        await at.answer("1")
        await at.until(lambda: at.app.pools_started, "a pool has started")
        [pool] = at.app.pools_started
        await at.press("q")
        await at.asked(Leaving)
        await at.press("escape")
        await at.until(lambda: not isinstance(at.app.screen, Leaving), "the question is gone")
        assert not at.app._exit
        await at.press("q")
        await at.asked(Leaving)
        await at.press("y")
        await at.until(lambda: at.app._exit, "the console leaves")
    assert is_alive(queue.home, pool)
    assert queue.once(queue.put("true"), JobState.COMPLETED).runs == 1


async def test_nothing_is_asked_of_a_pool_that_has_left_already(queue: LiveQueue) -> None:
    async with live(queue, Place.WORKERS) as at:
        at.app.pools_started.add("abc")
        await at.press("q")
        await at.until(lambda: at.app._exit, "the console leaves")


async def test_the_setting_is_offered_as_the_number_of_workers(queue: LiveQueue) -> None:
    queue.set(workers=7)
    async with live(queue, Place.WORKERS) as at:
        await at.press("a")
        prompt = await at.asked(Prompt)
        assert prompt._text == "7"
        await at.press("escape")
    assert queue.run(roster()).pools == []


async def test_what_cannot_be_started_is_told_while_it_is_typed(queue: LiveQueue) -> None:
    async with live(queue, Place.WORKERS) as at:
        await at.press("a")
        await at.answer("0")
        assert "the number of workers comes first" in at.complaint()
        assert isinstance(at.app.screen, Prompt)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("4", Wanted(4)), (" 2  mail news mail", Wanted(2, ("mail", "news"))), ("1 a,b", Wanted(1, ("a", "b")))],
)
def test_a_pool_is_typed_as_a_number_and_queues(text: str, wanted: Wanted) -> None:
    assert parse_wanted(text) == wanted


@pytest.mark.parametrize("text", ["", "mail", "0", "-1", "1001", "9" * 5000, "1 no/good", "²"])
def test_what_is_no_pool_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_wanted(text)


async def test_a_start_that_fails_says_why_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Refused) as told:
        await start_pool(Home(str(tmp_path / "file")), Wanted(1))
    assert len(str(told.value).splitlines()) == 1
    assert not str(told.value).startswith("queuectl: ")


def test_a_complaint_is_cleaned() -> None:
    assert last_line(b"noise\nqueuectl: bad \x1b]52;x\xff\n\n") == "bad \\x1b]52;x\ufffd"
    assert last_line(b"") == ""


# ---------------------------------------------------------------- scaling


async def test_plus_and_minus_count_from_what_was_asked_for_last(queue: LiveQueue) -> None:
    queue.ready_pool()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool()
        await at.press("j")
        at.press_at_once("plus", "plus", "plus")
        await at.shows_pool(4)
        at.press_at_once("minus", "minus")
        await at.shows_pool(2)
        assert [pool.wanted for pool in queue.run(roster()).pools] == [2]


async def test_a_pool_keeps_one_worker_at_least(queue: LiveQueue) -> None:
    queue.ready_pool()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool()
        await at.press("minus")
        await at.told("keeps at least one worker")
        assert [pool.wanted for pool in queue.run(roster()).pools] == [1]


async def test_a_pool_that_is_leaving_is_not_scaled(queue: LiveQueue) -> None:
    on_roster(queue, "abc")
    queue.run(order(["abc"], Orders.DRAIN))
    hold = Hold(queue.home, "abc")
    async with live(queue, Place.WORKERS) as at:
        await at.until(lambda: at.cells("STATE") == ["↓ draining"], "it drains")
        await at.press("plus")
        await at.told("pool abc is stopping")
    hold.close()


# ---------------------------------------------------------------- draining and stopping


async def test_a_drained_pool_finishes_what_it_runs(queue: LiveQueue) -> None:
    gate = queue.gate("gate")
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool()
        await at.press("d")
        await at.until(lambda: at.cells("STATE") == ["↓ draining"] * 2, "both are draining")
        assert is_alive(queue.home, pool.name)
        gate.open()
        await at.until(lambda: at.pane.table.rows == [] and "No pool runs" in at.seen(), "the pool has left")
    assert queue.job(job).state is JobState.COMPLETED


async def test_a_stop_names_the_jobs_and_ends_them_after_a_while(queue: LiveQueue) -> None:
    queue.set(kill_grace="0")
    gate = queue.gate("gate")
    queue.ready_pool(2)
    job = queue.put(gate.command)
    gate.pid()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool(2)
        await at.press("S")
        question = await at.asked(Question)
        assert "It runs 1 job" in question.text
        await at.press("y")
        prompt = await at.asked(Prompt)
        assert prompt._text == "30s"
        await at.answer("0.2s")
        await at.told("what runs longer than 200ms is ended and released")
        await at.press("q")
        await at.until(lambda: at.app._exit, "the console leaves")
    eventually(lambda: not alive(queue.home), what="the pool is stopped without the console")
    assert (queue.job(job).state, queue.outcomes(job), queue.job(job).attempts) == (JobState.PENDING, ["released"], 0)


async def test_a_stop_offers_the_grace_that_was_set(queue: LiveQueue) -> None:
    queue.set(shutdown_grace="2m")
    queue.ready_pool()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool()
        await at.press("S")
        await at.asked(Question)
        await at.press("y")
        prompt = await at.asked(Prompt)
        assert prompt._text == "2m"
        await at.press("escape")
        await at.until(lambda: not isinstance(at.app.screen, Prompt), "the prompt is gone")
        assert [pool.orders for pool in queue.run(roster()).pools] == [Orders.RUN]


async def test_stop_now_ends_and_releases_what_runs(queue: LiveQueue) -> None:
    queue.set(kill_grace="0")
    gate = queue.gate("gate")
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool()
        await at.press("K")
        question = await at.asked(Question)
        assert question.text == f"Stop pool {pool.name} now? It runs 1 job; what runs is ended and released."
        await at.press("enter")
        await at.until(lambda: not isinstance(at.app.screen, Question), "Enter means no")
        assert queue.job(job).state is JobState.PROCESSING
        await at.press("K")
        await at.asked(Question)
        await at.press("y")
        await at.until(lambda: at.pane.table.rows == [], "the pool has left")
    assert (queue.job(job).state, queue.outcomes(job)) == (JobState.PENDING, ["released"])


@pytest.mark.parametrize("key", ["plus", "minus", "d", "S", "K"])
async def test_a_pool_that_is_gone_is_told(queue: LiveQueue, key: str) -> None:
    on_roster(queue, "abc", "abc-1")
    before = queue.run(roster())
    async with live(queue, Place.WORKERS) as at:
        await at.until(lambda: len(at.pane.table.rows) == 2, "it is listed")
        await at.press("j", key)
        await at.told("pool abc is gone")
    assert queue.run(roster()) == before


@pytest.mark.parametrize("key", ["plus", "minus", "d", "S", "K"])
async def test_without_a_pool_its_keys_do_nothing(queue: LiveQueue, key: str) -> None:
    async with live(queue, Place.WORKERS) as at:
        await at.press(key)
        assert (at.said(), len(at.app.screen_stack)) == ("", 1)
        assert at.offered().isdisjoint({"scale_up", "drain", "stop", "stop_now"})


@pytest.mark.parametrize("key", ["a", "plus", "minus", "d", "S", "K"])
async def test_a_console_that_only_reads_asks_nothing_of_pools(queue: LiveQueue, key: str) -> None:
    on_roster(queue, "abc", "abc-1")
    before = queue.run(roster())
    async with live(queue, Place.WORKERS, read_only=True) as at:
        await at.until(lambda: len(at.pane.table.rows) == 2, "it is listed")
        assert not any(BY_NAME[name].writes for name in at.offered())
        await at.press(key)
        await at.told("the console is read-only")
    assert queue.run(roster()) == before


@pytest.mark.parametrize("text", ["", "soon", "-1", "4000d"])
def test_what_is_no_length_of_time_is_no_patience(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_patience(text)


async def test_a_name_without_a_lock_is_no_living_pool(queue: LiveQueue) -> None:
    queue.run(register_pool("abc", "here", os.getpid(), 1))
    session = Session(queue.home)
    await session.open()
    with pytest.raises(NoSuchPool):
        await require_living(session, "abc")
    await session.close()
