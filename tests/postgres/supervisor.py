"""The process that runs a server for tests, for as long as somebody holds a connection to this process.

The kernel closes the connections of whoever dies, however that happens: then the server ends, and its folder goes.
The first to hold one has it as our stdin; others join at a socket in the folder. Each is told where the server is,
in a line of JSON, and may ask for an `Act` in a line each. Who leaves while others stay is told so.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, NamedTuple

from queuectl_core.execution.processes import become_subreaper
from tests.postgres.binaries import account, place
from tests.postgres.cluster import Cluster


class Act(StrEnum):
    """What can be done to a server."""

    STOP = "stop"
    START = "start"
    RESTART = "restart"
    CRASH = "crash"
    FREEZE = "freeze"
    THAW = "thaw"


class Hello(NamedTuple):
    """Where a server is: its folder, which is its socket's too, its TCP port and password, its first process."""

    folder: str
    port: int
    password: str
    pid: int


def joining(folder: str) -> str:
    """The path of the socket at which others join."""
    return f"{folder}/join"


class Supervisor:
    """Who holds a connection, and what they ask for."""

    def __init__(self, cluster: Cluster, owner: socket.socket) -> None:
        self._cluster = cluster
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(joining(cluster.folder))
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._holders: set[socket.socket] = set()
        self._welcome(owner)

    def serve(self) -> None:
        """Until the last has left; from then on nobody can join."""
        while self._holders:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._welcome(self._listener.accept()[0])
                elif isinstance(key.fileobj, socket.socket):
                    self._hear(key.fileobj)
        self._listener.close()

    def _welcome(self, holder: socket.socket) -> None:
        self._holders.add(holder)
        self._selector.register(holder, selectors.EVENT_READ)
        cluster = self._cluster
        _say(holder, Hello(cluster.folder, cluster.port, cluster.password, cluster.pid)._asdict())

    def _hear(self, holder: socket.socket) -> None:
        asked = b""
        with suppress(ConnectionError):
            asked = holder.recv(100)
        if asked:
            _say(holder, self._done(Act(asked.decode().strip())))
            return
        self._selector.unregister(holder)
        self._holders.remove(holder)
        if self._holders:
            _say(holder, {"stays": True})
            holder.close()
        else:
            holder.detach()  # the kernel closes it, and so says that we have ended, when we have

    def _done(self, act: Act) -> Mapping[str, Any]:
        try:
            for step in STEPS[act]:
                step(self._cluster)
        except (RuntimeError, AssertionError) as wrong:
            return {"error": str(wrong)}
        return {"pid": self._cluster.pid}


STEPS: Mapping[Act, tuple[Callable[[Cluster], object], ...]] = {
    Act.STOP: (Cluster.stop,),
    Act.START: (Cluster.start,),
    Act.RESTART: (Cluster.stop, Cluster.start),
    Act.CRASH: (Cluster.kill, Cluster.start),
    Act.FREEZE: (Cluster.freeze,),
    Act.THAW: (Cluster.thaw,),
}


def _stdin() -> socket.socket:
    """The connection that we were started with, of which nothing else is open here."""
    connection = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    return connection


def _say(holder: socket.socket, said: Mapping[str, Any]) -> None:
    with suppress(ConnectionError):  # it has gone, as the next look at it shows
        holder.sendall(json.dumps(said).encode() + b"\n")


@contextmanager
def _folder() -> Iterator[str]:
    """A folder that only we and the server's user can enter, gone afterwards."""
    folder = tempfile.mkdtemp(prefix="queuectl-postgres-", dir=place())
    try:
        yield folder
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _cluster() -> Iterator[Cluster]:
    with _folder() as folder:
        cluster = Cluster(folder, account())
        try:
            cluster.start()
            yield cluster
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            cluster.close()


def main() -> None:
    """Run a server until the last who holds a connection has left, or until we are told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    become_subreaper()
    owner = _stdin()
    try:
        with _cluster() as cluster:
            Supervisor(cluster, owner).serve()
    except Exception as wrong:
        _say(owner, {"error": str(wrong)})
        raise


if __name__ == "__main__":
    main()
