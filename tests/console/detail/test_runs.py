"""The runs of a job in the detail, one that goes on among them."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.execution.logs import remove_logs
from queuectl_core.model.job import Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import delete
from tests.console.detail.desk import WIDE, desk, failed_thrice, numbered, running, write
from tests.store import acts
from tests.store.engines import BlockingSqlite


async def test_the_last_run_is_shown_first_and_its_end(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.reads("attempt 3 of 3", "100 lines")
        assert "▌   3 ✗ failed" in here.facts()


async def test_brackets_go_through_the_runs(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")

        await here.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        await here.sees("run 1 line 100")
        await here.reads("attempt 1 of 3")
        assert "▌   1 ✗ failed" in here.facts()

        await here.press("right_square_bracket")
        await here.sees("run 2 line 100")


async def test_a_run_is_chosen_with_the_mouse(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path), WIDE) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")

        await here.pilot.click(here.detail.timeline, offset=(5, 2))

        await here.sees("run 2 line 100")


async def test_the_stored_end_is_shown_where_the_log_is_gone(tmp_path: Path) -> None:
    def fill(store: BlockingSqlite) -> None:
        acts.put(store, "true", id="old")
        acts.ended(store, acts.started(store), tail=b"the last words\n", output_bytes=15)

    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.sees("the last words")


async def test_of_many_runs_those_around_the_chosen_one_are_in_sight(tmp_path: Path) -> None:
    def fill(store: BlockingSqlite) -> None:
        acts.put(store, "false", id="often", max_retries=40)
        for _ in range(30):
            acts.ended(store, acts.started(store), Outcome.FAILED, exit_code=1)
            store.clock.now += 10_000_000

    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.reads("attempt 30 of 30")
        assert here.detail.timeline.size.height <= 6

        await here.press(*["left_square_bracket"] * 20)
        await here.reads("attempt 10 of 30")
        assert "▌  10 ✗ failed" in here.facts()


async def test_output_is_followed_as_it_comes(tmp_path: Path) -> None:
    fill, runs = running(tmp_path, numbered(100))
    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.sees("line 100")
        await here.reads("following")

        write(tmp_path, runs[0], "something new\n")

        await here.sees("something new")


async def test_following_stops_and_starts_again(tmp_path: Path) -> None:
    fill, runs = running(tmp_path, numbered(100))
    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.sees("line 100")

        await here.press("f")
        await here.reads("not following")
        write(tmp_path, runs[0], numbered(50, "more"))
        await here.reads("of 150")
        assert "more 50" not in here.output()

        await here.press("f")
        await here.sees("more 50")


async def test_the_next_run_is_shown_when_it_starts(tmp_path: Path) -> None:
    fill, runs = running(tmp_path, numbered(10), max_retries=3)
    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.sees("line 10")

        acts.ended(here.store, runs[0], Outcome.FAILED, exit_code=1)
        await here.knows("! failed", "✗ failed")
        here.clock.now += 3_600_000
        again = acts.started(here.store)
        write(tmp_path, again, "second go\n")

        await here.sees("second go")
        await here.reads("attempt 2 of 2", "following")


async def test_an_earlier_run_that_is_read_stays_when_the_next_starts(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.press("left_square_bracket")
        await here.sees("run 2 line 100")

        await here.press("r")
        await here.knows("· pending")
        write(tmp_path, acts.started(here.store), "fresh\n")

        await here.reads("attempt 2 of 4")
        await here.sees("run 2 line 100")


async def test_the_end_of_a_run_is_told_and_its_output_stays(tmp_path: Path) -> None:
    fill, runs = running(tmp_path, numbered(100))
    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.sees("line 100")

        write(tmp_path, runs[0], "all done\n")
        acts.ended(here.store, runs[0])

        await here.knows("busy  ✓ completed")
        await here.sees("all done")
        await here.until(lambda: "following" not in here.heading, "it follows no longer")


async def test_a_job_that_is_removed_says_so_and_keeps_its_facts(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")

        gone = here.store.run(delete(["broken"]))
        remove_logs(Home(str(tmp_path)), gone)

        await here.knows("it has been removed", "broken  ✗ dead")
        await here.sees("run 3 line 100")
        assert here.browser.targets() is None


async def test_another_job_of_the_same_name_is_not_taken_for_it(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.opened("broken")

        here.store.run(delete(["broken"]))
        acts.put(here.store, "something else", id="broken")

        await here.knows("it has been removed")
        assert "something else" not in here.facts()
