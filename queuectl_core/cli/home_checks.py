"""What `doctor` looks at without a store: the home, its files, and the machine it is on. Changes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
from collections.abc import Iterator

from queuectl_core.cli.findings import NAMED, REPAIR, Finding, ok, problem, size, warning
from queuectl_core.execution.locks import alive
from queuectl_core.model.errors import NotAStore, StoreDamaged, StoreError
from queuectl_core.store.home import Home, file_system
from queuectl_core.store.sqlite import schema, wal
from queuectl_core.store.sqlite.connecting import refuse_emptied

MEBIBYTE, GIBIBYTE = 2**20, 2**30
LOW_SPACE, NO_SPACE = 500 * MEBIBYTE, 16 * MEBIBYTE
FEW_INODES, NO_INODES = 5000, 50
LARGE_LOG = GIBIBYTE
MOST_LOGS = 200_000
"""How many log files are looked at before the walk is given up."""


def check_home(home: Home) -> Iterator[Finding]:
    """The home and the machine it is on; works whatever state the store is in."""
    yield _sqlite()
    if not os.path.isdir(home.path):
        yield problem("home", f"{home.path} is not there", "run 'queuectl init', or choose another --home")
        return
    yield _writable(home)
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


def _writable(home: Home) -> Finding:
    for path in own_files(home):
        if os.path.exists(path) and not os.access(path, os.W_OK):
            with contextlib.suppress(OSError):
                if os.statvfs(path).f_flag & os.ST_RDONLY:
                    return problem("home", f"{path} is on a read-only file system", "mount it to be written to")
            return problem("home", f"{path} cannot be written to", f"run 'chmod u+w {path}', or see who owns it")
    return ok("home", f"{home.path} can be written to")


def own_files(home: Home) -> tuple[str, ...]:
    """What the home consists of, there or not, but for single logs and locks."""
    database = home.database
    return (home.path, home.run, home.logs, database, f"{database}-wal", f"{database}-shm", *backups(home))


def _permissions(home: Home) -> Finding:
    for path in own_files(home):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid != os.geteuid():
            return problem("permissions", f"{path} belongs to uid {found.st_uid}", f"chown it to uid {os.geteuid()}")
        if mode & 0o022:
            return problem("permissions", f"{path} can be written by others", f"{REPAIR}, or 'chmod go-rwx {path}'")
        if mode & 0o055:
            return warning("permissions", f"{path} can be read by others", f"{REPAIR}, or 'chmod go-rwx {path}'")
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
    for path, length in log_files(home.logs):
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


def log_files(folder: str) -> Iterator[tuple[str, int]]:
    """The files in a folder and those inside it, with their lengths (bytes); as far as they can be read."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from log_files(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path, entry.stat(follow_symlinks=False).st_size
    except OSError:
        return  # Retention removes logs at any time.


# ---------------------------------------------------------------- a store that cannot be used


def missing_store(home: Home) -> Finding | None:
    """What is to be said of a home without a store in it, or with an empty one; None where there is a store."""
    try:
        refuse_emptied(home)
    except StoreError as error:
        return problem("store", error.wrong, rescue(home) if os.path.lexists(home.database) else error.hint)
    if not os.path.lexists(home.database):
        return problem("store", f"there is no store in {home.path}", "run 'queuectl init', or choose another --home")
    if os.path.isfile(home.database) and not os.path.getsize(home.database):
        return warning("store", f"{home.database} is empty", "run 'queuectl init', which makes a store of it")
    return None


def unopened(home: Home, error: StoreError) -> Finding:
    """The finding that the store cannot be opened."""
    advice = error.hint
    if isinstance(error, StoreDamaged):
        advice = rescue(home)
    elif "I/O" in error.wrong and alive(home):
        advice = "check the disk; if queue.db-wal was removed, stop every pool, which saves what was in it"
    elif isinstance(error, NotAStore) and (kept := backups(home)):
        advice = f"{error.hint}, or put {kept[-1]}, a backup of your store, in its place"
    return problem("store", error.wrong, advice)


def rescue(home: Home) -> str:
    """What to do about a database that cannot be trusted any more."""
    database = home.database
    restore = f"restore a backup ({kept[-1]} is one)" if (kept := backups(home)) else "restore a backup"
    saved = f"sqlite3 {shlex.quote(database)} .recover | sqlite3 {shlex.quote(f'{database}.saved')}"
    return f"stop every pool, copy {home.path} elsewhere, and {restore}; what can be read, '{saved}' saves"


def backups(home: Home) -> list[str]:
    """The copies that migrations left beside the database, the latest last."""
    folder = os.path.dirname(home.database)
    kept = re.compile(re.escape(os.path.basename(home.database)) + r"\.v(\d+)\.backup")
    try:
        found = [(int(match[1]), name) for name in os.listdir(folder) if (match := kept.fullmatch(name))]
    except OSError:
        return []
    return [f"{folder}/{name}" for _, name in sorted(found)]
