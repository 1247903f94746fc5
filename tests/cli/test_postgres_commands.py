"""Each command once on a store that a server keeps, from two hosts."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from queuectl_core.cli.unit import quoted
from queuectl_core.store.home import Home
from tests.cli.hosts import ROOT, Host, hosts, lines
from tests.cli.line import Ran, run_program
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.fixtures import postgres

__all__ = ["hosts", "postgres"]


def test_init_may_be_said_again_and_tells_where_the_store_is(hosts: tuple[Host, Host]) -> None:
    here, there = hosts

    assert here.done("init") == there.done("init") == f"{here.home.store_name}\n"
    assert not os.path.exists(here.home.database)


def test_the_life_of_a_job_is_seen_and_changed_from_another_host(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue("exit 3", id="ill", max_retries="0")
    here.enqueue("true", id="later", delay="1h")
    with there.working():
        waited = here("wait", "ill", "--timeout", "30")
        assert (waited.status, waited.err) == (1, "queuectl: job ill is dead: exit status 3\n")
        assert "ill" in here.done("dlq", "list")
        assert here.done("dlq", "list", "--by-cause").endswith("\till\texit status 3\n")
        assert here.json("dlq", "show", "ill")["state"] == "dead"
        here.done("edit", "ill", "--", "echo better")
        here.done("dlq", "retry", "ill")
        here.done("wait", "ill", "--timeout", "30")
        assert here.done("logs", "ill") == "better\n"

        here.done("edit", "later", "--priority", "5")
        here.done("cancel", "later")
        here.done("delete", "later")

        here.enqueue("sleep 600", id="long")
        eventually(lambda: here.runs("long"), what="it runs")
        here.done("cancel", "long")
        assert here.json("show", "long")["state"] == "cancelled"
        assert here.done("purge", "--state", "completed,cancelled", "--yes") == "2\n"
        assert here.json("list", "--all") == []


def test_pools_of_other_hosts_are_listed_scaled_and_stopped(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    pool = there.done("worker", "start", "--count", "1", "--detach").strip()
    try:
        # It is started; on the roster it is a moment later.
        eventually(lambda: here.json("worker", "list"), what="it is listed")
        assert [worker["pool"] for worker in here.json("worker", "list")] == [pool]
        assert here.json("status")["workers"] == {"alive": 1, "busy": 0, "idle": 1}
        here.done("worker", "scale", "2")
        eventually(lambda: len(here.json("worker", "list")) == 2, what="it has two workers")
    finally:
        here.done("worker", "stop", "--timeout", "30")
    assert here.json("worker", "list") == []
    assert here.json("status")["warnings"] == []


def test_many_are_enqueued_all_or_none(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    here, there = hosts
    file = tmp_path / "many"
    file.write_text('{"command": "true"}\n' * 3 + '{"command": 7}\n')

    refused = here("enqueue", "--from", str(file))
    assert (refused.status, refused.out) == (2, "")
    assert there.json("list", "--all") == []

    file.write_text('{"command": "true"}\n' * 3)
    assert here("enqueue", "--from", str(file)).out == "1\n2\n3\n"
    assert len(there.json("list", "--all")) == 3


def test_completing_a_word_asks_no_server(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    here.enqueue("true", id="known")
    asks = {"_QUEUECTL_COMPLETE": "bash_complete", "COMP_CWORD": "2"}

    assert here(COMP_WORDS="queuectl show ", **asks).out.strip() == ""
    assert "pause" in here(COMP_WORDS="queuectl queue p", **asks).out
    assert here.done("completion", "bash")


def test_the_unit_starts_a_pool_on_the_server(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    stores = [line for line in here.done("worker", "unit").splitlines() if "QUEUECTL_STORE=" in line]

    assert stores == [f"Environment={quoted(f'QUEUECTL_STORE={here.home.url}')}"]


def test_a_demo_is_a_queue_of_its_own_whatever_the_store_is(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "queuectl_core", "--home", here.home.path, "tui", "--demo"]
    environment = {**os.environ, "TERM": "xterm-256color", "QUEUECTL_STORE": str(here.home.url)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as console:
        os.close(terminal)
        try:
            said = ""
            while "render" not in said and "queue" not in said:
                said += os.read(keyboard, 4096).decode(errors="replace")
            os.write(keyboard, b"q")
            drained(keyboard)
            assert console.wait(PATIENCE) == 0
        finally:
            console.kill()
            os.close(keyboard)
    assert here.json("list", "--all") == []


def drained(keyboard: int) -> None:
    """Read what a program writes to its terminal until it leaves it."""
    try:
        while os.read(keyboard, 4096):
            pass
    except OSError:
        return


def test_what_came_with_an_import_has_its_log_where_it_was_and_no_other(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    here, there = hosts
    alone = Home(here.home.path)
    assert run_program(alone, "enqueue", "--", *lines(2000)).status == 0
    assert run_program(alone, "worker", "start", "--count", "1", "--drain").status == 0
    moved = str(tmp_path / "moved")
    assert run_program(alone, "export", moved).status == 0
    assert there("import", moved).status == 0
    Path(there.home.log(1, 1)).parent.mkdir(parents=True)
    Path(there.home.log(1, 1)).write_text("another queue's\n")

    kept, elsewhere = here("logs", "1"), there("logs", "1")

    assert (len(kept.out), kept.err) == (200_000, "")
    assert elsewhere.out == kept.out[-4096:]
    assert "before this queue moved here" in elsewhere.err


@pytest.mark.parametrize("module", ["queuectl_core.cli.main", "queuectl_tui.__main__"])
def test_without_the_driver_it_says_what_to_install(tmp_path: Path, module: str) -> None:
    hide = "import sys; sys.modules['psycopg'] = None; sys.argv[0] = 'queuectl'"
    start = f"{hide}; from {module} import main; sys.exit(main())"
    ran = in_terminal([sys.executable, "-c", start, "--home", str(tmp_path), "--store", "postgresql://host/db"], module)

    assert ran.status == 1
    assert "needs psycopg: install it with pip" in ran.out
    assert "Traceback" not in ran.out


def in_terminal(command: list[str], module: str) -> Ran:
    """Run a program at a terminal; what it says."""
    words = command if module.endswith("__main__") else [*command, "list"]
    keyboard, terminal = pty.openpty()
    with subprocess.Popen(words, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        said = b""
        try:
            while more := os.read(keyboard, 4096):
                said += more
        except OSError:
            pass
        status = process.wait(PATIENCE)
    os.close(keyboard)
    return Ran(status, said.decode(errors="replace"), "")


def test_settings_and_pauses_are_those_of_all_hosts(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.done("config", "set", "max_retries", "7")
    here.done("queue", "pause", "mail")

    assert there.done("config", "get", "max_retries") == "7\n"
    assert "mail\tpaused" in there.done("queue", "list")
    there.done("config", "unset", "max_retries")
    there.done("queue", "resume", "mail")
    assert here.done("config", "get", "max_retries") == "3\n"
    assert "paused" not in here.done("queue", "list")
