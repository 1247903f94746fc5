"""What `doctor --repair` does: what cannot do harm, whoever is at work meanwhile. Each step says what it did."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from queuectl_core.cli.findings import counted
from queuectl_core.cli.home_checks import own_files
from queuectl_core.cli.remains import backup_drafts, orphaned_logs, strays
from queuectl_core.execution.locks import is_held
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home


def mend_home(home: Home) -> Iterator[str]:
    """What can be mended though the store does not open. Raises OSError."""
    closed = [path for path in own_files(home) if _close_to_others(path)]
    if closed:
        yield f"closed {counted(len(closed), 'file')} to others"
    drafts = backup_drafts(home) if home.url is None else []
    if drafts and _nobody_migrates(home):
        for path in drafts:
            _remove(path)
        yield f"removed {counted(len(drafts), 'copy', 'copies')} that a migration did not finish"


def _close_to_others(path: str) -> bool:
    """Take all rights of others from a file or directory of ours; whether they had any."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid() or stat.S_ISLNK(found.st_mode) or not mode & 0o077:
        return False
    os.chmod(path, mode & ~0o077)
    return True


def _nobody_migrates(home: Home) -> bool:
    """Whether no migration runs, which holds this lock alone; one that begins meanwhile makes its draft anew."""
    return not is_held(home.lock("schema"))


def mend_store(store: Store) -> Iterator[str]:
    """What can be mended in an open store, and in what belongs to it. Raises StoreError, OSError."""
    from queuectl_core.cli.checks import log_is_long
    from queuectl_core.execution.recovery import recover_lost
    from queuectl_core.store.transactions.statistics import miscounted, recount

    if wrong := store.run(miscounted()):
        store.run(recount())
        yield f"made {counted(len(wrong), 'wrong count')} anew"
    left = strays(store)
    if store.home.url is not None and (ended := _end_left_behind(store.home)):
        yield f"ended what was left of {counted(ended, 'run')}"
    if jobs := recover_lost(store):
        yield f"recovered {counted(len(jobs), 'lost job')}"
    if store.home.url is None and log_is_long(store.home) and store.upkeep():
        yield "copied the log into the store"
    yield from _swept(store, left)
    yield from _without_orphans(store)


def _end_left_behind(home: Home) -> int:
    """End what runs of dead workers of this home left behind; returns of how many.

    Where another host has their jobs by now, the locks alone know of it, and recovery removes them.
    """
    from queuectl_core.execution.liveness import read_note
    from queuectl_core.execution.locks import is_alive, names
    from queuectl_core.execution.survivors import end_survivors, find_survivors, trail_of

    ended = 0
    for name in names(home):
        note = read_note(home, name) if "-" in name and not is_alive(home, name) else None
        if note is None or note.run is None or not find_survivors(trail := trail_of(note.run.token, note)):
            continue
        ended += not end_survivors(trail)
    return ended


def _swept(store: Store, left: list[str]) -> Iterator[str]:
    """Remove what the dead left in `run/`, as far as recovery has not."""
    for path in strays(store):
        _remove(path)
    gone = sum(not os.path.lexists(path) for path in left)
    if gone:
        yield f"removed {counted(gone, 'file')} of the dead from run/"


def _without_orphans(store: Store) -> Iterator[str]:
    from queuectl_core.execution.logs import remove_logs

    orphans, _ = orphaned_logs(store)
    if orphans:
        remove_logs(store.home, orphans)
        yield f"removed the logs of {counted(len(orphans), 'job')} that {'is' if len(orphans) == 1 else 'are'} gone"


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
