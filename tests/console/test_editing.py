"""New jobs and edited ones, at the console: in the form."""

from __future__ import annotations

from pathlib import Path

from textual.events import Key, Paste

from queuectl_core.model.job import Job, JobState
from queuectl_core.store.transactions.changes import cancel, delete
from queuectl_core.store.transactions.jobs import page
from queuectl_tui.forms.form import JobForm
from queuectl_tui.forms.one_line import OneLine
from queuectl_tui.forms.variables import HIDDEN
from tests.console.consoles import Seat, seat
from tests.store.acts import dead, look, put, started
from tests.store.engines import Engine

SECRET = {"TOKEN": "s3cret"}


def one_waits(store: Engine) -> None:
    put(store, "echo one", id="one", queue="mail", env=SECRET)


def one_is_dead(store: Engine) -> None:
    dead(store, id="one", queue="mail", env=SECRET)


def one_was_cancelled(store: Engine) -> None:
    put(store, "echo one", id="one", queue="mail", env=SECRET)
    store.run(cancel(["one"]))


def one_runs(store: Engine) -> None:
    put(store, "echo one", id="one")
    started(store)


def one_is_hostile(store: Engine) -> None:
    put(store, "echo [/red]\n\x1b]52;c;aGk=\x07", cwd="/tmp/[bold]\x1b[31m", env={"[/red]": "[/red]"})


async def opened(here: Seat, key: str) -> JobForm:
    """Press the key, and wait for the form."""
    await here.press(key)
    await here.until(lambda: isinstance(here.app.screen, JobForm) and here.app.focused, "the form is there")
    assert isinstance(here.app.screen, JobForm)
    return here.app.screen


async def closed(here: Seat) -> None:
    await here.until(lambda: not isinstance(here.app.screen, JobForm), f"the form is gone, not {complaints(here)}")


def filled(here: Seat, **texts: str) -> None:
    """Put texts into lines of the form."""
    for name, text in texts.items():
        here.app.screen.query_one(f"#{name}", OneLine).value = text


def complaint(here: Seat, name: str = "") -> str:
    """What is said to be wrong with a field, or with the whole."""
    found = here.app.screen.query_one(f"#wrong-{name}" if name else "#wrong")
    return str(found.render()) if found.has_class("-shown") else ""


def complaints(here: Seat) -> list[str]:
    return [str(found.render()) for found in here.app.screen.query(".wrong.-shown")]


def jobs(here: Seat) -> list[Job]:
    """Every job of the store, the newest first."""
    return here.store.run(page())


# ---------------------------------------------------------------- a new job


async def test_enter_in_the_command_stores_a_new_job_which_the_list_shows(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        await opened(here, "n")
        await here.type("echo hi")
        await here.press("enter")
        await closed(here)

        await here.told_of("enqueued job 1")
        await here.shows("1")
        [job] = jobs(here)
        assert (job.command, job.queue, job.cwd, job.state) == ("echo hi", "default", str(Path.cwd()), "pending")


async def test_enter_elsewhere_goes_on_and_ctrl_s_stores_from_anywhere(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24)) as here:
        await opened(here, "n")
        filled(here, command="make all", queue="builds", priority="7", env="A=1", timeout="90", run_at="2030-01-31")
        await here.press("down", "x", "enter")
        assert here.app.focused is not None
        assert here.app.focused.id == "queue"
        await here.press("ctrl+s")
        await closed(here)

        [job] = jobs(here)
        assert (job.id, job.command, job.queue, job.priority, job.timeout_ms) == ("x", "make all", "builds", 7, 90_000)
        assert dict(job.env) == {"A": "1"}
        assert job.due > here.clock.now


async def test_what_is_typed_right_behind_a_key_that_takes_letters_away_is_stored(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        await opened(here, "n")
        filled(here, command="sleep 10", queue="mail")
        for key in ("end", "backspace", "5", "down", "down", "ctrl+u", "b", "ctrl+s"):
            here.app.post_message(Key(key, key if len(key) == 1 else None))
        await closed(here)

        [job] = jobs(here)
        assert (job.command, job.queue) == ("sleep 15", "b")


async def test_what_is_wrong_is_said_below_its_line_as_it_is_typed(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24)) as here:
        await opened(here, "n")
        filled(here, queue="[/red]", priority="ten")
        await here.until(lambda: complaint(here, "priority"), "the mistake is named")

        assert "[/red]" in complaint(here, "queue")
        assert complaint(here, "command") == ""
        await here.press("ctrl+s")
        await here.until(lambda: complaint(here, "command"), "nothing is one now")
        assert jobs(here) == []
        filled(here, queue="", priority="1", command="true")
        await here.until(lambda: not complaints(here), "all is right")


async def test_an_id_that_is_taken_is_said_below_the_id_and_nothing_typed_is_lost(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        await opened(here, "n")
        filled(here, command="echo two", id="one")
        await here.press("ctrl+s")
        await here.until(lambda: "id 'one' is taken" in complaint(here, "id"), "it is said")

        filled(here, id="two")
        await here.press("ctrl+s")
        await closed(here)
        assert [job.id for job in jobs(here)] == ["two", "one"]


async def test_esc_leaves_at_once_where_nothing_was_typed(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        await opened(here, "n")
        await here.press("escape")
        await closed(here)
        assert jobs(here) == []


async def test_esc_asks_where_something_was_typed(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        form = await opened(here, "n")
        await here.type("x")
        await here.press("escape")
        await here.asked()
        await here.press("enter")
        await here.until(lambda: here.app.screen is form, "the form is there again")
        assert form.texts()["command"] == "x"

        await here.press("escape")
        await here.asked()
        await here.press("y")
        await closed(here)
        assert jobs(here) == []


async def test_a_queue_that_is_known_is_completed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        form = await opened(here, "n")
        await here.press("down", "down", "m")
        queue = form.query_one("#queue", OneLine)
        await here.until(lambda: queue._suggestion == "mail", "it is suggested")
        await here.press("right")
        assert queue.value == "mail"


async def test_what_a_line_cannot_show_is_not_pasted(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        form = await opened(here, "n")
        command = form.query_one("#command", OneLine)
        command.post_message(Paste("one\ntwo"))
        await here.until(lambda: "left out" in complaint(here, "command"), "it is said")
        assert command.value == ""

        command.post_message(Paste("echo [/red]\n"))
        await here.until(lambda: command.value == "echo [/red]", "one line is taken")


async def test_a_console_that_only_reads_has_no_form(tmp_path: Path) -> None:
    async with seat(tmp_path, read_only=True, fill=one_waits) as here:
        await here.press("n")
        await here.told_of("read-only")


# ---------------------------------------------------------------- a job that is edited


async def test_a_job_that_waits_is_changed_in_place(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        await here.shows("one")
        form = await opened(here, "e")
        assert form.texts()["env"] == f"TOKEN={HIDDEN}"
        filled(here, command="echo two", env=f"TOKEN={HIDDEN} MORE=1")
        await here.press("ctrl+s")
        await closed(here)

        await here.told_of("changed job one, which is pending")
        [job] = jobs(here)
        assert (job.command, dict(job.env)) == ("echo two", {**SECRET, "MORE": "1"})


async def test_a_form_that_was_left_as_it_was_changes_nothing(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        await here.shows("one")
        before = jobs(here)
        here.clock.now += 1000
        await opened(here, "e")
        await here.press("ctrl+s")
        await closed(here)

        await here.told_of("nothing was changed")
        assert jobs(here) == before


async def test_values_are_shown_when_asked_for_which_is_no_change(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        await here.shows("one")
        form = await opened(here, "e")
        await here.press("ctrl+r")
        assert form.texts()["env"] == "TOKEN=s3cret"
        await here.press("ctrl+r")
        assert form.texts()["env"] == f"TOKEN={HIDDEN}"
        await here.press("ctrl+r", "escape")
        await closed(here)


async def test_a_dead_job_is_changed_and_sent_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_is_dead) as here:
        await here.shows("one")
        await opened(here, "e")
        filled(here, command="echo better", queue="video", delay="5m")
        await here.press("ctrl+s")
        await closed(here)

        await here.told_of("changed job one and sent it back")
        [job] = jobs(here)
        assert (job.state, job.command, job.queue, job.attempts) == ("pending", "echo better", "video", 0)
        assert (job.due, dict(job.env)) == (here.clock.now + 300_000, SECRET)


async def test_a_job_that_has_otherwise_ended_is_enqueued_again(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_was_cancelled) as here:
        await here.shows("one")
        form = await opened(here, "e")
        assert form.texts()["id"] == ""
        await here.press("ctrl+s")
        await closed(here)

        await here.told_of("enqueued job 2")
        new, old = jobs(here)
        assert (new.id, new.state, new.command, new.queue) == ("2", "pending", "echo one", "mail")
        assert (old.id, old.state, dict(new.env)) == ("one", "cancelled", SECRET)


async def test_a_job_that_runs_is_not_edited(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_runs) as here:
        await here.shows("one")
        await here.press("e")
        await here.told_of("job one is processing", "wait until its run has ended")


async def test_a_job_that_is_claimed_meanwhile_is_left_alone_and_the_form_stays(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        await here.shows("one")
        form = await opened(here, "e")
        filled(here, command="echo two")
        run = started(here.store, "mail")
        await here.press("ctrl+s")
        await here.until(lambda: "job one is processing" in complaint(here), "it is said")

        assert here.app.screen is form
        assert form.texts()["command"] == "echo two"
        assert look(here.store, run.job).command == "echo one"


async def test_a_job_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_was_cancelled) as here:
        await here.shows("one")
        await here.press("v")  # the list is frozen, and keeps the row
        here.listed.marks.add([1])
        here.store.run(delete(["one"]))
        await here.press("e")
        await here.told_of("job one is gone")


async def test_hostile_text_is_shown_as_text_and_kept_as_it_was(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24), fill=one_is_hostile) as here:
        await here.shows("1")
        form = await opened(here, "e")
        assert form.texts()["command"] == r"echo [/red]\n\x1b]52;c;aGk=\x07"
        assert "as JSON" in complaint(here, "command")
        assert form.query_one("#command").disabled
        [before] = jobs(here)
        filled(here, priority="3")
        await here.press("ctrl+s")
        await closed(here)

        [job] = jobs(here)
        assert job == before._replace(priority=3)
        assert job.state is JobState.PENDING


async def test_keys_that_come_in_a_rush_are_put_where_they_were_meant(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_waits) as here:
        await here.shows("one")
        form = await opened(here, "n")
        for key in ("x", "down", "y", "enter", "z", "tab", "7", "up", "up", "up", "w", "enter"):
            here.app.post_message(Key(key, key if len(key) == 1 else None))
        await closed(here)

        await here.until(lambda: not form.is_attached, "the form is taken off")
        job = jobs(here)[0]
        assert (job.command, job.id, job.queue, job.priority) == ("xw", "y", "z", 7)
