"""Other processes, as /proc shows them: who they are, whose children, and signals that cannot miss.

A pid alone is never trusted: it is looked at together with the instant its process started, and signals
go through a pidfd. Where there is no /proc (macOS) nothing is found, and process groups must do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
TOKEN_NAME = "QUEUECTL_RUN_TOKEN"
"""The environment variable that carries a run's token to every process of its tree."""


class Process(NamedTuple):
    """A process: `start` is in clock ticks since the boot; a zombie has ended and waits for its parent."""

    pid: int
    parent: int
    session: int
    start: int
    zombie: bool


@cache
def boot_id() -> str:
    """What tells this boot of the machine from every other; empty where the kernel does not say."""
    return _first_line("/proc/sys/kernel/random/boot_id")


@cache
def pid_namespace() -> str:
    """The namespace in which our pids count; empty where the kernel does not say."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _first_line(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
        return file.readline().strip()
    return ""


def boot_clock_ns() -> int:
    """Nanoseconds since the boot, on the clock that dates the start of processes."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def to_next_beat(period: float) -> float:
    """Seconds until the next whole number of periods (s) since boot.

    Who looks for something each second does it then, together with all others: the machine wakes once, and the first
    brings into the caches what the others run, which spares them a quarter of their time.
    """
    return period - boot_clock_ns() / 1e9 % period


def ticks(ns: int) -> int:
    """Clock ticks from nanoseconds of `boot_clock_ns`."""
    return ns * TICKS_A_SECOND // 1_000_000_000


def look_at(pid: int) -> Process | None:
    """The process of that pid; None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read()
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses; fields 3 and on follow the last one.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0] in b"ZX")


def all_processes() -> list[Process]:
    """Every process that we can see; empty where there is no /proc."""
    return [process for process in map(look_at, all_pids()) if process is not None]


def all_pids() -> list[int]:
    """The pid of every process that we can see; none where there is no /proc."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def token_of(pid: int) -> str | None:
    """The run token in a process's environment; None where there is none or we may not look."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            environment = file.read()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == TOKEN_NAME.encode():
            return value.decode("ascii", "replace")
    return None


def descendants(roots: Iterable[int], processes: Iterable[Process]) -> set[int]:
    """The pids of all processes below `roots`, themselves not included."""
    children: dict[int, list[int]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    below = list(roots)
    while below:
        for child in children.get(below.pop(), []):
            if child not in found:
                found.add(child)
                below.append(child)
    return found


def send(process: Process, number: signal.Signals) -> None:
    """Signal this very process; does nothing where it has gone, whoever has its pid now."""
    try:
        handle = os.pidfd_open(process.pid)
    except (OSError, AttributeError):
        return
    try:
        now = look_at(process.pid)
        if now is not None and now.start == process.start:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def become_subreaper() -> None:
    """Have orphans below this process come to it instead of to init (Linux; elsewhere nothing happens)."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


PR_SET_CHILD_SUBREAPER = 36
ADOPTS_ORPHANS = sys.platform == "linux"
"""Whether who loses its parent comes to us, once that was asked for, so that none below us is unknown."""


def children_of_self() -> list[int]:
    """The pids of this process's children, adopted ones included; empty where the kernel does not say."""
    line = _first_line(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in line.split()]


def reap_strays(ours: Iterable[int]) -> None:
    """Collect adopted children that have ended; never one of `ours`, which others wait for."""
    for pid in set(children_of_self()).difference(ours):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def reap_all() -> bool:
    """Collect every child that has ended, for a process that waits for none of its own just then.

    Returns whether none is left.
    """
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def has_open(pid: int, name: str) -> bool:
    """Whether a process has a file of that name open, wherever it lies, or lay before it was removed."""
    with contextlib.suppress(OSError):
        for handle in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.path.basename(os.readlink(f"/proc/{pid}/fd/{handle}")) in (name, f"{name} (deleted)"):
                    return True
    return False


def is_stopped(pid: int) -> bool:
    """Whether the process of that pid is stopped (SIGSTOP, SIGTSTP) or being traced."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
        text = file.read()
        return text[text.rindex(b")") + 2 :][:1] in b"Tt"
    return False


def close_on_exec() -> None:
    """Keep every descriptor that we inherited, the standard ones apart, from the commands we start."""
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                with contextlib.suppress(OSError):
                    os.set_inheritable(int(name), False)
