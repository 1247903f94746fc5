"""Recovery: runs whose worker died are ended for good, and their jobs go on.

A run is lost when the lock of its worker is free; that of a worker at another site, when its lease is over. Its
surviving processes are killed and seen gone before its job can run again; what cannot be killed keeps the job where it
is, for `stuck` to name.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from queuectl_core.execution.lent_logs import keep_blank, remove_blank
from queuectl_core.execution.liveness import Success, read_note, remove_lock, sweep_drafts
from queuectl_core.execution.locks import is_alive, names
from queuectl_core.execution.logs import Output, open_log, read_end
from queuectl_core.execution.processes import boot_id, has_open, is_stopped
from queuectl_core.execution.survivors import Trail, end_survivors, find_survivors, trail_of
from queuectl_core.model.job import Job, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store import failpoints
from queuectl_core.store.contract import Store
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home
from queuectl_core.store.site import site_of
from queuectl_core.store.transactions import workers
from queuectl_core.store.transactions.claims import Held, Report, processing, take_turn, unclaim
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.workers import Pool, Roster, Worker

PATIENCE = 5.0
"""Seconds that what is left of lost runs may take to end, before they are left to the next look."""

LOST = Result(Outcome.LOST, error="the worker died")


class StuckJob(NamedTuple):
    """A job that cannot go on, because processes of a run whose worker died cannot be ended."""

    job: Job
    pids: tuple[int, ...]


def recover_lost(store: Store, patience: float = PATIENCE) -> list[Job]:
    """Give on every job whose worker has died; returns them as they are then.

    Safe to call from any process, at any time. Does nothing while another process is at it. What survives of all lost
    runs together is waited for no longer than `patience` seconds: what does not end so soon is left to the next call.
    """
    deadline = time.monotonic() + patience
    with _alone(store.home) as ours:
        if not ours:
            return []
        recovered = _recover_elsewhere(store) if store.home.url is not None else []
        known = store.run(workers.roster())
        lost = _lost_runs(store, known)
        if lost:
            values = store.run(settings()).values
            # In any order: one that does not end takes all the time there is, and is not to be the first each time.
            for held in random.sample(lost, len(lost)):
                if time.monotonic() < deadline and (job := _recover(store, held, values, deadline)) is not None:
                    recovered.append(job)
            failpoints.reached(Failpoint.RECOVERED)
        _see_off_the_dead(store, known, deadline)
        return recovered


def _recover_elsewhere(store: Store) -> list[Job]:
    from queuectl_core.execution.foreign import recover_foreign, recover_unknown  # Here: most queues are never shared.

    known, values = store.run(workers.roster()), store.run(settings()).values
    recovered = recover_foreign(store, known, site_of(store.home), values)
    registered = {worker.id for worker in known.workers}
    unknown = [
        held
        for held in store.run(processing())
        if held.job.worker not in registered and not _is_ours(store.home, str(held.job.worker), None)
    ]
    return recovered + recover_unknown(store, unknown, values)


def _lost_runs(store: Store, known: Roster) -> list[Held]:
    registered = {worker.id: worker for worker in known.workers}
    names = {str(held.job.worker) for held in store.run(processing())}
    ours = {name for name in names if _is_ours(store.home, name, registered.get(name))}
    dead = {name for name in ours if _is_dead(store, name, registered.get(name))}
    # Read again: a worker may have reported and left between the two looks, and the dead report no more.
    return [held for held in store.run(processing()) if held.job.worker in dead] if dead else []


def _is_ours(home: Home, name: str, registered: Worker | Pool | None) -> bool:
    """Whether a worker or pool is of this site, so that the kernel can be asked of it."""
    if home.url is None:
        return True
    if registered is not None:
        return registered.site == site_of(home)
    return os.path.lexists(home.lock(name))


def _is_dead(store: Store, name: str, registered: Worker | Pool | None) -> bool:
    """Whether a worker or pool has died: its lock is free, and its process holds it nowhere else.

    A file that somebody removed under a living worker says nothing; the worker makes it anew within a second. Nor does
    the file of a home that was copied: what the worker runs is another queue's.
    """
    if is_alive(store.home, name):
        return False
    lock = store.home.lock(name)
    if not os.path.lexists(lock):
        return registered is None or not has_open(registered.pid, os.path.basename(lock))
    note = read_note(store.home, name)
    return note is None or note.boot != boot_id() or not has_open(note.pid, os.path.basename(lock))


def _recover(store: Store, held: Held, values: Settings, deadline: float) -> Job | None:
    note = read_note(store.home, str(held.job.worker))
    if note is not None and note.boot != boot_id():
        note = None  # It may be older than what the store knows. Without a word the run counts as begun and lost.
    if note is not None and held.token not in note.begun:
        store.run(unclaim([held]))
        return None
    success = note.begun[held.token] if note is not None else None
    if success is None and end_survivors(_trail(store.home, held), deadline - time.monotonic()):
        return None
    if note is not None and held.token == list(note.begun)[-1]:
        # Now that nobody is left who could write to it.
        with contextlib.suppress(OSError):
            keep_blank(store.home, str(held.job.worker), held.job.number, held.job.runs)
    result = _result(success, _output(store, held))
    failpoints.reached(Failpoint.RECOVERING)
    return store.run(take_turn(Report(held.job.number, held.token, result, values, random.random()), None)).ended


def _result(success: Success | None, output: Output) -> Result:
    """The result of a run that was lost, or that its worker saw end well, and had no time to report."""
    if success is None:
        return LOST._replace(output_bytes=output.size, tail=output.tail)
    return Result(Outcome.COMPLETED, 0, None, None, success.duration_ms, success.output_bytes, output.tail)


def _output(store: Store, held: Held) -> Output:
    """What a run wrote, whose worker cannot tell; nothing where there is no log that can be read."""
    with contextlib.suppress(OSError):
        log = open_log(store.home.log(held.job.number, held.job.runs))
        try:
            return read_end(log, store.tail_bytes)
        finally:
            os.close(log)
    return Output(0, b"")


def _trail(home: Home, held: Held) -> Trail:
    """The trail of a lost run; its orphans may have come to its pool, where that is alive."""
    worker = str(held.job.worker)
    pool = worker.partition("-")[0]
    note = read_note(home, pool) if is_alive(home, pool) else None
    return trail_of(held.token, read_note(home, worker), (note.pid,) if note else ())


def _see_off_the_dead(store: Store, roster: Roster, deadline: float) -> None:
    """Strike dead workers and pools off the roster, unless a job still waits on what they left."""
    home = store.home
    sweep_drafts(home)
    registered: dict[str, Worker | Pool] = {worker.id: worker for worker in roster.workers}
    registered |= {pool.id: pool for pool in roster.pools}
    known = {name for name, one in registered.items() if _is_ours(home, name, one)}
    gone = {name for name in known.union(names(home)) if not is_alive(home, name)}
    if not gone:
        return
    gone -= {str(held.job.worker) for held in store.run(processing())}
    # Looked at again: a worker takes its lock before it registers, but may have done both meanwhile.
    gone = {name for name in gone if _is_dead(store, name, registered.get(name))}
    if home.url is not None:
        # Another host may have taken a run over that goes on here, and only its worker's note tells of it.
        gone = {name for name in gone if time.monotonic() < deadline and not _unwatched(home, name, deadline)}
    if gone & known:
        store.run(workers.see_off(sorted(gone), sorted(gone)))
    doorbell = Doorbell(home)
    for name in gone:
        doorbell.take_down(name)
        remove_blank(home, name)
        remove_lock(home, name)


def end_unwatched(home: Home) -> None:
    """End what workers of this home run that are stopped or dead: other hosts will take their jobs over, and they
    themselves cannot see to it. Asks no store."""
    for name in names(home):
        _unwatched(home, name, time.monotonic() + PATIENCE)


def _unwatched(home: Home, name: str, deadline: float) -> bool:
    """End what a worker runs that is stopped or dead; whether some of it does not end before the deadline."""
    note = read_note(home, name) if "-" in name else None
    if note is None or note.run is None or (is_alive(home, name) and not is_stopped(note.pid)):
        return False
    return bool(end_survivors(trail_of(note.run.token, note), deadline - time.monotonic()))


def stuck(store: Store) -> list[StuckJob]:
    """Jobs that wait for processes of a dead worker's run to end."""
    found = []
    for held in _lost_runs(store, store.run(workers.roster())):
        pids = tuple(process.pid for process in find_survivors(_trail(store.home, held)))
        if pids:
            found.append(StuckJob(held.job, pids))
    return found


@contextmanager
def _alone(home: Home) -> Iterator[bool]:
    """Hold the recovery lock, if it is free."""
    lock = os.open(home.lock("recovery"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(lock)
