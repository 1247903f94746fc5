"""What `queuectl enqueue` refuses: one line that names the field, status 2, and nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.store.transactions.jobs import count_matching, page
from tests.cli.line import CommandLine
from tests.store.engines import Engine


def refused(queuectl: CommandLine, store: Engine, names: str, *arguments: str) -> str:
    """Run a command that is to be refused; the line that it says."""
    ran = queuectl(*arguments)
    assert (ran.status, ran.out) == (2, ""), ran
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("queuectl: ")
    assert names in ran.err
    assert store.run(count_matching()) == 0
    return ran.err


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[]", "JSON object"), ("42", "JSON object"), ('"true"', "JSON object"), ("null", "JSON object"),
        ("", "JSON"), ("echo hi", "queuectl enqueue -- CMD"), ('{"command": "true"', "JSON"),
        ("true", "queuectl enqueue -- CMD"),
        ('{"command": "true"} x', "JSON"), ('{"command": NaN}', "NaN"), ("{'command': 'true'}", "JSON"),
        ('{"command": "true", "command": "false"}', "more than once"), ("[" * 100_000, "nested"),
        ('{"command": "true", "priority": ' + "9" * 5000 + "}", "digits"),
    ],
)  # fmt: skip
def test_text_that_is_no_job(queuectl: CommandLine, store: Engine, text: str, names: str) -> None:
    refused(queuectl, store, names, "enqueue", text)


@pytest.mark.parametrize("command", ["", "  ", "\t\n", None, 5, True, {}, [], [""], ["a", 1], "a\0b", ["a\0"]])
def test_a_command_that_cannot_be_run(queuectl: CommandLine, store: Engine, command: Any) -> None:
    refused(queuectl, store, "command", "enqueue", json.dumps({"command": command}))


def test_a_job_without_a_command(queuectl: CommandLine, store: Engine) -> None:
    refused(queuectl, store, "command is missing", "enqueue", '{"id": "a"}')


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""), ("id", "a b"), ("id", "a/b"), ("id", "123"), ("id", 5), ("id", "-a"), ("id", "x" * 129),
        ("queue", ""), ("queue", "a b"), ("queue", 5),
        ("priority", 1.5), ("priority", "5"), ("priority", True), ("priority", 1001), ("priority", -(10**30)),
        ("max_retries", -1), ("max_retries", 1.5), ("max_retries", "3"), ("max_retries", True),
        ("max_retries", 10**9),
        ("timeout", 0), ("timeout", -1), ("timeout", "soon"), ("timeout", True), ("timeout", 1e300),
        ("delay", -1), ("delay", "x"), ("delay", True), ("delay", 1e12),
        ("run_at", "tomorrow"), ("run_at", 5), ("next_run_at", "25:00"), ("next_run", "2030-13-01"),
        ("state", "completed"), ("attempts", 1), ("attempts", False),
        ("cwd", 5), ("cwd", ""), ("cwd", "a\0"),
        ("env", "A=1"), ("env", {"A": 1}), ("env", {"A=B": "1"}), ("env", {"": "1"}), ("env", {"A": "\0"}),
        ("comand", "true"), ("backoff", 2),
    ],
)  # fmt: skip
def test_a_field_with_a_value_that_cannot_be_meant(
    queuectl: CommandLine, store: Engine, field: str, value: Any
) -> None:
    refused(queuectl, store, field, "enqueue", json.dumps({"command": "true", field: value}))


def test_an_infinite_number(queuectl: CommandLine, store: Engine) -> None:
    refused(queuectl, store, "Infinity", "enqueue", '{"command": "true", "timeout": Infinity}')
    refused(queuectl, store, "timeout", "enqueue", '{"command": "true", "timeout": 1e999}')


def test_two_instants(queuectl: CommandLine, store: Engine) -> None:
    job = {"command": "true", "delay": 5, "run_at": "2030-01-01"}
    refused(queuectl, store, "delay", "enqueue", json.dumps(job))
    refused(queuectl, store, "delay", "enqueue", "--delay", "5", "--at", "09:30", "--", "true")


@pytest.mark.parametrize(
    ("option", "value", "names"),
    [
        ("--id", "5", "id"), ("--id", "a b", "id"), ("--queue", "", "queue"),
        ("--priority", "high", "priority"), ("--priority", "1.5", "priority"),
        ("--priority", "1_0", "priority"),
        ("--priority", "9" * 5000, "priority"), ("--priority", "", "priority"),
        ("--max-retries", "-1", "max_retries"), ("--max-retries", "x", "max_retries"),
        ("--timeout", "0", "timeout"), ("--timeout", "none", "timeout"), ("--timeout", "inf", "timeout"),
        ("--delay", "-5", "delay"), ("--delay", "nan", "delay"), ("--at", "noon", "at"), ("--cwd", "", "cwd"),
        ("--env", "A", "env"), ("--env", "=1", "env"), ("--nothing", "1", "--nothing"),
    ],
)  # fmt: skip
def test_an_option_with_a_value_that_cannot_be_meant(
    queuectl: CommandLine, store: Engine, option: str, value: str, names: str
) -> None:
    refused(queuectl, store, names, "enqueue", option, value, "--", "true")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], "no job"), (["--"], "command"), (["--", ""], "command"), (["--", "  "], "command"),
        (["echo", "hi"], "queuectl enqueue -- CMD"), (['{"command": "true"}', "--", "true"], "twice"),
        (['{"command": "true"}', "--priority", "5"], "options"), (["--lines", "--", "true"], "--from"),
        (["--from", "x", "--", "true"], "--from"), (["--id", "--", "true"], "--id"),
    ],
)  # fmt: skip
def test_a_command_line_that_says_no_one_job(
    queuectl: CommandLine, store: Engine, arguments: list[str], names: str
) -> None:
    refused(queuectl, store, names, "enqueue", *arguments)


@pytest.mark.parametrize("words", [["enqueue", "--", "true"], ["edit", "1"], ["enqueue", "--lines", "--from", "-"]])
@pytest.mark.parametrize(
    ("cwd", "wrong"),
    [
        ("file", '"file": not a directory'),
        ("file/sub", '"file/sub": not a directory'),
        ("x" * 256, f'"{"x" * 37}…": file name too long'),
    ],
)
def test_a_directory_that_can_be_none_is_refused(
    queuectl: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], cwd: str, wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()

    ran = queuectl(words[0], "--cwd", cwd, *words[1:])

    assert ran == (2, "", f"queuectl: cwd {wrong}: name a directory for the job to run in\n")


def test_a_directory_that_is_not_there_yet_is_taken(queuectl: CommandLine, tmp_path: Path) -> None:
    assert queuectl("enqueue", "--cwd", str(tmp_path / "later"), "--", "true").status == 0


def test_a_directory_that_is_too_long_once_it_is_whole_is_refused(queuectl: CommandLine, store: Engine) -> None:
    refused(queuectl, store, "bytes long, and the system takes 4,095", "enqueue", "--cwd", "x/" * 2045, "--", "true")


def test_text_from_outside_is_cleaned_before_it_is_repeated(queuectl: CommandLine, store: Engine) -> None:
    said = refused(queuectl, store, r"\x1b]52", "enqueue", '{"command": "true", "\\u001b]52;c;x\\u0007": 1}')
    assert "\x1b" not in said


def test_bytes_that_are_no_utf_8_are_refused(queuectl: CommandLine, store: Engine) -> None:
    refused(queuectl, store, "UTF-8", "enqueue", "--", "echo \udcff")


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(
    queuectl: CommandLine, store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuectl_core.cli.bulk.LONGEST_LINE", 20)
    (lines := tmp_path / "lines").write_text("true\n" + 30 * "x")

    ran = queuectl("enqueue", "--lines", "--from", str(lines))

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "queuectl: line 2 has more than 20 bytes: nothing was stored\n"
    assert store.run(page()) == []
