"""Peers that are Python packages, each with the settings that are its fastest sane ones for jobs that are shells.

Its jobs and tasks are in `peer_apps`, which only its own environment imports.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from tests.benchmarks.ground import ENVIRONMENT, ROOT, SAID_AT_MOST, run_folder
from tests.benchmarks.peer_place import Peer, Place
from tests.benchmarks.peer_servers import Server

PATIENCE = 120.0
"""Seconds until all jobs must be done."""

LEAVE = 1.0
"""Seconds that a consumer has to leave after it was told to."""

POLL = 0.002
"""Seconds between two looks at how many jobs are done."""

APPS = "tests.benchmarks.peer_apps"

ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
"""A Celery worker that talks with no others."""


class Consumer(NamedTuple):
    """How the consumer of a package is run, with `{url}` for its server's.

    `packages` must all be installed; the first gives the version. One that does not end by itself (`stays`) is ended
    when as many jobs are done as there were. One that is run `twice` has no workers of its own.
    """

    name: str
    jobs: int
    packages: tuple[str, ...]
    app: str
    command: tuple[str, ...]
    server: Server | None = None
    stays: bool = False
    twice: bool = False

    def lack(self, place: Place) -> str | None:
        """The package or the server that is not there."""
        if missing := [package for package in self.packages if package not in place.versions]:
            return f"no {', '.join(missing)} in {place.folder}; --peers installs what there is"
        if self.server and place.lacks_server(self.server):
            return f"no {self.server} that can be started"
        return None

    def seconds(self, place: Place) -> float:
        """How long all of its jobs took. Raises RuntimeError where some were not done."""
        url = place.url(self.server) if self.server else ""
        folder = Path(tempfile.mkdtemp(dir=run_folder()))
        environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "PEER_FOLDER": str(folder), "PEER_SERVER": url}
        enqueue = f"from {APPS}.{self.app} import enqueue; enqueue({self.jobs})"
        subprocess.run(
            [place.program("python"), "-c", enqueue], check=True, cwd=ROOT, env=environment, capture_output=True
        )
        marks = folder / "marks"
        with tempfile.TemporaryFile() as said:
            seconds = self._run(self._command(place, url), environment, marks, said)
            if (done := marks.stat().st_size) != self.jobs:
                said.seek(0)
                end = said.read().decode(errors="replace")[-SAID_AT_MOST:]
                raise RuntimeError(f"{done} of {self.jobs} jobs were done: {end}")
        return seconds

    def _command(self, place: Place, url: str) -> list[str]:
        program, *arguments = (part.format(url=url) for part in self.command)
        command = [place.program(program), *arguments]
        return ["sh", "-c", f"{shlex.join(command)} & {shlex.join(command)}; wait"] if self.twice else command

    def _run(self, command: Sequence[str], environment: Mapping[str, str], marks: Path, said: IO[bytes]) -> float:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            while process.poll() is None and not (self.stays and marks.stat().st_size >= self.jobs):
                if time.perf_counter() > began + PATIENCE:
                    break
                time.sleep(POLL)
            return time.perf_counter() - began
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a consumer to leave, and kill what is left of its session."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _app(module: str) -> str:
    return f"{APPS}.{module}"


CONSUMERS: tuple[Peer, ...] = (
    Consumer(
        "Huey on SQLite, 2 processes",
        1500,
        ("huey",),
        "huey_app",
        # Looks again after 1 ms at first, no periodic tasks, no line of log a job.
        ("huey_consumer", _app("huey_app.app"), "-w", "2", "-k", "process", "-d", "0.001", "-m", "0.01", "-n", "-q"),
        stays=True,
    ),
    Consumer(
        "Procrastinate on PostgreSQL, 2 processes",
        1000,
        ("procrastinate", "psycopg-binary"),
        "procrastinate_app",
        ("procrastinate", f"--app={_app('procrastinate_app.app')}", "worker", "--one-shot"),
        Server.POSTGRES,
        twice=True,  # faster than one of them with two jobs at a time
    ),
    Consumer(
        "PgQueuer on PostgreSQL, 2 at a time",
        1500,
        ("pgqueuer", "asyncpg"),
        "pgqueuer_app",
        ("python", "-c", f"from {_app('pgqueuer_app')} import consume; consume()"),
        Server.POSTGRES,
    ),
    Consumer(
        "RQ on Redis, 2 workers that fork",
        200,
        ("rq", "redis"),
        "rq_app",
        ("rq", "worker-pool", "-b", "-n", "2", "-q", "-u", "{url}", "bench"),
        Server.REDIS,
    ),
    Consumer(
        "RQ on Redis, 2 simple workers",
        500,
        ("rq", "redis"),
        "rq_app",
        ("rq", "worker-pool", "-b", "-n", "2", "-q", "-u", "{url}", "-w", "rq.SimpleWorker", "bench"),
        Server.REDIS,
    ),
    Consumer(
        "Celery on Redis, 2 processes",
        1000,
        ("celery", "redis"),
        "celery_app",
        ("celery", "-A", _app("celery_app"), "worker", "-c", "2", "-l", "WARNING", *ALONE),
        Server.REDIS,
        stays=True,
    ),
    Consumer(
        "Dramatiq on Redis, 2 processes of 1 thread",
        1000,
        ("dramatiq", "redis"),
        "dramatiq_app",
        ("dramatiq", _app("dramatiq_app"), "-p", "2", "-t", "1"),
        Server.REDIS,
        stays=True,
    ),
)
