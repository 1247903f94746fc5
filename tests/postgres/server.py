"""A real PostgreSQL for tests, with nothing to set up: one of one's own, or one that a whole run shares.

It lasts as long as those who use it, and not longer where they are killed: `supervisor.py` sees to that.
"""

from __future__ import annotations

import fcntl
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.execution.waiting import PATIENCE
from tests.postgres.cluster import LOOPBACK, SUPERUSER
from tests.postgres.supervisor import Act, Hello, joining

ROOT = Path(__file__).parents[2]


class Databases:
    """A server as most tests know it: a place where databases are made. Its URLs name its own database."""

    def __init__(self, url: str, strategy: str = "") -> None:
        self.url = url
        self._strategy = strategy

    @property
    def tcp_url(self) -> str:
        """The same over TCP, with a password. Skips the test where the server is not reached so."""
        return self.over_tcp(self.url)

    def over_tcp(self, url: str) -> str:
        """The URL over TCP of a database of this server. Skips the test where the server is not reached so."""
        host = conninfo_to_dict(url).get("host")
        if not host or str(host).startswith(("/", "@")):
            pytest.skip("the URL of the given server names no host: there is no way to it over TCP")
        return url

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped afterwards, whoever is connected to it."""
        name = f"queuectl_test_{uuid.uuid4().hex[:12]}"
        # template0, since nobody can be connected to it: a template in use cannot be copied
        self._administer(f"CREATE DATABASE {{}} TEMPLATE template0 {self._strategy}", name)
        try:
            yield at_database(self.url, name)
        finally:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _administer(self, statement: str, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=int(PATIENCE)) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


class Held(Databases):
    """A server that was started here; it lasts as long as somebody holds it."""

    def __init__(self, hold: Hold) -> None:
        self._at = hold.hello
        # Twice as quick as the default, where nothing is flushed to the disk.
        super().__init__(self._by_socket(), "STRATEGY file_copy")

    @property
    def log(self) -> Path:
        """What it has written."""
        return Path(self._at.folder, "log")

    def over_tcp(self, url: str) -> str:
        """The URL over TCP of a database of this server."""
        name = conninfo_to_dict(url)["dbname"]
        return f"postgresql://{SUPERUSER}:{self._at.password}@{LOOPBACK}:{self._at.port}/{name}"

    def _by_socket(self) -> str:
        folder = quote(self._at.folder, safe="/")
        return f"postgresql://{SUPERUSER}@/postgres?host={folder}&port={self._at.port}"


class Server(Held):
    """A server of one's own, to be ruled. Its data, socket, port and password stay the same."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold)
        self._hold = hold
        self._answers = True
        self.pid = hold.hello.pid
        """Its first process; 0 while it is stopped."""

    def stop(self) -> None:
        """Stop it in order; whoever is connected is told."""
        self._do(Act.STOP, answers=False)

    def start(self) -> None:
        """Start it again; returns when it answers."""
        self._do(Act.START, answers=True)

    def restart(self) -> None:
        """Stop it in order, and start it again."""
        self._do(Act.RESTART, answers=True)

    def crash(self) -> None:
        """Kill all of its processes, and start it again; returns when it has recovered, and answers."""
        self._do(Act.CRASH, answers=True)

    def freeze(self) -> None:
        """Stop all of its processes in what they do. The kernel still takes connections for it."""
        self._do(Act.FREEZE, answers=False)

    def thaw(self) -> None:
        """Let them go on."""
        self._do(Act.THAW, answers=True)

    def _do(self, act: Act, *, answers: bool) -> None:
        self._answers = False
        self.pid = int(self._hold.ask(act)["pid"])
        self._answers = answers and self.pid != 0

    def _drop(self, name: str) -> None:
        if self._answers:  # it goes with the server anyhow
            super()._drop(name)


class Hold:
    """A connection to the process that runs a server: as long as one is open, the server stays."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(3 * PATIENCE)  # it has bounds of its own, and says what took too long
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        try:
            self.hello = Hello(**self._answer())
        except BaseException:
            self._close()
            raise

    def ask(self, act: Act) -> dict[str, Any]:
        """Have something done. Raises RuntimeError where it fails."""
        self._connection.sendall(f"{act}\n".encode())
        return self._answer()

    def leave(self) -> bool:
        """Let go. Returns whether others hold it still; if not, it is gone, and its folder too."""
        try:
            with suppress(ConnectionError):
                self._connection.shutdown(socket.SHUT_WR)  # whoever was forked here may have it open as well
                return self._lines.readline() != ""
            return False
        finally:
            self._close()

    def _answer(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise RuntimeError("the process that runs PostgreSQL is gone")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _close(self) -> None:
        self._lines.close()
        self._connection.close()


@contextmanager
def running_server() -> Iterator[Server]:
    """A server of one's own."""
    process, hold = _started()
    try:
        yield Server(hold)
    finally:
        hold.leave()
        process.wait(PATIENCE)


@contextmanager
def shared_server(folder: Path) -> Iterator[Held]:
    """One server for all who name the same folder: the first starts it, and it goes with the last."""
    with open(folder / "postgres.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process, hold = _joined(lock.name) or _started()
        Path(lock.name).write_text(hold.hello.folder)
    try:
        yield Held(hold)
    finally:
        stays = hold.leave()
        if process is not None:
            # Where it stays it is no longer ours to wait for, and no mistake that it outlives us.
            process.returncode = 0 if stays else process.wait(PATIENCE)


def at_database(url: str, name: str) -> str:
    """The same server's URL for another of its databases."""
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    options = "&".join(part for part in query.split("&") if part and not part.startswith("dbname="))
    return f"{scheme}://{place.partition('/')[0]}/{name}" + (f"?{options}" if options else "")


def with_parameter(url: str, parameter: str) -> str:
    """The URL with one more parameter, whether it has some already or none."""
    return f"{url}{'&' if '?' in url else '?'}{parameter}"


def _started() -> tuple[subprocess.Popen[bytes], Hold]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.supervisor"],
            cwd=ROOT,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what ends us by our terminal or our group does not keep it from tidying up
        )
    try:
        return process, Hold(ours)
    except BaseException:
        process.wait(PATIENCE)
        raise


def _joined(note: str) -> tuple[None, Hold] | None:
    """A hold on the server that a note names, unless it has ended."""
    folder = Path(note).read_text()
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(joining(folder))
        return None, Hold(connection)
    except (OSError, RuntimeError):
        connection.close()
        return None
