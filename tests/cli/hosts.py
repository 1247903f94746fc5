"""Hosts that share a queue on a server, each a home of its own.

Their pools, and what is to be a process, are processes as they would be; other commands run in the test's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, Ran, program, run_program
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.server import Databases

ROOT = Path(__file__).parents[2]


class Host(NamedTuple):
    """One home that shares the queue of a server."""

    home: Home
    here: pytest.CaptureFixture[str] | None = None
    """Where it is given, commands run in this process, but for those that start pools or that are given variables of
    the environment: a fifth of the time."""

    def __call__(self, *arguments: str, **environment: str) -> Ran:
        """Run a command to its end."""
        if self.here is not None and not environment and arguments[:2] != ("worker", "start"):
            return CommandLine(self.home, self.here)("--store", str(self.home.url), *arguments)
        given: dict[str, Any] = {"QUEUECTL_STORE": str(self.home.url), **environment}
        return run_program(self.home, *arguments, **given)

    def done(self, *arguments: str) -> str:
        """What a command prints that succeeds."""
        ran = self(*arguments)
        assert (ran.status, ran.err) == (0, ""), (arguments, ran)
        return ran.out

    def json(self, *arguments: str) -> Any:
        """The one JSON document that a command prints."""
        return json.loads(self.done(*arguments, "--json"))

    def enqueue(self, *words: str, **options: str) -> str:
        """Enqueue a command, and return its id; that no worker runs is no matter."""
        given = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        ran = self("enqueue", *given, "--", *words)
        assert ran.status == 0, ran
        return ran.out.strip()

    def drain(self) -> None:
        """Run all that waits here."""
        assert self("worker", "start", "--count", "1", "--drain").status == 0

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on, and is killed at last."""
        with subprocess.Popen(
            program(self.home, *arguments),
            cwd=ROOT,
            env={**os.environ, "QUEUECTL_STORE": str(self.home.url)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    @contextmanager
    def working(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """A pool of one worker, which is stopped at last, and what it runs ended."""
        with self.process("worker", "start", "--count", "1", *options) as pool:
            eventually(lambda: self._has_worker(pool.pid), what="the pool has its worker")
            try:
                yield pool
            finally:
                self("worker", "stop", "--now")
                pool.communicate(timeout=PATIENCE)

    def _has_worker(self, pool: int) -> bool:
        workers = self.json("worker", "list")
        return any(_parent_of(worker["pid"]) == pool for worker in workers)

    def runs(self, job: str) -> bool:
        """Whether a job runs."""
        return bool(self.json("show", job)["state"] == "processing")


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@pytest.fixture
def hosts(tmp_path: Path, postgres: Databases, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[Host, Host]]:
    """Two hosts on an empty store of a server."""
    with postgres.database() as url:
        here, there = (Host(Home(str(tmp_path / name), url), capsys) for name in ("here", "there"))
        here.done("init")
        yield here, there


def lines(n: int, wide: int = 100) -> tuple[str, ...]:
    """A command that prints so many lines, of so many bytes each."""
    return (sys.executable, "-c", f"for n in range({n}): print(f'{{n:0{wide - 1}}}')")
