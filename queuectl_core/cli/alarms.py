"""The alarms that `status` and `doctor` raise: a reader that stays keeps the write-ahead log from being copied, a
writer that is stopped keeps all others from writing, and an import that is unfinished keeps workers from starting."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from queuectl_core.cli.findings import listed, size
from queuectl_core.model.cleaning import clean
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import holders, wal


class Alarm(NamedTuple):
    """What is wrong, and what to do."""

    detail: str
    advice: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.advice}"


def alarms(store: Store) -> list[Alarm]:
    """Every alarm that there is reason for. Raises a StoreError."""
    found = [import_alarm(store)]
    if store.home.url is None:
        found += [write_alarm(store.home), log_alarm(store.home)]
    return [alarm for alarm in found if alarm]


def import_alarm(store: Store) -> Alarm | None:
    """The alarm of an import that has not come to its end. Raises a StoreError."""
    from queuectl_core.store.transactions.settings import settings

    if not store.run(settings()).amid_import:
        return None
    advice = "import the same file again, or give it up with 'queuectl import --discard'"
    return Alarm("an import into this store is unfinished, and no worker starts", advice)


def write_alarm(home: Home) -> Alarm | None:
    """The alarm of a writer that is stopped, where the kernel tells of one."""
    writer = holders.writer(home)
    if writer is None or not writer.stopped:
        return None
    who = f"pid {writer.pid} ({_name(writer.pid)})"
    return Alarm(
        f"nobody can write to {home.database} while {who} is stopped in the midst of a change",
        f"let it go on with 'kill -CONT {writer.pid}', or end it, which undoes that change",
    )


def log_alarm(home: Home) -> Alarm | None:
    """The alarm, where there is reason for one; it names who reads, where the kernel tells."""
    held = wal.held_up(home)
    if held is None:
        return None
    readers = listed(f"pid {pid} ({_name(pid)})" for pid in held.readers) or "a reader"
    detail = f"the log of {home.database} ({size(held.length)}) cannot be copied while {readers} reads from it"
    return Alarm(detail, "end that read, or its process; the next writer then copies the log")


def _name(pid: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return clean(file.read().strip())
    return "gone"
