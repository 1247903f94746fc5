"""The console takes the terminal and gives it back, however it ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import pytest

from queuectl_core.execution.processes import is_stopped
from queuectl_core.store.home import Home
from queuectl_tui.enduring import EnduringFile
from tests.console.terminal.conftest import Console
from tests.console.terminal.screen import screen
from tests.execution.waiting import eventually
from tests.store.acts import put
from tests.store.engines import BlockingSqlite


@pytest.mark.parametrize("keys", ["q", "\x03"], ids=["q", "ctrl+c"])
def test_a_key_that_leaves_gives_the_terminal_back(console: Console, store: BlockingSqlite, keys: str) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row", "● live")
        assert screen.left_on() >= {b"1049", b"25"}

        screen.press(keys)

        assert screen.ended() == 0
        screen.assert_restored()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_gives_the_terminal_back(
    console: Console, store: BlockingSqlite, number: signal.Signals, status: int
) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row")

        screen.send(number)

        assert screen.ended() == status
        screen.assert_restored()


def test_a_signal_ends_it_while_a_question_is_open(console: Console, store: BlockingSqlite) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row")
        screen.press("?")
        screen.shows("scroll")

        screen.send(signal.SIGTERM)

        assert screen.ended() == 143
        screen.assert_restored()


def test_a_stopped_console_gives_the_terminal_back_and_draws_itself_again_when_it_goes_on(
    console: Console, store: BlockingSqlite
) -> None:
    rows = [f"echo row-{n}" for n in range(9)]
    for row in rows:
        put(store, row)
    with console() as screen:
        screen.shows(*rows, "● live", "? Help")

        screen.send(signal.SIGTSTP)
        screen.until(lambda: is_stopped(screen.process.pid), "it is stopped")
        screen.until(lambda: b"1049" not in screen.left_on(), "it has left the terminal")
        assert screen.left_on() == set()
        screen.used_by_others("\x1b[2J\x1b[Hsomething else")

        screen.send(signal.SIGCONT)
        screen.shows(*rows, "● live", "? Help")
        screen.until(lambda: "something else" not in screen.text, "nothing else is in sight")
        screen.press("q")
        assert screen.ended() == 0
        screen.assert_restored()


def test_a_console_that_was_stopped_without_notice_takes_the_terminal_and_draws_itself_again(
    console: Console, store: BlockingSqlite
) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row", "● live")
        ours = screen.modes()
        screen.press("4")  # no ages there: nothing is drawn as time goes on
        screen.shows("max_retries", "? Help")
        screen.until(lambda: not screen.draws(), "it draws no more")

        screen.send(signal.SIGSTOP)
        screen.until(lambda: is_stopped(screen.process.pid), "it is stopped")
        screen.used_by_others("\x1b[2J\x1b[H\x1b[?1049l\x1b[?25hsomething else")

        screen.send(signal.SIGCONT)
        screen.shows("max_retries", "● live", "? Help")
        screen.until(lambda: "something else" not in screen.text, "nothing else is in sight")
        screen.until(lambda: screen.modes() == ours, "keys come to it one by one")
        screen.press("q")
        assert screen.ended() == 0
        screen.assert_restored()


def test_a_console_that_draws_can_be_stopped_again_and_again(console: Console, store: BlockingSqlite) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row")
        for time in range(10):
            put(store, f"echo row-{time}")
            screen.press("g" * 20)

            screen.send(signal.SIGTSTP)
            screen.until(lambda: is_stopped(screen.process.pid), f"it is stopped, time {time}")
            screen.send(signal.SIGCONT)
            screen.shows(f"echo row-{time}")

        screen.press("q")
        assert screen.ended() == 0
        screen.assert_restored()


@pytest.mark.parametrize("time", range(4))
def test_a_terminal_that_goes_away_takes_the_console_with_it(
    console: Console, store: BlockingSqlite, time: int
) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row")

        screen.vanish()
        eventually(lambda: screen.process.poll() is not None, what="it ends")

        assert screen.process.returncode != 0


def test_drawing_on_a_terminal_that_has_gone_is_no_error() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal:
        enduring = EnduringFile(terminal)
        enduring.write("seen")
        enduring.flush()
        os.close(ours)

        for _ in range(3):
            assert enduring.write("x" * 100_000) == 100_000
            enduring.flush()

        assert enduring.fileno() == theirs
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), theirs)  # where the rest goes when it is closed


_CRASH = """
import sys
from queuectl_tui import app
def on_key(console, event):
    secret = "hunter" + "2-in-a-local"
    if event.key == "f9":
        raise RuntimeError("made to fail")
app.QueueConsole.on_key = on_key
from queuectl_tui.__main__ import main
sys.exit(main())
"""


def test_a_crash_gives_the_terminal_back_and_shows_no_values(home: Home, store: BlockingSqlite) -> None:
    put(store, "echo first-row")
    command = [sys.executable, "-c", _CRASH, "--home", home.path]
    with screen(command, {}) as crashing:
        crashing.shows("echo first-row")

        crashing.press("\x1b[20~")

        assert crashing.ended() not in (0, None)
        crashing.assert_restored()
        left = crashing.raw[crashing.raw.rindex(b"\x1b[?1049l") :]
        assert b"made to fail" in left
        assert b"hunter2-in-a-local" not in crashing.raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_go_on_behind_one_to_leave_does_not_keep_it(
    console: Console, store: BlockingSqlite, number: signal.Signals
) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row")

        def has_left() -> bool:
            with suppress(ProcessLookupError):
                screen.send(signal.SIGCONT)
            return screen.process.poll() is not None

        screen.send(number)
        screen.until(has_left, "it leaves, though it is told to go on again and again")

        assert screen.ended() == 128 + number
