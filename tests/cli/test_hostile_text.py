"""Text that was made to act on a terminal, in every place that text comes from; no byte of it gets through."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from queuectl_core.execution.logs import make_log
from queuectl_core.model.job import Outcome
from queuectl_core.store.home import Home
from tests.cli.line import Ran, at_terminal, program, run_program
from tests.execution.pools import ROOT
from tests.store.acts import dead, ended, put, started
from tests.store.engines import Engine

OURS = re.compile(r"\x1b\[[0-9;]*m")
"""Weight and colour, the only sequences of our own."""
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

SIGN = "52;c;aGVsbG8"
"""Is harmless, and so is seen wherever the hostile text is."""
HOSTILE = f"\x1b]{SIGN}\x07\x1b[2J\x1bPq\x1b\\\x9b2J\x9d0;x\x9c\x85\u202egpj.exe\u2066\u2028\x7f\x08\x0e\r"
ARGUMENT = f"{HOSTILE}\udc9b31m"
"""With a C1 control as a byte by itself, which is no UTF-8."""
OUTPUT = HOSTILE.encode() + b"\x00\x9b31m\x9d0;x\x9c\xff\xfe\n50%\r100%\r\nend"


@pytest.fixture
def hostile(home: Home, store: Engine) -> Home:
    """A home with hostile jobs: 1 is dead, its error and its log hostile, too; 2 and `argv` wait."""
    job = put(store, f"echo {HOSTILE}", cwd=f"/tmp/{HOSTILE}", env={f"A{HOSTILE}": HOSTILE}, max_retries=0)
    run = started(store)
    ended(store, run, Outcome.FAILED, error=f"cannot run {HOSTILE}", tail=OUTPUT)
    log = make_log(home, job.number, 1)
    with open(log, "wb") as file:
        file.write(OUTPUT)
    put(store, f"{HOSTILE} text", delay=3600.0)
    put(store, ("printf", HOSTILE), id="argv", delay=3600.0)
    return home


def harmless(ran: Ran) -> str:
    """What a terminal was sent, without our own sequences; fails where anything in it acts."""
    text = OURS.sub("", ran.out)
    assert not ACTING.search(text), ascii(text)
    assert "Traceback" not in text
    return text


SHOWING = [
    ("list",),
    ("list", "--json"),
    ("show", "1"),
    ("show", "1", "--values"),
    ("show", "1", "--json"),
    ("show", "1", "--values", "--json"),
    ("show", "argv"),
    ("logs", "1"),
    ("logs", "1", "--follow"),
    ("logs", "1", "--lines", "3"),
    ("dlq", "list"),
    ("dlq", "list", "--by-cause"),
    ("dlq", "list", "--json"),
    ("dlq", "show", "1"),
    ("dlq", "show", "1", "--json"),
]


@pytest.mark.parametrize("arguments", SHOWING, ids=" ".join)
def test_what_jobs_hold_is_shown_and_does_nothing(hostile: Home, arguments: tuple[str, ...]) -> None:
    ran = at_terminal(hostile, *arguments, columns=200)

    assert ran.status == 0
    assert SIGN[:4] in harmless(ran)


OTHERS = [
    ("status",),
    ("status", "--json"),
    ("worker", "list"),
    ("queue", "list"),
    ("doctor",),
    ("doctor", "--json"),
    ("config", "list"),
    ("wait", "1"),
    ("cancel", "argv"),
    ("edit", "2", "--priority", "3"),
    ("dlq", "retry", "1"),
    ("purge", "--state", "dead"),
    ("dlq", "purge"),
    ("delete", "1"),
]


@pytest.mark.parametrize("arguments", OTHERS, ids=" ".join)
def test_no_other_command_lets_anything_through(hostile: Home, arguments: tuple[str, ...]) -> None:
    assert harmless(at_terminal(hostile, *arguments, typed="n\n"))


BAD_INPUT = [
    (ARGUMENT,),
    (f"--{ARGUMENT}",),
    ("show", ARGUMENT),
    ("logs", ARGUMENT),
    ("wait", ARGUMENT),
    ("cancel", ARGUMENT),
    ("delete", ARGUMENT),
    ("edit", ARGUMENT, "--priority", "1"),
    ("edit", "2", "--queue", ARGUMENT),
    ("edit", "2", "--env", ARGUMENT),
    ("list", "--state", ARGUMENT),
    ("list", "--limit", ARGUMENT),
    ("list", f"--{ARGUMENT}"),
    ("purge", "--state", "dead", "--older-than", ARGUMENT),
    ("dlq", ARGUMENT),
    ("dlq", "retry", ARGUMENT),
    ("queue", "pause", ARGUMENT),
    ("worker", "stop", ARGUMENT),
    ("worker", "scale", "1", "--pool", ARGUMENT),
    ("config", "set", ARGUMENT, "1"),
    ("config", "set", "max_retries", ARGUMENT),
    ("config", "set", "shell", ARGUMENT),
    ("config", "get", ARGUMENT),
    ("completion", ARGUMENT),
    ("enqueue", ARGUMENT),
    ("enqueue", json.dumps({ARGUMENT: 1})),
    ("enqueue", json.dumps({"command": "true", "state": HOSTILE})),
    ("enqueue", json.dumps({"command": "true", "run_at": HOSTILE})),
    ("enqueue", json.dumps({"command": "true", "env": {f"{HOSTILE}=": "1"}})),
    ("enqueue", "--id", ARGUMENT, "--", "true"),
    ("enqueue", "--at", ARGUMENT, "--", "true"),
    ("enqueue", "--from", f"/{ARGUMENT}"),
    ("--home", f"/proc/{HOSTILE}", "list"),
    ("--home", ARGUMENT, "list"),
    ("--store", ARGUMENT, "list"),
    ("--color", ARGUMENT, "list"),
    ("tui", f"--{ARGUMENT}"),
    ("tui", "--home", f"/proc/{HOSTILE}"),
]


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_error_repeats_nothing_that_acts(home: Home, debug: str) -> None:
    for arguments in BAD_INPUT[:: 6 if debug else 1]:
        ran = at_terminal(home, *arguments, columns=200, QUEUECTL_DEBUG=debug)

        text = OURS.sub("", ran.out)
        assert not ACTING.search(text), (arguments, ascii(text))
        assert ran.status != 0, (arguments, text)
        if not debug:
            assert "Traceback" not in text, (arguments, text)
            assert "internal error" not in text, (arguments, text)


def test_a_pool_tells_hostile_jobs_at_a_terminal_in_words(home: Home, store: Engine) -> None:
    put(store, f"exit 3 # {HOSTILE}", max_retries=0)
    put(store, (f"/{HOSTILE}",), max_retries=0)
    put(store, "true", cwd=f"/{HOSTILE}", max_retries=0)

    for log_format in ("text", "json"):
        store_text = harmless(
            at_terminal(home, "worker", "start", "--count=1", "--drain", f"--log-format={log_format}", columns=200)
        )
        assert log_format == "json" or store_text.count(SIGN) >= 3
        put(store, f"exit 3 # {HOSTILE}", max_retries=0)


def test_a_home_may_have_a_hostile_name(home: Home) -> None:
    named = Home(f"{home.path}{HOSTILE.replace('/', '')}")
    for arguments in (("init",), ("doctor",), ("doctor", "--json"), ("enqueue", "--", "true"), ("status",)):
        harmless(at_terminal(named, *arguments, columns=200))


def test_a_pipe_gets_the_output_as_it_was_and_json_that_says_it_all(hostile: Home, store: Engine) -> None:
    ran = subprocess.run(program(hostile, "logs", "1"), cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert ran.stdout == OUTPUT

    piped = run_program(hostile, "show", "1", "--values", "--json")
    shown = json.loads(piped.out)
    assert (shown["command"], shown["env"]) == (f"echo {HOSTILE}", {f"A{HOSTILE}": HOSTILE})
    assert not ACTING.search(piped.out)


def test_a_completion_offers_nothing_that_acts(hostile: Home) -> None:
    words = f"queuectl --home {hostile.path} show "
    for shell in ("bash", "zsh", "fish"):
        ran = at_terminal(
            hostile, COMP_WORDS=words, COMP_CWORD="4", _QUEUECTL_COMPLETE=f"{shell}_complete", columns=200
        )
        assert "argv" in harmless(ran) or shell == "fish"


def test_dead_jobs_alike_are_asked_about_in_words(home: Home, store: Engine) -> None:
    dead(store, command=f"false {HOSTILE}")

    ran = at_terminal(home, "dlq", "retry", "--all", typed="n\n")

    assert "[y/N]" in harmless(ran)
