"""The password of a store on a server: in no message, log or list of processes, and yet where jobs need it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from queuectl_core.cli.hiding import hidden_in
from queuectl_core.store.home import Home
from tests.cli.hosts import ROOT, Host, hosts
from tests.cli.line import program
from tests.execution.waiting import eventually
from tests.postgres.fixtures import postgres
from tests.postgres.server import Databases, with_parameter

__all__ = ["hosts", "postgres"]

URL = "postgresql://me:s3cr3t@host/db"


@pytest.fixture
def secretive(
    tmp_path: Path, postgres: Databases, capfd: pytest.CaptureFixture[str]
) -> Iterator[tuple[Host, str, str]]:
    """A host whose store has a password in its URL; the URL, and the password.

    What its commands say is what came to both streams by whatever way, a library's own included.
    """
    with postgres.database() as url:
        tcp = postgres.over_tcp(url)
        password = str(conninfo_to_dict(tcp).get("password") or "")
        if not password:
            pytest.skip("the URL of the given server has no password")
        host = Host(Home(str(tmp_path / "home"), tcp), capfd)
        host.done("init")
        yield host, tcp, password


def arguments_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def in_environment(pid: int, text: str) -> bool:
    return text.encode() in Path(f"/proc/{pid}/environ").read_bytes()


# ---------------------------------------------------------------- the list of processes


def shown_by_a_pool(host: Host, url: str) -> list[str]:
    """The arguments of a pool that is given the URL, and of its two workers."""
    command = program(Home(host.home.path), "worker", "start", "--store", url, "--count", "2")
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pool:
        try:
            workers = eventually(lambda: found if len(found := host.json("worker", "list")) == 2 else None, what="two")
            return [arguments_of(pid) for pid in (pool.pid, *(worker["pid"] for worker in workers))]
        finally:
            pool.terminate()  # not by a command: its workers are listed before it is itself


def test_a_pool_that_was_given_a_password_does_not_show_it(secretive: tuple[Host, str, str]) -> None:
    host, url, password = secretive

    shown = shown_by_a_pool(host, url)

    assert [words for words in shown if password in words or "--store" in words] == []
    assert all(words.endswith("worker start --count 2 ") for words in shown)


def before_the_host(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}"))


def among_the_parameters(url: str, user: str, password: str) -> str:
    return with_parameter(url, f"user={user}&p%61ssword={password}")


@pytest.mark.parametrize("placed", [before_the_host, among_the_parameters])
def test_nor_does_one_whose_password_has_to_be_encoded(
    hosts: tuple[Host, Host], postgres: Databases, placed: Callable[[str, str, str], str]
) -> None:
    here, _ = hosts
    user, password = f"encoded_{uuid.uuid4().hex[:8]}", "s3/cr:@t?&#%"
    with psycopg.connect(postgres.url, autocommit=True) as ruler:
        ruler.execute(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'".encode())
        try:
            shown = shown_by_a_pool(here, placed(str(here.home.url), user, quote(password, safe="")))
        finally:
            ruler.execute(f"DROP ROLE {user}".encode())

    assert all(words.endswith("worker start --count 2 ") for words in shown)


def test_the_console_does_not_show_the_password_it_was_given(secretive: tuple[Host, str, str]) -> None:
    host, url, password = secretive
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "queuectl_tui", "--home", host.home.path, f"--store={url}"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as console:
        try:
            eventually(lambda: in_environment(console.pid, url), what="the URL is in its environment")
            shown = arguments_of(console.pid)
        finally:
            console.kill()
            os.close(terminal)
            os.close(keyboard)

    assert password not in shown
    assert shown.endswith(f"-m queuectl_tui --home {host.home.path} ")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (["--store", URL, "list"], ["list"]),
        (["list", f"--store={URL}", "--json"], ["list", "--json"]),
        (["--store", "postgresql://other/db", "list", "--store", URL], ["list"]),
        (["enqueue", "--store", URL, "--", "tool", "--store", URL], ["enqueue", "--", "tool", "--store", URL]),
        (["--store", "postgresql://host/db?user=me&password=s3cr3t", "list"], ["list"]),
        (["--store", "postgresql://me:%2F%40s3cr3t@host/db", "list"], ["list"]),
        (["--store", "postgresql://me%40home:%3As3cr3t@host/db", "list"], ["list"]),
        (["--store", "postgresql://host/db?user=me&p%61ssword=%26s3cr3t", "list"], ["list"]),
    ],
)
def test_the_option_is_taken_out_of_the_arguments(given: list[str], left: list[str]) -> None:
    hidden = hidden_in(given)

    assert hidden is not None
    assert hidden.arguments == left
    assert "s3cr3t" in hidden.url


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["list"],
        ["list", "--store"],
        ["--store", "postgresql://me@host/db", "list"],
        ["enqueue", "--", "tool", "--store", URL],
        ["enqueue", "--", f"--store={URL}"],
    ],
)
def test_where_nothing_is_to_hide_the_arguments_stay(given: list[str]) -> None:
    assert hidden_in(given) is None


# ---------------------------------------------------------------- messages and logs


def test_no_message_and_no_log_has_the_password(
    secretive: tuple[Host, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, url, password = secretive
    wrong = Host(Home(str(tmp_path / "other"), url.replace(password, f"not{password}")), host.here)
    gone = Host(Home(str(tmp_path / "gone"), url.replace(str(conninfo_to_dict(url)["dbname"]), "gone")), host.here)
    monkeypatch.setenv("QUEUECTL_DEBUG", "1")
    commands = [
        ("init",), ("status",), ("status", "--json"), ("list",), ("doctor",), ("doctor", "--repair", "--json"),
        ("enqueue", "--", "true"), ("worker", "start", "--drain"), ("worker", "start", "--detach", "--drain"),
        ("worker", "list"), ("worker", "unit"), ("config", "list"), ("dlq", "list"), ("logs", "1"), ("show", "1"),
    ]  # fmt: skip

    for place in (host, wrong, gone):
        for command in commands:
            ran = place(*command)
            assert password not in ran.out + ran.err, (command, ran)
    logs = [path for path in tmp_path.rglob("*.log") if password in path.read_text()]
    assert logs == []
    assert wrong("list").status == gone("list").status == 1
    assert "password authentication failed" in wrong("list").err


# ---------------------------------------------------------------- jobs


def test_what_a_job_enqueues_comes_to_its_own_queue(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    there.enqueue(f"{sys.executable} -m queuectl_core enqueue --id second -- true", cwd=str(ROOT))
    alone = Home(here.home.path)
    command = program(alone, "--store", str(here.home.url), "worker", "start", "--count", "1", "--drain")

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)

    assert ran.returncode == 0
    assert {job["id"]: job["state"] for job in there.json("list")} == {"1": "completed", "second": "completed"}
    assert not os.path.exists(alone.database)


def test_no_face_shows_the_store_of_a_jobs_variables(secretive: tuple[Host, str, str]) -> None:
    host, url, password = secretive
    host.enqueue("true", env=f"QUEUECTL_STORE={url}", id="own")
    for command in (("show", "own"), ("show", "own", "--json"), ("list", "--json"), ("list",)):
        assert password not in host.done(*command)
    assert password in host.done("show", "own", "--values", "--json")
