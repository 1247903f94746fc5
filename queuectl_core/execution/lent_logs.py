"""The logs of one worker's runs, most of which print nothing and are short.

File systems are slow to make a file (on ext4 0.7 ms instead of 0.02 for minutes after thousands were deleted). So each
run of a worker begins with the same blank file, a hidden one of `logs/`, which gets the name of the run when that has
lasted for a moment, or has ended and left something in it. One that was named and stayed empty becomes the blank again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import NamedTuple, Self

from queuectl_core.execution.logs import Folders, make_in
from queuectl_core.execution.process import is_system_trouble
from queuectl_core.store.home import Home


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
        self._lasts = False
        """Whether the latest run took more than its first moments; so will the next."""
        self._nameless = False
        """Whether the log still is the blank."""
        self._holds_output = False
        """Whether it is, and holds what a run wrote that is over: its name could not be given."""

    def make(self, number: int, attempt: int) -> int:
        """Open the log file of a run, empty, for its owner alone. Raises OSError."""
        try:
            return self._begin(number, attempt)
        except OSError:
            self._folders.close()  # Their file system may have failed; by the next try it is perhaps mounted anew.
            raise

    def _begin(self, number: int, attempt: int) -> int:
        if self._holds_output:
            self._end_with_name()
        self._folder, _, self._name = self._home.log(number, attempt).rpartition("/")
        folder = self._folders.of(self._folder)  # Made now: that there is no room for it must show before the run.
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(self._name, dir_fd=folder)  # Of a run that power loss undid, or a database that was put back.
        if self._log >= 0 and os.fstat(self._log).st_nlink == 0:
            self._let_go()  # Somebody removed it.
        if self._log < 0 and self._spare is not None:
            self._take_back(self._spare)
        if self._log < 0:
            self._log, self._nameless = self._new_blank(), True
        self._lasts = False
        return self._log

    def keep(self) -> None:
        """Give the log the name of its run, which goes on: somebody may want to read it."""
        self._lasts = True
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
            return make_in(self._folders.top(), self._blank)
        except FileNotFoundError:  # `logs/` was removed since.
            self._folders.close()
            return make_in(self._folders.top(), self._blank)

    def _take_back(self, spare: Spare) -> None:
        """Make the spare the log of the run that begins, or the blank where that may be short; unless it is read."""
        self._spare = None
        try:
            if spare.folder != self._folder:
                raise FileNotFoundError
            folder, top = self._folders.of(spare.folder), self._folders.top()
            fcntl.flock(spare.log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(spare.log), os.lstat(spare.name, dir_fd=folder)):
                raise FileNotFoundError
            name, to = (self._name, folder) if self._lasts else (self._blank, top)
            os.rename(spare.name, name, src_dir_fd=folder, dst_dir_fd=to)
            fcntl.flock(spare.log, fcntl.LOCK_UN)
        except OSError:  # It is being read, or was removed with its job.
            os.close(spare.log)
        else:
            self._log, self._nameless = spare.log, not self._lasts

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
