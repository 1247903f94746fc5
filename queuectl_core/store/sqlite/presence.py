"""Whether the files of an open store are still where they were opened, with something in them.

Whoever has a file open works on with it when it is moved, removed or replaced, while all who come later see another:
two stores in one place, of which the first is lost with its last user. SQLite does not notice; see
https://sqlite.org/howtocorrupt.html, section 4.
"""

from __future__ import annotations

import contextlib
import os

from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home


class StoreReplaced(StoreError):
    """Another file lies where the store was opened: whoever comes now sees that one."""


class Presence:
    """The files of a store that this process has just opened and used, and keeps open.

    `pool_pid` is for the advice: no command finds a pool without its store.
    """

    def __init__(self, home: Home, pool_pid: int) -> None:
        self._pool_pid = pool_pid
        # The log, too, stays the same file: only the last who closes the store removes it.
        paths = (home.database, f"{home.database}-wal")
        self._database = home.database
        self._files = {path: found for path in paths if (found := _look(path))}

    def lost(self) -> bool:
        """Whether the database is no longer where it was opened, so that nobody sees what is done with it."""
        found = _look(self._database)
        return found is None or not os.path.samestat(found, self._files[self._database])

    def check(self) -> None:
        """Raise StoreError where one of them is gone, or is another file by now, or the database was emptied."""
        for path, before in self._files.items():
            found = _look(path)
            if found is None:
                raise StoreError(f"{path} is gone, and still in use here", self._advice(path))
            if not os.path.samestat(found, before):
                raise StoreReplaced(f"{path} was replaced, and the one before is still in use here", self._advice(path))
            # The log is empty now and then.
            if not found.st_size and path == self._database:
                raise StoreError(f"{path} was emptied, and is still in use here", self._advice(path))

    def _advice(self, path: str) -> str:
        if path.endswith("-wal"):
            return f"stop every pool (kill {self._pool_pid}), which saves what is in it, and start them again"
        return f"put back what was there, or stop the pool (kill {self._pool_pid})"


def _look(path: str) -> os.stat_result | None:
    with contextlib.suppress(OSError):
        return os.stat(path)
    return None
