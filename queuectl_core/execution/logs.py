"""The log file of each run: made for its command to write to, read at its end, removed when forgotten.

File systems are slow to make a file (on ext4 0.7 ms instead of 0.02 for minutes after thousands were deleted), and many
jobs print nothing. So each run of a worker begins with the same blank file, a hidden one of `logs/`, which gets the
name of the run when that has lasted for a moment, or has ended and left something in it. One that was named and stayed
empty becomes the blank again. So the log of a run that printed nothing may be missing.

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
from typing import TYPE_CHECKING, NamedTuple, Self

from queuectl_core.execution.process import is_system_trouble
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
        return _made(folder, name)


def _made(folder: int, name: str) -> int:
    """Make a log, in the place of whatever has its name: the log of a run that power loss undid, or no log at all."""
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


class Spare(NamedTuple):
    """A log, open, that was named and stayed empty: its folder and its name."""

    folder: str
    name: str
    log: int


class LogMaker:
    """Makes the logs of one worker's runs, one at a time: `make`, `keep` where it lasts, and `done`."""

    def __init__(self, home: Home, worker: str) -> None:
        self._home = home
        self._folders = Folders(home)
        self._blank = os.path.basename(home.blank_log(worker))
        self._log = -1
        """The blank, or what it has become: the log of the run that goes on."""
        self._spare: Spare | None = None
        self._folder, self._name = "", ""
        self._nameless = False
        """Whether the log still is the blank."""
        self._holds_output = False
        """Whether it is, and holds what a run wrote that is over: its name could not be given."""

    def make(self, number: int, attempt: int) -> int:
        """Open the log of a run, empty, for its owner alone. Raises OSError."""
        if self._holds_output:
            self._end_with_name()
        self._folder, _, self._name = self._home.log(number, attempt).rpartition("/")
        self._folders.of(self._folder)  # Made now: that there is no room for it must show before the run.
        if self._log >= 0 and os.fstat(self._log).st_nlink == 0:
            self._let_go()  # Somebody removed it.
        if self._log < 0:
            self._log = self._new_blank() if self._spare is None else self._taken_back(self._spare)
        self._nameless = True
        return self._log

    def keep(self) -> None:
        """Give the log the name of its run, which goes on: somebody may want to read it."""
        with contextlib.suppress(OSError):  # Tried again at its end.
            self._give_name()

    def done(self, *, is_blank: bool) -> None:
        """Give back the log that was made last, its run over; `is_blank` where nothing was written to it, and nobody is
        left who could."""
        if not is_blank:
            with contextlib.suppress(OSError):  # Tried again before the next is made.
                self._end_with_name()
        elif not self._nameless:
            self._spare, self._log = Spare(self._folder, self._name, self._log), -1

    def _give_name(self) -> None:
        if not self._nameless:
            return
        for tries_left in (1, 0):
            try:
                folder = self._folders.of(self._folder)
                os.rename(self._blank, self._name, src_dir_fd=self._folders.top(), dst_dir_fd=folder)
                break
            except FileNotFoundError:  # Its folder was removed, mostly since it was empty.
                self._folders.close()
                if not tries_left:
                    raise
        self._nameless = False

    def _end_with_name(self) -> None:
        """Let the log go under the name of its run. Raises OSError where the machine lacks something for it."""
        try:
            self._give_name()
        except OSError as error:
            self._holds_output = is_system_trouble(error)
            if self._holds_output:
                raise
            # Its place is taken by what is no log, or it was removed itself.
            with contextlib.suppress(OSError):
                os.unlink(self._blank, dir_fd=self._folders.top())
        self._let_go()

    def _new_blank(self) -> int:
        try:
            return _made(self._folders.top(), self._blank)
        except FileNotFoundError:  # `logs/` was removed since.
            self._folders.close()
            return _made(self._folders.top(), self._blank)

    def _taken_back(self, spare: Spare) -> int:
        """Make the spare the blank again, unless somebody reads it; then a new one is made."""
        self._spare = None
        try:
            if spare.folder != self._folder:
                raise FileNotFoundError
            folder, top = self._folders.of(spare.folder), self._folders.top()
            fcntl.flock(spare.log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(spare.log), os.lstat(spare.name, dir_fd=folder)):
                raise FileNotFoundError
            os.rename(spare.name, self._blank, src_dir_fd=folder, dst_dir_fd=top)
            fcntl.flock(spare.log, fcntl.LOCK_UN)
        except OSError:  # It is being read, or was removed with its job.
            os.close(spare.log)
            return self._new_blank()
        return spare.log

    def _let_go(self) -> None:
        os.close(self._log)
        self._log, self._nameless, self._holds_output = -1, False, False

    def close(self) -> None:
        """Let all go that is kept from one run to the next; where a log could not be named yet, it stays the blank."""
        if self._spare is not None:
            os.close(self._spare.log)
            self._spare = None
        if self._holds_output:
            with contextlib.suppress(OSError):
                self._end_with_name()
        if self._log >= 0 and not self._holds_output:
            with contextlib.suppress(OSError):
                os.unlink(self._blank, dir_fd=self._folders.top())
            self._let_go()
        self._folders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def keep_blank(home: Home, worker: str, number: int, attempt: int) -> None:
    """Give the blank log of a dead worker the name of the run that it was for, where that has written to it. A log that
    the run has already stays."""
    path = home.blank_log(worker)
    if not os.path.lexists(path) or os.lstat(path).st_size == 0:
        return
    folder, _, name = home.log(number, attempt).rpartition("/")
    with contextlib.closing(Folders(home)) as folders, contextlib.suppress(FileNotFoundError):
        if not os.path.lexists(f"{folder}/{name}"):
            os.rename(os.path.basename(path), name, src_dir_fd=folders.top(), dst_dir_fd=folders.of(folder))


def remove_blank(home: Home, worker: str) -> None:
    """Remove the blank log of a worker that is no more, if it left one."""
    with contextlib.suppress(OSError), contextlib.closing(Folders(home)) as folders:
        os.unlink(os.path.basename(home.blank_log(worker)), dir_fd=folders.top())


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
