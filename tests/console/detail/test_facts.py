"""What the detail tells of a job."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.model.job import Outcome
from tests.console.detail.desk import WIDE, desk, numbered, running, three, write
from tests.store import acts
from tests.store.engines import BlockingSqlite


async def test_the_facts_of_a_job_are_shown(tmp_path: Path) -> None:
    def fill(store: BlockingSqlite) -> None:
        acts.put(store, "make all", id="build", queue="ci", priority=7, timeout=90.0, cwd="/somewhere", max_retries=0)
        acts.ended(store, acts.started(store), Outcome.FAILED, exit_code=3, error="it broke")

    async with desk(tmp_path, fill, WIDE) as here:
        await here.press("enter")

        await here.knows("build  ✗ dead", "$ make all", "ci", "7", "1 of 1", "1m30s", "/somewhere", "pool-1")
        await here.knows("created", "started", "ended", "exit 3: it broke", "✗ failed")


async def test_a_job_without_a_run_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path, three) as here:
        await here.press("enter")
        await here.reads("it has not run yet")
        assert here.output() == []


async def test_values_of_variables_are_never_shown(tmp_path: Path) -> None:
    def fill(store: BlockingSqlite) -> None:
        acts.put(store, "deploy", id="secret", env={"API_KEY": "hunter2", "REGION": "eu-west"})

    async with desk(tmp_path, fill, WIDE) as here:
        await here.press("enter")
        await here.knows("API_KEY REGION")

        assert "hunter2" not in here.screen()
        assert "eu-west" not in here.screen()


async def test_hostile_text_is_shown_as_what_it_is(tmp_path: Path) -> None:
    command = "echo [/red] [bold]x[/] \x1b]52;c;aGk=\x07 \u202e"

    def fill(store: BlockingSqlite) -> None:
        acts.put(store, command, id="evil", max_retries=0, env={"[/red]\x1b[2J": "1"})
        run = acts.started(store)
        write(tmp_path, run, "[/red] \x1b]52;c;aGk=\x07 \x1b[2J done\n")
        acts.ended(store, run, Outcome.FAILED, error="[/red]\x1b[2J\nmore")

    async with desk(tmp_path, fill, WIDE) as here:
        await here.press("enter")
        await here.knows(r"echo [/red] [bold]x[/] \x1b]52;c;aGk=\x07 \u202e", r"[/red]\x1b[2J")
        await here.until(lambda: here.output() and "[/red]" in here.output()[0], "the output is there")

        assert not {character for character in here.screen() if ord(character) < 32} - {"\n"}


async def test_a_long_command_is_wrapped_and_leaves_room_for_the_output(tmp_path: Path) -> None:
    def fill(store: BlockingSqlite) -> None:
        acts.put(store, " ".join(f"word{number}" for number in range(1000)), id="long")
        run = acts.started(store)
        write(tmp_path, run, numbered(50))
        acts.ended(store, run)

    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.sees("line 50")

        assert "word999" in here.facts()
        assert here.detail.output.size.height >= 5


async def test_ages_go_on_as_time_does(tmp_path: Path) -> None:
    async with desk(tmp_path, running(tmp_path)[0]) as here:
        await here.press("enter")
        await here.opened("busy")

        here.clock.now += 90_000
        here.browser.second()

        assert "1m ago" in here.facts()
        assert "1m30s" in here.facts()
