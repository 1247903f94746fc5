"""Whatever a job carries, nothing of it reaches the terminal but characters that one can see."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from queuectl_core.execution.logs import make_log
from queuectl_core.model.job import Job, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.workers import register_pool, register_worker
from tests.console.terminal.conftest import Console
from tests.console.terminal.escapes import acting, shapes
from tests.console.terminal.screen import Screen
from tests.store.acts import dead, ended, put, ran, started
from tests.store.engines import BlockingSqlite

CLIPBOARD = "\x1b]52;c;aGFja2Vk\x07"
HOSTILE = (
    f"{CLIPBOARD}\x1b[2J\x1b[31mred\x1b]0;title\x1b\\\x1bP+q\x1b\\\x1b_apc\x1b\\\x1bc"
    "\x9b2J\x9d52;c;eA==\x9c\u202eesrever\u2066\u200e\ufeff\x07\x08\x7f\x00"
    "[/red] [bold] [@click=app.exit]here[/] [link=https://example.org]there[/link] \\[ $text {x}"
)
MARKUP = "[@click=app.exit]click-me[/] [/red] [b]"

OF_TEXTUAL = {
    "CSI H", "CSI m",
    *(f"CSI ?{mode}{switch}" for mode in (7, 25, 1000, 1003, 1004, 1006, 1015, 1049, 2004, 2026) for switch in "hl"),
    "ESC ]22;default", "ESC ]22;pointer",
    "CSI ?2026$p", "CSI ?2048$p", "CSI >u", "CSI <u",
}  # fmt: skip
"""All that Textual writes itself: places and colours, the modes that it sets and unsets, questions about modes, the
form of the mouse pointer."""

WALK = (
    "j", "\r", "\t", "w", "\x1b[C", "l", "G", "\x1b",  # the detail, its facts and its log
    "2", "j", "\r", "\x1b", "b", "j", "\r", "\x1b",  # dead jobs, and their causes
    "3", "j", "4", "j", "5", "w", "w",  # workers, settings, metrics
    "1", "g", "/", "red", "\r", "\x1b", "\x10", "red", "\x1b", ":", "xx", "\r", "\x1b",
)  # fmt: skip
OF_A_FORM, OF_HELP = "stores  esc leaves", "pgup scroll"


def test_no_sequence_of_a_job_reaches_the_terminal(console: Console, store: BlockingSqlite, home: Home) -> None:
    _fill(store, home)
    with console(columns=160, rows=40) as screen:
        screen.shows("markup-to-see")
        for key in WALK:
            _press_and_rest(screen, key)
        for key, sign in (("e", OF_A_FORM), ("?", OF_HELP)):
            screen.press(key)
            screen.shows(sign)
            # By itself, and until it has worked: with the key after it, it would be another key.
            screen.press("\x1b")
            screen.until(lambda sign=sign: sign not in screen.text, "it has closed")  # type: ignore[misc]
        screen.press("1", "q")

        assert screen.ended() == 0
        screen.assert_restored()
        assert shapes(screen.raw) <= OF_TEXTUAL
        assert acting(screen.raw) == set()
        assert b"aGFja2Vk\x07" not in screen.raw


def test_markup_of_a_job_is_shown_as_it_is_and_does_nothing_when_clicked(
    console: Console, store: BlockingSqlite
) -> None:
    put(store, MARKUP)
    with console(columns=160, rows=40) as screen:
        screen.shows(MARKUP)
        row = next(n for n, line in enumerate(screen.lines) if MARKUP in line)
        for column in range(screen.lines[row].index(MARKUP), len(screen.lines[row]), 3):
            screen.click(column, row)
        screen.press("\r")
        screen.shows("$ " + MARKUP)
        detail = next(n for n, line in enumerate(screen.lines) if "$ " + MARKUP in line)
        screen.click(screen.lines[detail].index("click-me"), detail)
        screen.press("\x1b", "?")
        screen.shows("scroll")
        assert screen.process.poll() is None


def _press_and_rest(screen: Screen, key: str) -> None:
    """Press a key, and read until what it drew, if anything, is over."""
    screen.press(key)
    while screen._read(0.15):
        pass


def _fill(store: BlockingSqlite, home: Home) -> None:
    """Jobs of all kinds that are hostile in each field that can be, and what somebody else wrote into the store."""
    put(store, "echo markup-to-see; " + MARKUP, env={"NAME": HOSTILE.replace("\x00", "")}, cwd="/" + MARKUP)
    for _ in range(3):
        _log(home, dead(store, command=_command("false"), queue="mail"))
        _log(home, ran(store, command=_command("true")))
    put(store, _command("running"), priority=1000)
    _log(home, started(store).job)
    put(store, _command("failing"), priority=1000)
    ended(store, started(store), Outcome.FAILED, error=HOSTILE, exit_code=1, tail=HOSTILE.encode())
    store.run(register_pool("p00l", HOSTILE, 1, 2))
    store.run(register_worker("p00l-1", "p00l", HOSTILE, 1, (), 0))
    put(store, _command("see markup-to-see"))
    with closing(sqlite3.connect(home.database)) as other, other:
        other.execute("UPDATE jobs SET error = ? WHERE state = 'dead'", (HOSTILE.replace("\x00", ""),))
        other.execute("UPDATE runs SET error = ?", (HOSTILE.replace("\x00", ""),))
        other.execute("UPDATE jobs SET queue = ? WHERE state = 'completed'", ("q" + HOSTILE.replace("\x00", "")[:90],))
        other.execute("INSERT INTO settings VALUES ('shell', ?, 0)", (HOSTILE.replace("\x00", ""),))


def _command(word: str) -> str:
    return f"{word} {HOSTILE}".replace("\x00", "")


def _log(home: Home, job: Job) -> None:
    log = make_log(home, job.number, 1)
    os.write(log, HOSTILE.encode() * 3 + b"\n\xff\xfe\x1b[5n\x1b[c\x1b[6n\n" + HOSTILE.encode())
    os.close(log)
