"""The home: one directory that holds the store, the logs and the locks of a queue.

Data and locks lie together, so that no two views of one queue can exist. This module says where things
are and whether the directory may be trusted; it opens no database.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import NamedTuple

from queuectl_core.model.cleaning import shown, without_passwords
from queuectl_core.model.errors import InvalidInput, StoreError, StoreFull, StoreReadOnly, UnsafeHome

NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gfs", "gfs2", "ocfs2", "beegfs")
)
LONGEST_PATH = 480
"""SQLite takes paths of up to 512 bytes, the suffix of its journal included (MAX_PATHNAME in os_unix.c).

The backup of a migration lies beside the database and has a longer name.
"""

JOBS_A_FOLDER = 1000

SCHEMES = ("postgresql://", "postgres://")
"""How the URL of a server begins that can keep the jobs of several hosts."""


class Home(NamedTuple):
    """The paths inside a home directory; `path` is absolute and free of symbolic links.

    `url` names the server that keeps the jobs of this home, where one does; otherwise they are in its `database`.
    It may hold a password, so it is never shown: `store_name` is.
    """

    path: str
    url: str | None = None

    @property
    def store_name(self) -> str:
        """Where the jobs are kept, in words for people: a path, or a URL without its password."""
        return self.database if self.url is None else without_passwords(self.url)

    @property
    def database(self) -> str:
        """The SQLite file."""
        return f"{self.path}/queue.db"

    @property
    def logs(self) -> str:
        """Where the output of runs goes."""
        return f"{self.path}/logs"

    @property
    def run(self) -> str:
        """Locks and doorbells of what is alive."""
        return f"{self.path}/run"

    def log(self, number: int, attempt: int) -> str:
        """The log file of one run; named by numbers alone, never by an id."""
        return f"{self.path}/logs/{number // JOBS_A_FOLDER}/{number}.{attempt}.log"

    def blank_log(self, worker: str) -> str:
        """The file that each run of a worker begins to write to, before it is given the name of the run's log."""
        return f"{self.path}/logs/.{worker}.log"

    def lock(self, name: str) -> str:
        """A lock file in `run/`."""
        return f"{self.path}/run/{name}.lock"


def find_home(path: str | None = None, url: str | None = None) -> Home:
    """The home that is meant: `path`, else QUEUECTL_HOME, else the platform's directory for user data.

    `url`, else QUEUECTL_STORE, names the server that keeps its jobs, where one does. Raises InvalidInput for a URL that
    is none of PostgreSQL's, for a path that is a URL, which would become a directory with a password in its name, and
    for a relative one where the current directory is gone.
    """
    server = url or os.environ.get("QUEUECTL_STORE") or None
    if server is not None and not server.startswith(SCHEMES):
        raise InvalidInput("--store takes a postgresql:// URL alone", "name a directory with --home")
    chosen = path or os.environ.get("QUEUECTL_HOME") or default_home()
    if chosen.partition("://")[0].lower() in ("postgresql", "postgres"):
        raise InvalidInput("the home is a directory, and a URL was given", "name a store with --store")
    try:
        return Home(os.path.realpath(chosen), server)
    except FileNotFoundError:
        raise InvalidInput(
            f"the home {shown(chosen)} is in the current directory, which is gone",
            "change to another, or name the home by its whole path",
        ) from None


def default_home() -> str:
    """The user's data directory for this program, by the rules of `platformdirs.user_data_dir`."""
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/queuectl")
    data = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(data):  # to be ignored, says the XDG Base Directory Specification
        data = os.path.expanduser("~/.local/share")
    return os.path.join(data, "queuectl")


def prepare_home(home: Home) -> None:
    """Make the directory where it is missing, private to its owner.

    Raises UnsafeHome where the home is not ours alone to write, or cannot hold a store.
    """
    if len(os.fsencode(home.database)) > LONGEST_PATH:
        raise UnsafeHome(f"the path of the home is longer than SQLite takes: {home.path}", "choose a shorter --home")
    try:
        make_private(home.path, parents=True)
        _refuse_unsafe(home.path)
        refuse_network(home.path)
    except OSError as error:
        raise cannot_use(home.path, error) from error


def prepare_folders(home: Home) -> None:
    """Make the directories inside a home; only in one whose store is known to be ours. Raises as `prepare_home`."""
    try:
        for folder in (home.run, home.logs):
            make_private(folder)
            _refuse_unsafe(folder)
    except OSError as error:
        raise cannot_use(home.path, error) from error


def cannot_use(path: str, error: OSError) -> StoreError:
    """The error for a path that the system will not let us use."""
    what = f"cannot use {error.filename or path}: {error.strerror or error}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return StoreFull(what, "free some space and try again")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return StoreReadOnly(what, "choose another --home, or mend its permissions")
        case errno.EMFILE | errno.ENFILE:
            return StoreError(what, "allow more open files (ulimit -n)")
        case errno.EEXIST | errno.ENOTDIR:
            path = error.filename or path
            which = f"{path} is" if os.path.lexists(path) else f"what leads to {path} is"
            return UnsafeHome(f"{which} not a directory", "choose another --home, or set QUEUECTL_HOME")
        case _:
            return StoreError(what, "choose another --home, or set QUEUECTL_HOME")


def make_private(path: str, *, parents: bool = False) -> None:
    """Make a directory of mode 0700 whatever the umask, with `parents` those above it, too. Raises OSError.

    Without, a home that was moved away is not made anew by those who still work in it.
    """
    if os.path.isdir(path):
        return
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    except FileNotFoundError:
        above = os.path.dirname(path)
        if not parents or above == path or os.path.isdir(above):
            raise
        make_private(above, parents=True)
        make_private(path)
    else:
        os.chmod(path, 0o700)


def refuse_link(path: str) -> None:
    """Raise UnsafeHome where the file at `path` is a symbolic link, or no file: SQLite would follow, or wait."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # it is missing, or cannot be reached, which is told elsewhere
    if stat.S_ISLNK(mode):
        raise UnsafeHome(f"{path} is a symbolic link", "put the file itself there, or choose another --home")
    if not stat.S_ISREG(mode):
        raise UnsafeHome(f"{path} is no regular file", "remove it, or choose another --home")


def _refuse_unsafe(path: str) -> None:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise UnsafeHome(f"{path} is a symbolic link", "remove it")
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeHome(f"{path} is not a directory", "choose another --home")
    if found.st_uid != os.geteuid():
        raise UnsafeHome(f"{path} belongs to another user (uid {found.st_uid})", "choose another --home")
    if found.st_mode & 0o022:
        raise UnsafeHome(f"{path} can be written by others", f"run 'chmod go-w {path}' or choose another --home")


def refuse_network(path: str) -> None:
    """Raise UnsafeHome where `path` is on a file system that several machines share."""
    kind = file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise UnsafeHome(
            f"{path} is on a network file system ({kind}), where SQLite cannot share a log",
            "choose a --home on a local disk, or use --store postgresql://…",
        )


def file_system(path: str) -> str:
    """The type of the file system that holds `path`, as the kernel names it; empty where it does not say."""
    try:
        device = os.stat(path).st_dev
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            lines = mounts.readlines()
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return ""
