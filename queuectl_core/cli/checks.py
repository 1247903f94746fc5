"""What `doctor` looks at: each check says how it found things, and what to do where they are not well.

The checks of the home need no store; those of the store get it opened. None changes anything.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home, file_system
from queuectl_core.store.sqlite import schema, wal
from queuectl_core.store.sqlite.store import SqliteStore

MEBIBYTE, GIBIBYTE = 2**20, 2**30
LOW_SPACE, NO_SPACE = 500 * MEBIBYTE, 16 * MEBIBYTE
FEW_INODES, NO_INODES = 5000, 50
LARGE_LOG = GIBIBYTE
MOST_LOGS = 200_000
"""How many log files are looked at before the walk is given up."""
LARGE_WAL = 256 * MEBIBYTE
NAMED = 3
"""How many of a kind a line names."""


class Status(StrEnum):
    """How a check found things."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """What one check found; `advice` says what to do, and is empty where nothing is."""

    check: str
    status: Status
    detail: str
    advice: str = ""


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, Status.OK, detail)


def warning(check: str, detail: str, advice: str) -> Finding:
    """It works, but should be looked at."""
    return Finding(check, Status.WARNING, detail, advice)


def problem(check: str, detail: str, advice: str) -> Finding:
    """Something is wrong."""
    return Finding(check, Status.PROBLEM, detail, advice)


# ---------------------------------------------------------------- the home


def check_home(home: Home) -> Iterator[Finding]:
    """The home and the machine it is on; works whatever state the store is in."""
    yield _sqlite()
    if not os.path.isdir(home.path):
        yield problem("home", f"{home.path} is not there", "run 'queuectl init', or choose another --home")
        return
    yield _permissions(home)
    yield from _room(home)
    yield _logs(home)


def _sqlite() -> Finding:
    version = schema.sqlite_version()
    text = f"SQLite {'.'.join(map(str, version))}"
    if version < schema.OLDEST_SQLITE:
        return problem("sqlite", f"{text} is too old", "use a Python with SQLite 3.37 or newer")
    if wal.has_reset_bug(version):
        detail = f"{text} has the WAL-reset bug; checkpoints are guarded against it here"
        return warning("sqlite", detail, "nothing else may write to queue.db; SQLite 3.51.3 has it mended")
    return ok("sqlite", text)


def _permissions(home: Home) -> Finding:
    for path in (home.path, home.run, home.logs, home.database):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid != os.geteuid():
            return problem("permissions", f"{path} belongs to uid {found.st_uid}", f"chown it to uid {os.geteuid()}")
        if mode & 0o022:
            return problem("permissions", f"{path} can be written by others", f"run 'chmod go-w {path}'")
        if mode & 0o044:
            return warning("permissions", f"{path} can be read by others", f"run 'chmod go-rwx {path}'")
    return ok("permissions", f"{home.path} is its owner's alone")


def _room(home: Home) -> Iterator[Finding]:
    try:
        found = os.statvfs(home.path)
    except OSError as error:
        yield problem("disk", f"{home.path}: {error.strerror}", "check the disk")
        return
    free = found.f_bavail * found.f_frsize
    detail = f"{size(free)} free on {file_system(home.path) or 'the file system'} of {home.path}"
    yield _judged("disk", detail, free, LOW_SPACE, NO_SPACE, "free some space: enqueuing fails on a full disk")
    if found.f_files:  # Some file systems make inodes as they need them, and count none.
        detail = f"{found.f_favail:,} inodes free"
        yield _judged("inodes", detail, found.f_favail, FEW_INODES, NO_INODES, "remove files: each run writes one")


def _judged(check: str, detail: str, left: int, few: int, none: int, advice: str) -> Finding:
    if left >= few:
        return ok(check, detail)
    return (problem if left < none else warning)(check, detail, advice)


def _logs(home: Home) -> Finding:
    files, total, large = 0, 0, list[tuple[int, str]]()
    for path, length in _log_files(home.logs):
        files, total = files + 1, total + length
        if length > LARGE_LOG:
            large.append((length, path))
        if files >= MOST_LOGS:
            break
    bound = "the first " if files >= MOST_LOGS else ""
    detail = f"{bound}{files:,} files, {size(total)}"
    if not large:
        return ok("logs", detail)
    named = ", ".join(f"{path} ({size(length)})" for length, path in sorted(large, reverse=True)[:NAMED])
    return warning(
        "logs",
        f"{detail}; {len(large)} over {size(LARGE_LOG)}: {named}",
        "set max_log_bytes to bound them, or delete their jobs",
    )


def _log_files(folder: str) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _log_files(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path, entry.stat(follow_symlinks=False).st_size
    except OSError:
        return  # Retention removes logs at any time.


# ---------------------------------------------------------------- the store


def check_store(store: SqliteStore) -> Iterator[Finding]:
    """The open store: its file, what it counts, and who works on it."""
    yield ok("store", f"{store.home.database} opens")
    yield ok("schema", f"version {schema.VERSION}, as this program writes it")
    for name, check in _STORE_CHECKS.items():
        try:
            yield check(store)
        except StoreError as error:
            yield cannot_tell(name, error)


def cannot_tell(check: str, error: StoreError) -> Finding:
    """The finding of a check that the store itself kept from being made."""
    return problem(check, error.wrong, error.hint)


def _integrity(store: SqliteStore) -> Finding:
    wrong = store.check_integrity()
    if not wrong:
        return ok("integrity", "the file is sound")
    detail = f"{store.home.database} is damaged: {'; '.join(wrong[:NAMED])}"
    return problem("integrity", detail, "stop every pool and restore a backup")


def _log_of_store(store: SqliteStore) -> Finding:
    length = size(_size_of(f"{store.home.database}-wal"))
    if not log_is_long(store.home):
        return ok("wal", f"{length} of log")
    advice = "close what reads for long (a console, a backup), then run 'queuectl doctor --repair'"
    return warning("wal", f"{length} of log wait to be copied into {store.home.database}", advice)


def log_is_long(home: Home) -> bool:
    """Whether the write-ahead log has outgrown what the checkpoints of writers keep it to."""
    return _size_of(f"{home.database}-wal") > LARGE_WAL and wal.is_long(home.database)


def _counts(store: SqliteStore) -> Finding:
    from queuectl_core.store.transactions.statistics import miscounted

    wrong = store.run(miscounted())
    if not wrong:
        return ok("counts", "the kept counts agree with the jobs")
    (queue, state), (kept, real) = next(iter(wrong.items()))
    detail = f"{len(wrong)} wrong, such as {kept} jobs {state} in {queue} where there are {real}"
    return problem("counts", detail, "run 'queuectl doctor --repair'")


def _workers(store: SqliteStore) -> Finding:
    from queuectl_core.execution.roster import WorkerState, worker_views

    views = worker_views(store)
    lost = [view for view in views if view.state is WorkerState.LOST]
    if not lost:
        return ok("workers", f"{len(views)} alive" if views else "none runs")
    jobs = sum(view.job is not None for view in lost)
    detail = f"{_list(view.id for view in lost)} died without a word; jobs they had begun: {jobs}"
    return warning("workers", detail, "a running pool mends this by itself; else run 'queuectl doctor --repair'")


def _survivors(store: SqliteStore) -> Finding:
    from queuectl_core.execution.recovery import stuck

    found = stuck(store)
    if not found:
        return ok("survivors", "no job is held up by a process that will not end")
    named = _list(f"job {held.job.id} (pid {', '.join(map(str, held.pids))})" for held in found)
    advice = "end these processes: until they are gone their jobs cannot run again"
    return problem("survivors", f"processes outlived the worker of {named}", advice)


_STORE_CHECKS: dict[str, Callable[[SqliteStore], Finding]] = {
    "integrity": _integrity,
    "wal": _log_of_store,
    "counts": _counts,
    "workers": _workers,
    "survivors": _survivors,
}


def _list(words: Iterator[str]) -> str:
    listed = list(words)
    more = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def size(count: int) -> str:
    """Bytes as people read them: `512 B`, `1.5 GiB`."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
