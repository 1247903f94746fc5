"""The site: one home on one boot of one machine, within which the kernel can be asked who is alive.

Hosts that share a queue on a server tell each other apart by it: of those at another site only what they say of
themselves is known.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket

from queuectl_core.store.home import Home, cannot_use

_ID = re.compile(r"[0-9a-f]{32}")

NOWHERE = "nowhere"
"""The site of a home that is not made yet, as that of somebody who only looks: nobody works there."""


def site_of(home: Home) -> str:
    """The site of a home; empty where its jobs are in its own files, and so all who work on them are of one site.

    Besides the random id that the home keeps it depends on the boot, and on the very directory: a home that was copied,
    or is part of an image that many machines start from, is another. Raises a StoreError.
    """
    if home.url is None:
        return ""
    if not os.path.isdir(home.path):
        return NOWHERE
    try:
        found = os.stat(home.path)
        return f"{_id_of(home)}.{_boot()}.{found.st_dev:x}.{found.st_ino:x}"
    except OSError as error:
        raise cannot_use(home.path, error) from error


def place_of(home: Home) -> str:
    """Where the logs of a home's runs are, as it stands with them: the name of the host, and the directory."""
    return f"{socket.gethostname()}:{home.path}"


def _id_of(home: Home) -> str:
    """The random id of a home, made where there is none. Raises OSError."""
    path = f"{home.path}/site"
    for _ in range(2):
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        draft = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(handle, os.urandom(16).hex().encode())
        finally:
            os.close(handle)
        try:
            # It appears whole, and the first to come decides.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            os.unlink(draft)
    return _read(path)


def _read(path: str) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        text = os.read(handle, 64).decode("ascii", "replace").strip()
    finally:
        os.close(handle)
    if not _ID.fullmatch(text):
        raise OSError(0, "it holds no id of a site: remove it while no worker runs", path)
    return text


def _boot() -> str:
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
    return ""
