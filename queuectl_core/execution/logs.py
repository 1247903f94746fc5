"""The log file of each run: made for its command to write to, read at its end, removed when forgotten.

That of a run that printed nothing may be missing (`lent_logs.py`).

Neither the file nor its folder nor `logs/` may be a symbolic link: nothing outside the home is written, read or removed
in the place of a log.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from queuectl_core.store.home import Home, make_private

if TYPE_CHECKING:
    from queuectl_core.store.transactions.changes import Forgotten  # Which workers, that make logs, need not load.

_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


def make_log(home: Home, number: int, attempt: int) -> int:
    """Open the log file of a run, empty, for its owner alone. Raises OSError."""
    path, _, name = home.log(number, attempt).rpartition("/")
    with contextlib.closing(Folders(home)) as folders:
        folder = folders.of(path)
        if _is_link_in(folder, name):
            raise _is_link(f"{path}/{name}")
        return make_in(folder, name)


def make_in(folder: int, name: str) -> int:
    """Make a log in an open folder, in the place of whatever has its name: that of a run which power loss undid, or no
    log at all. Raises OSError."""
    try:
        return os.open(name, _MAKE, 0o600, dir_fd=folder)
    except FileExistsError:
        os.unlink(name, dir_fd=folder)
        return os.open(name, _MAKE, 0o600, dir_fd=folder)


class Folders:
    """`logs/` of a home, and the folder in it that was asked for last; both are kept open until `close`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._top = self._folder = -1
        self._path = ""

    def top(self) -> int:
        """`logs/` itself, made where it is missing. Raises OSError."""
        if self._top < 0:
            make_private(self._home.logs)
            self._top = _opened_in(None, self._home.logs)
        return self._top

    def of(self, path: str) -> int:
        """The folder of a log, made where it is missing. Raises OSError."""
        if path != self._path:
            top = self.top()
            self._let_go_of_folder()
            make_private(path)
            self._folder = _opened_in(top, path)
            self._path = path
        return self._folder

    def _let_go_of_folder(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
        self._folder, self._path = -1, ""

    def close(self) -> None:
        """Let both go; they are looked for anew."""
        self._let_go_of_folder()
        if self._top >= 0:
            os.close(self._top)
        self._top = -1


def open_log(path: str) -> int:
    """Open a log file to be read; it is data, so a regular file and nothing else. Raises OSError; never waits.

    As long as it is open, no worker takes it for another run.
    """
    with _folder_of(path) as (folder, name):
        log = os.open(name, _READ, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(log).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file", path)
            _keep(log, name, folder)
        except BaseException:
            os.close(log)
            raise
    return log


def _keep(log: int, name: str, folder: int) -> None:
    """Have the log of that name stay what it is. Raises FileNotFoundError where a worker has just taken it."""
    try:
        fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None
    except OSError:
        return  # A file system without locks: there the worker has none either, and takes no log.
    if not os.path.samestat(os.fstat(log), os.lstat(name, dir_fd=folder)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


@contextmanager
def _folder_of(path: str) -> Iterator[tuple[int, str]]:
    """The folder of a log, open, and the name of the log in it, reached through no link. Raises OSError."""
    folder, _, name = path.rpartition("/")
    opened = _opened(folder)
    try:
        yield opened, name
    finally:
        os.close(opened)


def _opened(folder: str) -> int:
    """Open a folder of logs, reached through no link. Raises OSError."""
    logs = _opened_in(None, os.path.dirname(folder))
    try:
        return _opened_in(logs, folder)
    finally:
        os.close(logs)


def _opened_in(above: int | None, folder: str) -> int:
    """Open a folder that is no link; where the one above it is open, in that. Raises OSError."""
    try:
        return os.open(folder if above is None else os.path.basename(folder), _FOLDER, dir_fd=above)
    except NotADirectoryError:
        if os.path.islink(folder):
            raise _is_link(folder) from None
        raise


def _is_link_in(folder: int, name: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
    return False


def _is_link(path: str) -> OSError:
    return OSError(errno.ELOOP, "it leads through a symbolic link", path)


def why_unreadable(error: OSError) -> str:
    """Why a log could not be opened, as a person reads it."""
    return "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)


class Output(NamedTuple):
    """How many bytes a run wrote, and the last of them."""

    size: int
    tail: bytes


def read_end(log: int, most: int) -> Output:
    """The size of an open log file and its last `most` bytes. Whoever writes to it appends, wherever it stands."""
    size = os.lseek(log, 0, os.SEEK_END)
    return Output(size, os.pread(log, most, max(0, size - most)) if size else b"")


def remove_logs(home: Home, gone: Iterable[Forgotten]) -> None:
    """Remove the log files of jobs that are gone from the store, and folders left empty."""
    by_folder: dict[str, list[str]] = {}
    for number, runs in gone:
        for attempt in range(1, runs + 1):
            path = home.log(number, attempt)
            by_folder.setdefault(os.path.dirname(path), []).append(path)
    for folder, paths in by_folder.items():
        with contextlib.suppress(OSError), _folder_of(paths[0]) as (opened, _):
            for path in paths:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.basename(path), dir_fd=opened)
            os.rmdir(folder)
