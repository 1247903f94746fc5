"""What `doctor` looks at in an open store: each check says how it found things, and what to do where they are not well.

None changes anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from queuectl_core.cli.alarms import import_alarm, log_alarm, write_alarm
from queuectl_core.cli.findings import NAMED, REPAIR, Finding, cannot_tell, listed, ok, problem, size, warning
from queuectl_core.cli.home_checks import rescue
from queuectl_core.cli.remains import check_orphans, check_run
from queuectl_core.model.durations import format_duration
from queuectl_core.model.errors import StoreError
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import schema, wal

Check = Callable[[Store], Finding]

SLACK_MS = 2000
"""How far a clock may have gone back before it is told; what keeps it right does that by less."""


def check_store(store: Store) -> Iterator[Finding]:
    """The open store: its file or server, what it counts, and who works on it."""
    if store.home.url is not None:
        from queuectl_core.cli.server_checks import SERVER_CHECKS

        checks = {**SERVER_CHECKS, **_SHARED_CHECKS}
    else:
        checks = {**_FILE_CHECKS, **_SHARED_CHECKS}
    yield ok("store", f"{store.home.store_name} opens")
    for name, check in checks.items():
        try:
            yield check(store)
        except StoreError as error:
            yield cannot_tell(name, error)


def _schema(_: Store) -> Finding:
    return ok("schema", f"version {schema.VERSION}, as this program writes it")


def _integrity(store: Store) -> Finding:
    wrong = store.check_integrity()
    if not wrong:
        return ok("integrity", "the file is sound")
    detail = f"{store.home.database} is damaged: {'; '.join(wrong[:NAMED])}"
    return problem("integrity", detail, rescue(store.home))


def _writer(store: Store) -> Finding:
    alarm = write_alarm(store.home)
    return problem("writer", *alarm) if alarm else ok("writer", "nobody who is stopped keeps others from writing")


def _log_of_store(store: Store) -> Finding:
    alarm = log_alarm(store.home)
    if alarm:
        return warning("wal", *alarm)
    return ok("wal", f"{size(_size_of(f'{store.home.database}-wal'))} of log")


def log_is_long(home: Home) -> bool:
    """Whether the write-ahead log has outgrown what the checkpoints of writers keep it to."""
    return wal.is_long(home.database, wal.HELD_UP_PAGES)


def _counts(store: Store) -> Finding:
    from queuectl_core.store.transactions.statistics import miscounted

    wrong = store.run(miscounted())
    if not wrong:
        return ok("counts", "the kept counts agree with the jobs")
    (queue, state), (kept, real) = next(iter(wrong.items()))
    detail = f"{len(wrong)} wrong, such as {kept} jobs {state} in {queue} where there are {real}"
    return problem("counts", detail, REPAIR)


def _workers(store: Store) -> Finding:
    from queuectl_core.execution.roster import WorkerState, stopped_pools, worker_views

    if deaf := stopped_pools(store):
        detail = f"pool {listed(pool.id for pool in deaf)} is stopped and hears nothing"
        return warning("workers", detail, f"let it go on: kill -CONT {' '.join(str(pool.pid) for pool in deaf)}")
    views = worker_views(store)
    lost = [view for view in views if view.state is WorkerState.LOST]
    if not lost:
        return ok("workers", f"{len(views)} alive" if views else "none runs")
    jobs = sum(view.job is not None for view in lost)
    detail = f"{listed(view.id for view in lost)} died without a word; jobs they had begun: {jobs}"
    return warning("workers", detail, f"a running pool mends this by itself; else {REPAIR}")


def _delays(store: Store) -> Finding:
    from queuectl_core.store.transactions.statistics import put_off_ahead

    found = store.run(put_off_ahead(SLACK_MS))
    if found is None:
        return ok("delays", "no job waits by a clock that was ahead")
    jobs = f"{found.jobs:,} jobs, such as {found.example}, wait" if found.jobs > 1 else f"job {found.example} waits"
    detail = f"{jobs} up to {format_duration(found.ms // 1000)} too long: the clock was set back since"
    return warning("delays", detail, "set the clock right if it is wrong; 'queuectl edit ID --delay 0' runs a job now")


def _survivors(store: Store) -> Finding:
    from queuectl_core.execution.recovery import stuck

    found = stuck(store)
    if not found:
        return ok("survivors", "no job is held up by a process that will not end")
    named = listed(f"job {held.job.id} (pid {', '.join(map(str, held.pids))})" for held in found)
    advice = "end these processes: until they are gone their jobs cannot run again"
    return problem("survivors", f"processes outlived the worker of {named}", advice)


def _import(store: Store) -> Finding:
    alarm = import_alarm(store)
    return warning("import", *alarm) if alarm else ok("import", "none is unfinished")


_FILE_CHECKS: dict[str, Check] = {
    "schema": _schema,
    "integrity": _integrity,
    "writer": _writer,
    "wal": _log_of_store,
    "workers": _workers,
}
_SHARED_CHECKS: dict[str, Check] = {
    "counts": _counts,
    "delays": _delays,
    "import": _import,
    "survivors": _survivors,
    "run": check_run,
    "orphans": check_orphans,
}


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
