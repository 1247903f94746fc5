"""The file of an export: it has its name only once it is whole and on the disk.

Until then it is written beside, as `FILE.part`, under a lock that the kernel lets go with the process. So whoever finds
the lock free knows that the export was cut short, and begins anew. To go on with what is there would be wrong: jobs may
have changed since, and to know that they have not is to read them all, which is all that an export does.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from queuectl_core.cli import output
from queuectl_core.cli.given_lines import STREAM
from queuectl_core.cli.moved_tally import BEGINNING
from queuectl_core.model.errors import QueueError, Refused

Write = Callable[[bytes], object]


@contextmanager
def written(path: str) -> Iterator[Write]:
    """What writes the export to the file at `path`, which is its owner's alone, or to stdout.

    Raises Refused where that name is taken, or another export is about to take it, QueueError where it cannot be
    written; nothing lies there then, and nothing beside it.
    """
    if path == STREAM:
        yield output.raw
        output.flush()
        return
    part = f"{path}.part"
    if os.path.lexists(path):
        raise _taken(path)
    try:
        _remove_leftover(part)
        with open(_made(part), "wb") as file:
            try:
                yield file.write
                file.flush()
                os.fsync(file.fileno())
                _give_name(part, path)
            finally:
                with suppress(OSError):
                    os.unlink(part)  # while the lock is held: once it is free, another export may have made its own
    except OSError as error:
        raise _cannot_write(path, error) from None


def _made(part: str) -> int:
    """The file beside, new and locked."""
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise _in_use(part) from None
    os.fchmod(handle, 0o600)
    if _is_held(handle, part) is False:
        os.close(handle)
        raise _in_use(part)
    return handle


def _remove_leftover(part: str) -> None:
    """Remove what an export left that was cut short. Raises Refused where what lies there is anything else."""
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError:
        raise _in_use(part) from None
    try:
        if not (stat.S_ISREG(os.fstat(handle).st_mode) and _is_held(handle, part) and _is_half_an_export(handle)):
            raise _in_use(part)
        # Not written over: the same file may have another name, where the export ended at that very moment.
        os.unlink(part)
    finally:
        os.close(handle)
    output.note(f"removed {part}, which an export that was cut short had left")


def _is_held(handle: int, part: str) -> bool | None:
    """Lock the file; whether it is ours now, and the one of that name. None where the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(part))
    except FileNotFoundError:
        return False


def _is_half_an_export(handle: int) -> bool:
    """Whether it begins as one, or was not begun."""
    return os.read(handle, len(BEGINNING)) in (BEGINNING, b"")


def _give_name(part: str, path: str) -> None:
    """Let the whole file have its name, unless somebody took that meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise _taken(path) from None
        os.rename(part, path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _in_use(part: str) -> Refused:
    return Refused(
        f"{part} exists", "another export writes it, or something else lies there: name another file, or remove it"
    )


def _taken(path: str) -> Refused:
    return Refused(f"{path} exists, and an export overwrites nothing", "name another file")


def _cannot_write(path: str, error: OSError) -> QueueError:
    return QueueError(f"cannot write {path}: {error.strerror or error}", "nothing was exported")
