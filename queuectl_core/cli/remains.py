"""What the dead and the forgotten left in a home: files that nobody will miss. `doctor` names them, and repairs.

A file counts as left only where it cannot be in use: its lock is free, its maker is gone, its job is forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from queuectl_core.cli.findings import REPAIR, Finding, listed, ok, size, warning
from queuectl_core.cli.home_checks import MOST_LOGS, backups, log_files
from queuectl_core.execution.locks import alive, names
from queuectl_core.execution.processes import look_at
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import Forgotten
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.jobs import forgotten
from queuectl_core.store.transactions.workers import roster

AT_ONCE = 500
"""How many numbers of jobs one transaction looks up."""


# ---------------------------------------------------------------- beside the database


def check_backups(home: Home) -> Finding:
    """The copies that migrations made; it is for a person to say when they are of no more use."""
    drafts = backup_drafts(home)
    if drafts:
        return warning("backups", f"a migration was cut short and left {listed(drafts)}", REPAIR)
    kept = backups(home)
    if not kept:
        return ok("backups", "no migration left a copy")
    total = size(sum(os.path.getsize(path) for path in kept if os.path.exists(path)))
    detail = f"{listed(kept)} ({total}), from before a migration"
    return ok("backups", detail)._replace(advice="remove it once you are sure of what became of it")


def backup_drafts(home: Home) -> list[str]:
    """Copies that a migration did not finish; one that runs now has one, too."""
    folder, name = os.path.split(home.database)
    try:
        found = sorted(os.listdir(folder))
    except OSError:
        return []
    return [f"{folder}/{file}" for file in found if file.startswith(f"{name}.v") and file.endswith(".backup.part")]


# ---------------------------------------------------------------- in run/


def check_run(store: Store) -> Finding:
    """The locks and bells of processes that are gone."""
    left = strays(store)
    if not left:
        return ok("run", "every lock and bell belongs to somebody")
    return warning("run", f"left by processes that are gone: {listed(map(os.path.basename, left))}", REPAIR)


def strays(store: Store) -> list[str]:
    """Files in `run/` of pools and workers that are neither alive, nor on the roster, nor hold a job: of those recovery
    needs what they left."""
    home = store.home
    # The bells first: whoever made one has had its lock before, and still has, if it is alive.
    hung = list(_bells(home))
    registered = store.run(roster())
    known = {worker.id for worker in registered.workers} | {pool.id for pool in registered.pools}
    known |= alive(home) | {str(held.job.worker) for held in store.run(processing())}
    locks = [home.lock(name) for name in names(home) if name not in known]
    return sorted([*locks, *_drafts(home), *(path for path in hung if os.path.basename(path) not in known)])


def _bells(home: Home) -> Iterator[str]:
    for folder, inner, files in os.walk(home.run):
        if folder == home.run:
            inner[:] = [name for name in inner if name in ("bells", "control")]
        else:
            yield from (f"{folder}/{name}" for name in files)


def _drafts(home: Home) -> Iterator[str]:
    """Locks that were not given their names: `.NAME.PID`."""
    try:
        files = os.listdir(home.run)
    except OSError:
        return
    for file in files:
        pid = file.rpartition(".")[2]
        if file.startswith(".") and pid.isdigit() and look_at(int(pid)) is None:
            yield f"{home.run}/{file}"


# ---------------------------------------------------------------- in logs/


def check_orphans(store: Store) -> Finding:
    """The logs of jobs that are forgotten."""
    if _are_mixed(store.home):
        return ok("orphans", f"not looked for: logs of the jobs in {store.home.database} lie among these")
    orphans, strangers = orphaned_logs(store)
    if orphans:
        return warning("orphans", f"jobs that are gone left the logs of {_of_jobs(orphans)}", REPAIR)
    if strangers:
        detail = f"there are logs of jobs that were never here: {_of_jobs(strangers)}"
        return warning("orphans", detail, "is this store older than they are? The jobs to come overwrite them")
    return ok("orphans", "every log belongs to a job")


def _are_mixed(home: Home) -> bool:
    """Whether logs of another queue, in a file of this home, lie among those of the queue on a server."""
    return home.url is not None and os.path.lexists(home.database)


def orphaned_logs(store: Store) -> tuple[list[Forgotten], list[Forgotten]]:
    """The logs whose jobs are gone, and those with the number of no job so far, which are left alone."""
    if _are_mixed(store.home):
        return [], []
    runs: dict[int, int] = {}
    for seen, (path, _) in enumerate(log_files(store.home.logs)):
        if seen >= MOST_LOGS:
            break
        number, _, attempt = os.path.basename(path).removesuffix(".log").partition(".")
        if number.isdecimal() and attempt.isdecimal() and path == store.home.log(int(number), int(attempt)):
            runs[int(number)] = max(runs.get(int(number), 0), int(attempt))
    gone, unknown = set[int](), set[int]()
    for some in _portions(sorted(runs)):
        found = store.run(forgotten(some))
        gone |= found.gone
        unknown |= found.unknown
    return [Forgotten(n, runs[n]) for n in sorted(gone)], [Forgotten(n, runs[n]) for n in sorted(unknown)]


def _portions(numbers: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(numbers), AT_ONCE):
        yield numbers[first : first + AT_ONCE]


def _of_jobs(logs: list[Forgotten]) -> str:
    return f"job {listed(str(number) for number, _ in logs)}"
