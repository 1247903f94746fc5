"""The file of an export: it has its name only once it is whole and on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from queuectl_core.cli import output
from queuectl_core.cli.given_lines import STREAM
from queuectl_core.model.errors import QueueError, Refused

Write = Callable[[bytes], object]


@contextmanager
def written(path: str) -> Iterator[Write]:
    """What writes the export. A file has its name only once it is whole and on the disk, and is its owner's alone."""
    if path == STREAM:
        yield output.raw
        output.flush()
        return
    part = f"{path}.part"
    if os.path.lexists(path):
        raise _taken(path)
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Refused(f"{part} exists", "another export writes it, or was cut short: remove it then") from None
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        with open(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            yield file.write
            file.flush()
            os.fsync(handle)
        _give_name(part, path)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            os.unlink(part)


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


def _taken(path: str) -> Refused:
    return Refused(f"{path} exists, and an export overwrites nothing", "name another file")


def _cannot_write(path: str, error: OSError) -> QueueError:
    return QueueError(f"cannot write {path}: {error.strerror or error}", "nothing was exported")
