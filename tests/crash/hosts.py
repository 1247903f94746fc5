"""Hosts that share a queue on a server: homes of one machine, each with its pools, and what befalls whole hosts."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from queuectl_core.execution.processes import look_at, send
from queuectl_core.model.job import Attempt, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.jobs import history
from queuectl_core.store.transactions.settings import set_setting
from tests.crash.busy import closed_gate
from tests.crash.evidence import processes_of
from tests.crash.ledger import Word
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually

LEASE = 2.0
"""Seconds that a host may be silent, as most of these tests set it."""


@contextmanager
def hosts_on(folder: Path, url: str, count: int, lease: float = LEASE) -> Iterator[Storm]:
    """A storm on a new queue that is shared by some hosts, in the database of that URL."""
    storm = Storm(folder, url, count)
    try:
        storm.store.run(set_setting("lease", f"{lease}s"))
        storm.store.run(set_setting("heartbeat", f"{lease / 5:g}s"))
        yield storm
    finally:
        storm.close()


def signal_host(host: Home, number: signal.Signals) -> int:
    """Signal every process of a host, commands included, until no new one comes up; how many there were."""
    seen: set[int] = set()
    while new := [pid for pid in processes_of(host) if pid not in seen]:
        for pid in new:
            process = look_at(pid)
            if process is not None:
                send(process, number)
        seen.update(new)
    return len(seen)


def kill_host(storm: Storm, host: Home) -> None:
    """Have a host be gone at once, as by a power failure."""
    storm.struck["host"] += signal_host(host, signal.SIGKILL) > 0
    eventually(lambda: not processes_of(host), what="the host is gone")


def runs_of(storm: Storm, job: str) -> list[Attempt]:
    """The history of a job."""
    return storm.store.run(history(storm.job(job).number))


def outcomes(storm: Storm, job: str) -> list[Outcome | None]:
    """How the runs of a job ended."""
    return [run.outcome for run in runs_of(storm, job)]


def jobs_at(storm: Storm, pool: Pool) -> set[str]:
    """The ids of the jobs that workers of this pool hold."""
    ids = set(storm.workers(pool).values())
    held = {one.job.id for one in storm.store.run(processing())}
    return {job for job in ids if job is not None} & held


def long_job(storm: Storm, pool: Pool) -> tuple[str, Path]:
    """A job that this pool, alone there, has begun and that goes on until the file is there."""
    gate = closed_gate(storm)
    job = storm.put(storm.ledger.command(gate=gate), max_retries=3)
    storm.worker_of(pool, job)
    return job, gate


def begun_again(storm: Storm, job: str) -> bool:
    """Whether a second run of the job has said that it starts."""
    return sum(line.word is Word.START and line.job == job for line in storm.ledger.lines()) > 1


AWAY = "cannot go on: StoreError: cannot reach"
"""What a process that is just starting says, and leaves, where the server is away: its pool starts another."""

LATE = ("while a process of another run lived", "after a later run has started")
"""What may be wrong with a job whose host was stopped whole, while others went on with it."""


def wrong_of(storm: Storm, late: Collection[str] = (), *, refused: bool = False) -> list[str]:
    """All that is wrong. `late` are jobs of a host that was stopped whole; their results are refused, as may be those
    of a host that was cut off."""
    return [wrong for wrong in storm.wrong() if not _may_be(wrong, late, refused or bool(late))]


def _may_be(wrong: str, late: Collection[str], refused: bool) -> bool:
    if AWAY in wrong or (refused and "came too late" in wrong):
        return True
    return any(wrong.startswith(f"job {job}: ") for job in late) and any(words in wrong for words in LATE)
