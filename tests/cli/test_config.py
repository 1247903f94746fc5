"""`queuectl config`."""

from __future__ import annotations

import pytest

from queuectl_core.model.settings import SETTINGS
from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, at_terminal
from tests.store.engines import Engine


def test_in_a_pipe_the_list_is_one_setting_a_line(queuectl: CommandLine) -> None:
    queuectl("config", "set", "backoff_base", "1.5")

    lines = queuectl("config", "list").out.splitlines()

    assert [line.split("\t")[0] for line in lines] == list(SETTINGS)
    assert "backoff_base\t1.5" in lines
    assert "max_retries\t3" in lines


def test_get_prints_the_value_alone(queuectl: CommandLine) -> None:
    assert queuectl("config", "get", "max_retries") == (0, "3\n", "")
    assert queuectl("config", "get", "job_timeout") == (0, "none\n", "")


def test_what_is_set_is_kept_and_unset_gives_the_default_back(queuectl: CommandLine) -> None:
    assert queuectl("config", "set", "keep-dead", "7d") == (0, "", "")
    assert queuectl("config", "get", "keep_dead").out == "7d\n"

    assert queuectl("config", "unset", "keep_dead") == (0, "", "")
    assert queuectl("config", "get", "keep_dead").out == "none\n"


def test_json_has_values_in_their_unit_and_says_what_was_set(queuectl: CommandLine) -> None:
    queuectl("config", "set", "kill_grace", "1m")

    found = {setting["key"]: setting for setting in queuectl.json("config", "list")}

    assert found.keys() == SETTINGS.keys()
    assert found["kill_grace"] == {
        "key": "kill_grace",
        "value": 60,
        "default": 10,
        "unit": "s",
        "help": SETTINGS["kill_grace"].help,
        "set": True,
    }
    assert found["job_timeout"]["value"] is None
    assert found["shell"]["set"] is False


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("max_retries", "-1", id="a negative number"),
        pytest.param("max_retries", "many", id="not a number"),
        pytest.param("backoff_base", "0.5", id="out of bounds"),
        pytest.param("max_retires", "3", id="a key that there is not"),
        pytest.param("shell", "sh", id="not an absolute path"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(queuectl: CommandLine, key: str, value: str) -> None:
    ran = queuectl("config", "set", key, value)

    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert key in ran.err
    assert queuectl("config", "get", "max_retries").out == "3\n"


@pytest.mark.parametrize("command", ["get", "unset"])
def test_an_unknown_key_is_a_usage_error(queuectl: CommandLine, command: str) -> None:
    ran = queuectl("config", command, "nothing_such")

    assert (ran.status, ran.out) == (2, "")


def test_a_person_sees_a_table_with_the_help(home: Home, store: Engine) -> None:
    shown = at_terminal(home, "config", "list", columns=120).out

    assert "SETTING" in shown
    assert SETTINGS["max_retries"].help in shown


def test_no_line_is_longer_than_the_terminal_is_wide(home: Home, store: Engine) -> None:
    shown = at_terminal(home, "config", "list", columns=80, TERM="dumb").out

    assert max(map(len, shown.splitlines())) <= 80
    assert "backoff_jitter" in shown


@pytest.mark.parametrize("shell", ["/nonexistent", "/tmp"])
def test_a_shell_that_cannot_be_run_is_told_of(queuectl: CommandLine, shell: str) -> None:
    ran = queuectl("config", "set", "shell", shell)

    assert ran.status == 0
    assert ran.err == f"queuectl: {shell} is no program that can be run here: jobs given as text will fail\n"
    assert queuectl("config", "set", "shell", "/bin/sh").err == ""
