"""One PostgreSQL on a folder of its own: made, started, stopped, killed, stopped in mid-work.

Its parent is the process that uses this, with which it ends.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from queuectl_core.execution.processes import reap_all
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.binaries import Account, runnable

SUPERUSER = "postgres"
LOOPBACK = "127.0.0.1"
SETTINGS: Mapping[str, object] = {
    "fsync": "off",  # what it keeps has to outlive it, not the machine
    "full_page_writes": "off",
    "max_connections": 200,
    "shared_buffers": "16MB",
    "huge_pages": "off",
    "io_method": "sync",  # no processes that read ahead
    "min_wal_size": "32MB",  # the folder may be in memory
    "max_wal_size": "128MB",
    "wal_level": "minimal",  # nobody replicates it
    "max_wal_senders": 0,
    "max_logical_replication_workers": 0,
    "dynamic_shared_memory_type": "mmap",  # in the folder, so that it goes with the folder
    "listen_addresses": LOOPBACK,
    "unix_socket_permissions": "0700",
}
SAID_AT_MOST = 2000
"""How many characters of the log are shown where it does not start."""

PR_SET_PDEATHSIG = 1
IPC_RMID = 0
_libc = ctypes.CDLL(None)


class Cluster:
    """A server's data and its processes."""

    def __init__(self, folder: str, account: Account) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(24)
        self._account = account
        self._port = reserved_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._bin = runnable(account, folder)
        account.own(folder)
        self._make()

    @property
    def port(self) -> int:
        """The TCP port, which stays its own while it is stopped; a part of the socket's name too."""
        return int(self._port.getsockname()[1])

    @property
    def pid(self) -> int:
        """The pid of its first process; 0 while it is stopped."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it, and wait until it answers. Raises RuntimeError with its log where it does not."""
        if self._process is not None:
            return
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [f"{self._bin}/postgres", "-D", self._data, "-k", self.folder, "-p", str(self.port), *options]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                preexec_fn=end_with_parent,
                **self._account.identity(),
            )
        eventually(lambda: self._is_ready() or self._has_ended(), what="PostgreSQL answers")
        if self._has_ended():
            self._process = None
            raise RuntimeError(f"PostgreSQL did not start: {Path(self._log).read_text()[-SAID_AT_MOST:]}")

    def stop(self) -> None:
        """Stop it in order: connections are ended, what it has is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all of its processes at once; it writes nothing and says nothing to anybody."""
        if self._process is None:
            return
        for process in self.freeze():  # none is to start another, or to say goodbye
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        eventually(reap_all, what="all of PostgreSQL's processes are gone")
        self._process = None

    def freeze(self) -> list[psutil.Process]:
        """Stop each of its processes in what it is doing; these processes."""
        frozen: list[psutil.Process] = []

        def stopped() -> bool:
            frozen[:] = self._processes()
            return not [process for process in frozen if not _is_stopped(process)]

        eventually(stopped, what="all of PostgreSQL's processes are stopped")
        return frozen

    def thaw(self) -> None:
        """Let each of its processes go on."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def close(self) -> None:
        """End it as quickly as may be, since its data goes too; nothing of it is left but the folder."""
        self._end(signal.SIGQUIT)
        self._remove_segment()
        self._port.close()

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    @property
    def _log(self) -> str:
        return f"{self.folder}/log"

    @property
    def _pid_file(self) -> Path:
        return Path(self._data, "postmaster.pid")

    def _make(self) -> None:
        password = Path(self.folder, "password")
        password.touch(0o600)
        password.write_text(self.password)
        self._account.own(str(password))
        options = f"--username={SUPERUSER} --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C"
        command = [
            f"{self._bin}/initdb",
            "--pgdata",
            self._data,
            "--no-sync",
            "--pwfile",
            str(password),
            *options.split(),
        ]
        made = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment(),
            preexec_fn=end_with_parent,
            **self._account.identity(),
        )
        password.unlink()
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr[-SAID_AT_MOST:]}")

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(number)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        eventually(reap_all, what="all of PostgreSQL's processes are gone")
        self._process = None

    def _processes(self) -> list[psutil.Process]:
        """Its processes, the first of them, which starts the others, first."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.pid) if self.pid else None
            return [first, *first.children(recursive=True)] if first else []
        return []

    def _is_ready(self) -> bool:
        """As `pg_ctl` finds it out: by the eighth line of a file, which an earlier server may have left."""
        with suppress(OSError):
            lines = self._pid_file.read_text().splitlines()
            return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"
        return False

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _remove_segment(self) -> None:
        """The first process holds a few bytes of System V memory, and where it was killed they stay."""
        with suppress(OSError):
            line = self._pid_file.read_text().splitlines()[6:7]
            for _key, number in map(str.split, line):
                _libc.shmctl(int(number), IPC_RMID, None)


def reserved_port() -> socket.socket:
    """A port that the kernel chose, bound and not listened at.

    The server may share it, since both say SO_REUSEADDR; the kernel gives it to nobody else.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind((LOOPBACK, 0))
    return reserved


def environment() -> dict[str, str]:
    """Nothing that a person may have set for a server of theirs."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _is_stopped(process: psutil.Process) -> bool:
    """Whether it is; where it is not, it is told to."""
    with suppress(psutil.NoSuchProcess):
        if process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            return True
        process.suspend()
        return False
    return True


def end_with_parent() -> None:
    """What a child does first that is to end in order once its parent has, whatever becomes of that."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
