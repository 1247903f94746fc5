"""What a terminal gets and a pipe does not: tables, colour, questions; and never text that acts on it."""

from __future__ import annotations

import re

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.transactions.jobs import count_matching
from tests.cli.line import CommandLine
from tests.cli.terminal import at_terminal
from tests.cli.test_logs import ran as wrote
from tests.store.acts import dead, put, ran
from tests.store.engines import Engine

COLOR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def test_a_terminal_gets_titles_signs_and_ages(home: Home, store: Engine) -> None:
    put(store, "echo hi", id="a")

    status, shown = at_terminal(home, "--color", "never", "list")

    titles, row = shown.splitlines()
    assert status == 0
    assert titles.split() == ["ID", "STATE", "QUEUE", "TRY", "AGE", "COMMAND"]
    assert row.split()[:5] == ["a", "·", "pending", "default", "0/4"]
    assert row.endswith("echo hi")


def test_a_long_command_is_cut_to_the_width(home: Home, store: Engine) -> None:
    put(store, "x" * 500)

    _, shown = at_terminal(home, "--color", "never", "list")

    assert max(map(len, shown.splitlines())) <= 100
    assert "…" in shown


def test_where_a_table_has_no_room_its_lines_go_on_and_nothing_is_lost(home: Home, store: Engine) -> None:
    put(store, queue="reports-of-the-night")

    _, shown = at_terminal(home, "--color", "never", "queue", "list", COLUMNS="40")

    titles = ["QUEUE", "HANDS", "OUT", "PENDING", "PROCESSING", "COMPLETED", "FAILED", "DEAD", "CANCELLED"]
    assert shown.splitlines()[0].split() == titles
    assert "reports…" in shown


@pytest.mark.parametrize("arguments", [["list"], ["show", "1"], ["list", "--json"], ["logs", "2"]])
def test_text_of_jobs_cannot_act_on_a_terminal(home: Home, store: Engine, arguments: list[str]) -> None:
    put(store, "echo [/red] \x1b]52;c;eA==\x07 \x9b2J :smile:", env={"A\x1b[5m": "x"}, priority=-5)
    wrote(home, store, b"\x1b]52;c;eA==\x07 \xc2\x9b2J \x08 50%\r100%\r\n\xff done\n")

    _, shown = at_terminal(home, "--color", "never", *arguments)

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    assert r"]52;c;eA==" in shown


def test_a_carriage_return_in_a_log_begins_a_line_at_a_terminal(home: Home, store: Engine) -> None:
    wrote(home, store, b"50%\r100%\r\ndone\n")

    assert at_terminal(home, "logs", "1")[1] == "50%\n100%\ndone\n"


def test_colour_is_for_terminals_and_no_color_forbids_it(home: Home, store: Engine) -> None:
    dead(store)

    assert COLOR.search(at_terminal(home, "list")[1])
    weighty = at_terminal(home, "list", NO_COLOR="1")[1]
    assert not COLOR.search(weighty)
    assert "\x1b[1m" in weighty
    assert "\x1b" not in at_terminal(home, "--color", "never", "list")[1]
    assert "\x1b" not in at_terminal(home, "list", TERM="dumb")[1]


def test_a_pipe_gets_colour_only_where_it_is_always_wanted(queuectl: CommandLine, store: Engine) -> None:
    dead(store)

    assert "\x1b" not in queuectl("list").out
    assert COLOR.search(queuectl("--color", "always", "list").out)
    assert COLOR.search(queuectl("list", "--color=always").out)


@pytest.mark.parametrize(
    ("typed", "gone"), [("y\n", True), ("yes\n", True), ("\n", False), ("n\n", False), ("\x04", False)]
)
def test_a_question_asked_at_a_terminal_defaults_to_no(home: Home, store: Engine, typed: str, gone: bool) -> None:
    ran(store)

    status, shown = at_terminal(home, "purge", "--state", "completed", typed=typed)

    assert "Forget 1 completed job, with history and logs? [y/N]" in shown
    assert store.run(count_matching()) == (0 if gone else 1)
    assert status == (0 if gone else 1)


def test_an_empty_list_says_what_to_do_at_a_terminal(home: Home) -> None:
    assert "add one with 'queuectl enqueue'" in at_terminal(home, "list")[1]


def test_facts_without_a_value_are_left_out_at_a_terminal(home: Home, store: Engine) -> None:
    ran(store)

    _, shown = at_terminal(home, "--color", "never", "show", "1")

    assert "signal" not in shown
    assert "Runs" in shown
