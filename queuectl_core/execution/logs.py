"""The log file of each run: made for its command to write to, read at its end, removed when forgotten.

A run that printed nothing leaves its file to the next run of its worker, which takes it under its own name: file
systems are slow to make a file (on ext4 0.7 ms instead of 0.02 for minutes after thousands were deleted), and many
jobs print nothing. So the log of such a run may be missing.

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
from typing import NamedTuple, Self

from queuectl_core.store.home import Home, make_private
from queuectl_core.store.transactions.changes import Forgotten

_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


def make_log(home: Home, number: int, attempt: int) -> int:
    """Open the log file of a run, empty, for its owner alone. Raises OSError."""
    with LogMaker(home) as maker:
        return maker.make(number, attempt)


class Spare(NamedTuple):
    """An empty log, open, and its name."""

    name: str
    log: int


class LogMaker:
    """Makes the logs of one worker's runs; keeps their folder open from one to the next, until `close`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = ""
        self._folder = -1
        self._spare: Spare | None = None
        self._name = ""

    def make(self, number: int, attempt: int) -> int:
        """Open the log file of a run, empty, for its owner alone. Raises OSError."""
        path, _, name = self._home.log(number, attempt).rpartition("/")
        self._name = name
        if path == self._path:
            try:
                return self._made(name) if self._spare is None else self._renamed(self._spare, name)
            except FileNotFoundError:
                pass  # The folder was removed since.
        self.close()
        try:
            self._folder = _opened(path)
        except FileNotFoundError:
            for folder in (self._home.logs, path):
                make_private(folder)
            self._folder = _opened(path)
        self._path = path
        return self._made(name)

    def _made(self, name: str) -> int:
        try:
            return os.open(name, _MAKE, 0o600, dir_fd=self._folder)
        except FileExistsError:  # of a run that power loss undid, or no log at all
            if stat.S_ISLNK(os.lstat(name, dir_fd=self._folder).st_mode):
                raise _is_link(f"{self._path}/{name}") from None
            os.unlink(name, dir_fd=self._folder)
            return os.open(name, _MAKE, 0o600, dir_fd=self._folder)

    def done(self, log: int, *, alone: bool) -> None:
        """Give back the log that was made last, its run over; `alone` where nobody can write to it any more."""
        if alone and os.fstat(log).st_size == 0:
            self._spare = Spare(self._name, log)
        else:
            os.close(log)

    def _renamed(self, spare: Spare, name: str) -> int:
        """Take the spare under another name, unless somebody reads it; else make a log."""
        self._spare = None
        try:
            fcntl.flock(spare.log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(spare.name, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            fcntl.flock(spare.log, fcntl.LOCK_UN)
        except OSError:  # it is being read, or was removed with its job
            os.close(spare.log)
            return self._made(name)
        return spare.log

    def close(self) -> None:
        """Let folder and spare go; the next log is looked for by its path."""
        if self._spare is not None:
            os.close(self._spare.log)
            self._spare = None
        self._path = ""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
    top, _, inner = folder.rpartition("/")
    try:
        logs = os.open(top, _FOLDER)
        try:
            return os.open(inner, _FOLDER, dir_fd=logs)
        finally:
            os.close(logs)
    except NotADirectoryError:
        if os.path.islink(folder) or os.path.islink(top):
            raise _is_link(folder) from None
        raise


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
    """The size of an open log file and its last `most` bytes."""
    size = os.fstat(log).st_size
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
