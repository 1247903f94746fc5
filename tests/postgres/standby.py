"""Two servers, of which the second follows the first and takes its place: with what was acknowledged by the first.

Each commit at the first is answered once the second has it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg

from tests.execution.pools import lives
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.binaries import Account, account, place, runnable
from tests.postgres.cluster import (
    LOOPBACK,
    SAID_AT_MOST,
    SETTINGS,
    SUPERUSER,
    end_with_parent,
    environment,
    reserved_port,
)

FOLLOWER = "follower"
"""The name by which the second server is known to the first."""

REPLICATED: Mapping[str, object] = {
    **SETTINGS,
    "wal_level": "replica",
    "max_wal_senders": 4,
    "max_connections": 50,
    "hot_standby": "on",
    "wal_receiver_status_interval": 1,
}


class Member:
    """One of two servers: its data and socket are in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, port: socket.socket, who: Account) -> None:
        self.folder = folder
        self.port = int(port.getsockname()[1])
        self._programs = programs
        self._who = who
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def url(self) -> str:
        """The URL of its own database, by its socket."""
        return f"postgresql://{SUPERUSER}@/postgres?host={self.folder}&port={self.port}"

    def make(self, password: str) -> None:
        """Make its data, empty."""
        (self.folder / "password").write_text(password)
        self._who.own(str(self.folder))
        options = f"--no-sync --username={SUPERUSER} --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8"
        self._do("initdb", "--pgdata=data", "--pwfile=password", "--locale=C", *options.split())

    def follow(self, first: Member) -> None:
        """Make its data a copy of those of another, which it follows once it is started."""
        self._who.own(str(self.folder))
        where = f"host={first.folder} port={first.port} user={SUPERUSER} application_name={FOLLOWER}"
        options = "--pgdata=data --write-recovery-conf --checkpoint=fast --no-sync --wal-method=stream"
        self._do("pg_basebackup", f"--dbname={where}", *options.split())

    def start(self, **settings: object) -> None:
        """Start it with these settings besides the usual ones, and wait until it answers."""
        options = [part for name, value in {**REPLICATED, **settings}.items() for part in ("-c", f"{name}={value}")]
        command = [f"{self._programs}/postgres", "-D", "data", "-k", str(self.folder), "-p", str(self.port), *options]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                preexec_fn=end_with_parent,
                **self._who.identity(),
            )
        eventually(lambda: self._answers() or self._has_ended(), what="PostgreSQL answers")
        if self._has_ended():
            raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-SAID_AT_MOST:]}")

    def end(self) -> None:
        """End it at once: it writes nothing more, and finishes nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)

    def promote(self) -> None:
        """Have it follow nobody any more, and take what is written; returns when it does."""
        with psycopg.connect(self.url, autocommit=True) as ruler:
            ruler.execute("SELECT pg_promote(true, %s)", (int(PATIENCE),))

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _do(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [f"{self._programs}/{program}", *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment(),
            preexec_fn=end_with_parent,
            **self._who.identity(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr[-SAID_AT_MOST:]}")


class Pair:
    """The two; `url` names both, of which the one that takes what is written is meant."""

    def __init__(self, first: Member, second: Member, password: str) -> None:
        self._first, self._second = first, second
        both = f"{LOOPBACK}:{first.port},{LOOPBACK}:{second.port}"
        self.url = f"postgresql://{SUPERUSER}:{password}@{both}/postgres?target_session_attrs=read-write"

    @contextmanager
    def silence_of_the_second(self) -> Iterator[None]:
        """Meanwhile the second takes nothing in, and the first answers no commit, until it is lost; then the second
        has all that was sent to it."""
        [receiver] = ask(self._second.url, "SELECT pid FROM pg_stat_wal_receiver")
        os.kill(receiver, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(receiver, signal.SIGCONT)
        eventually(lambda: not lives(receiver), what="the second has read to the end")

    def owes_an_answer(self, name: str) -> bool:
        """Whether a session of that name at the first waits for the answer to its commit."""
        query = "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = %s"
        return ask(self._first.url, query, name) == [1]

    def lose_the_first(self) -> None:
        """Have the first server be gone at once."""
        self._first.end()

    def promote_the_second(self) -> None:
        """Have the second take its place."""
        self._second.promote()


def ask(url: str, query: str, *values: object) -> list[int]:
    """The numbers that answer a question."""
    with psycopg.connect(url, autocommit=True) as ruler:
        return [number for (number,) in ruler.execute(query.encode(), values)]


@contextmanager
def server_with_standby() -> Iterator[Pair]:
    """A server, and one that follows it, both gone afterwards."""
    who, password = account(), secrets.token_urlsafe(24)
    with ExitStack() as opened:
        folder = Path(tempfile.mkdtemp(prefix="queuectl-postgres-pair-", dir=place()))
        opened.callback(shutil.rmtree, folder)
        programs = runnable(who, str(folder))
        ports = [opened.enter_context(closing(reserved_port())) for _ in range(2)]
        first, second = (
            Member(programs, folder / name, port, who) for name, port in zip(("1", "2"), ports, strict=True)
        )
        who.own(str(folder))
        for member in (first, second):
            opened.callback(member.end)
        first.make(password)
        first.start()
        second.follow(first)
        second.start()
        _answer_only_once_it_is_there(first)
        yield Pair(first, second, password)


def _answer_only_once_it_is_there(first: Member) -> None:
    """Have no commit answered from now on before the one that follows has it."""
    query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    with psycopg.connect(first.url, autocommit=True) as ruler:
        ruler.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{FOLLOWER}'")
        ruler.execute("SELECT pg_reload_conf()")
        eventually(lambda: ruler.execute(query).fetchall() == [(1,)], what="the second server follows the first")
