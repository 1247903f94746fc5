"""What `doctor` looks at without a store: the home, its files, and the machine it is on. Changes nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import stat
from collections.abc import Iterator

from queuectl_core.cli.findings import NAMED, REPAIR, Finding, counted, ok, problem, size, warning
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
    if home.url is None:
        yield _sqlite()
    if not os.path.isdir(home.path):
        yield _no_directory(home)
        return
    yield _writable(home)
    yield _permissions(home)
    yield from _room(home)
    yield _logs(home)


def _no_directory(home: Home) -> Finding:
    try:
        os.stat(home.path)
    except FileNotFoundError:
        return problem("home", f"{home.path} is not there", "run 'queuectl init', or choose another --home")
    except OSError as error:
        return problem("home", f"{home.path} cannot be reached: {error.strerror}", "choose another --home")
    return problem("home", f"{home.path} is not a directory", "choose another --home")


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
                    return problem("home", f"{path} is on a read-only file system", _REMOUNT)
            return problem("home", f"{path} cannot be written to", f"run 'chmod u+w {path}', or see who owns it")
    try:
        # A file without a name. A disk that failed takes nothing more, though it is mounted to be written to.
        os.close(os.open(home.path, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno == errno.EROFS:
            return problem("home", f"{home.path} is on a read-only file system", _REMOUNT)
        if error.errno == errno.EIO:
            return problem("home", f"{home.path} cannot be written to: {error.strerror}", _REMOUNT)
    return ok("home", f"{home.path} can be written to")


_REMOUNT = "mount it to be written to; where a failing disk made it so, the kernel's log (dmesg) tells"


def own_files(home: Home) -> tuple[str, ...]:
    """What the home consists of, there or not, but for single logs and locks."""
    if home.url is not None:
        return (home.path, home.run, home.logs, f"{home.path}/site")
    database = home.database
    return (home.path, home.run, home.logs, database, f"{database}-wal", f"{database}-shm", *backups(home))


def is_home(home: Home) -> bool:
    """Whether a queue was ever made there: any other directory is not ours to change."""
    return any(os.path.lexists(path) for path in (home.database, f"{home.path}/site"))


def _permissions(home: Home) -> Finding:
    close = f"{REPAIR}, or 'chmod go-rwx {{}}'" if is_home(home) else "choose another --home: no queue was made here"
    for path in own_files(home):
        try:
            found = os.lstat(path)
        except OSError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISLNK(found.st_mode):
            return problem("permissions", f"{path} is a symbolic link", "put in its place what it leads to")
        if found.st_uid != os.geteuid():
            return problem("permissions", f"{path} belongs to uid {found.st_uid}", f"chown it to uid {os.geteuid()}")
        if mode & 0o022:
            return problem("permissions", f"{path} can be written by others", close.format(path))
        if mode & 0o055:
            return warning("permissions", f"{path} can be read by others", close.format(path))
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
    detail = f"{bound}{counted(files, 'file')}, {size(total)}"
    if not large:
        return ok("logs", detail)
    named = ", ".join(f"{path} ({size(length)})" for length, path in sorted(large, reverse=True)[:NAMED])
    return warning(
        "logs",
        f"{detail}; {len(large)} over {size(LARGE_LOG)}: {named}",
        "set max_log_bytes to bound them, or delete their jobs",
    )


def log_files(folder: str) -> Iterator[tuple[str, int]]:
    """The files in a folder and those inside it, with their lengths (bytes); as far as they can be read, and no link is
    followed."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # Retention removes logs at any time.
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    yield from log_files(path)
                elif entry.is_file(follow_symlinks=False):
                    yield path, entry.stat(follow_symlinks=False).st_size
    except OSError:
        return
    finally:
        os.close(handle)


# ---------------------------------------------------------------- a store that cannot be used


def missing_store(home: Home) -> Finding | None:
    """What is to be said of a home without a store in it, or with an empty one; None where there is a store, or where a
    server keeps it."""
    if home.url is not None:
        return None
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
    if home.url is not None:
        return problem("store", error.wrong, advice)
    if isinstance(error, StoreDamaged):
        advice = rescue(home)
    elif "I/O" in error.wrong and alive(home):
        advice = "check the disk; if queue.db-wal was removed, stop every pool, which saves what was in it"
    elif isinstance(error, NotAStore) and (kept := backups(home)):
        advice = f"{error.hint}, or put {kept[-1]}, a backup of your store, in its place"
    return problem("store", error.wrong, advice)


def rescue(home: Home) -> str:
    """What to do about a database that cannot be trusted any more."""
    restore = f"restore a backup ({kept[-1]} is one)" if (kept := backups(home)) else "restore a backup"
    return f"stop every pool, copy {home.path} elsewhere, and {restore}; {_saving(home.database)}"


def _saving(database: str) -> str:
    """How to save what can be read, where there is no backup."""
    if not shell_recovers():
        return (
            "if 'queuectl export FILE' goes through, it has every job; else the .recover of a sqlite3 shell saves what"
            " can be read, but there is none here that has it"
        )
    saved = f"sqlite3 {shlex.quote(database)} .recover | sqlite3 {shlex.quote(f'{database}.saved')}"
    return (
        f"what can be read, '{saved}' saves: put that in the place of queue.db, without -wal and -shm,"
        " and run 'queuectl doctor --repair'"
    )


def shell_recovers() -> bool:
    """Whether there is a sqlite3 shell whose .recover works: some are built without what it reads pages by, and save an
    empty database then, with status 0."""
    import subprocess

    asked = ("sqlite3", "-batch", "-init", os.devnull, ":memory:", "SELECT count(*) FROM sqlite_dbpage")
    try:
        return not subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=10).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def backups(home: Home) -> list[str]:
    """The copies that migrations left beside the database, the latest last."""
    folder = os.path.dirname(home.database)
    kept = re.compile(re.escape(os.path.basename(home.database)) + r"\.v(\d+)\.backup")
    try:
        found = [(int(match[1]), name) for name in os.listdir(folder) if (match := kept.fullmatch(name))]
    except OSError:
        return []
    return [f"{folder}/{name}" for _, name in sorted(found)]
