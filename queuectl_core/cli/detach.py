"""A pool in the background: a child in a session of its own, whose start the parent waits for.

The child is forked before the store is opened, since no connection may cross a fork. What the pool
itself does is `queuectl_core.execution.pool`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from queuectl_core.execution.pool_log import APPEND, log_path
from queuectl_core.model import errors
from queuectl_core.model.cleaning import clean, without_passwords
from queuectl_core.model.errors import QueueError, Refused
from queuectl_core.store.home import Home, prepare_folders, prepare_home, refuse_link

Ready = Callable[[str], None]
Run = Callable[[Ready], int]

PATIENCE = 30.0
"""Seconds that a pool has to get its workers: it goes on to try after that, but nobody waits for it."""


def start_detached(home: Home, run: Run) -> str:
    """Run `run` in a child that outlives us; returns the id it gives to its `Ready`, once it does.

    Raises the QueueError that `run` raises before that, or Refused where the child ends without a word, or says nothing
    for long.
    """
    prepare_home(home)
    prepare_folders(home)
    refuse_link(log_path(home))
    log = os.open(log_path(home), APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_the_child(home, log, writer, run)
    os.close(log)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        if not select.select([reader], [], [], PATIENCE)[0]:
            hint = f"see {log_path(home)}; 'kill {child}' ends it"
            raise Refused(f"the pool goes on to try, but has no workers after {PATIENCE:g} s", hint)
        # One line, not to the end: workers that were forked before it came may hold the other end.
        line = answer.readline()
    return _understood(line, home)


def _understood(line: str, home: Home) -> str:
    if not line:
        raise Refused("the pool ended before it had its workers", f"see {log_path(home)}")
    answer = json.loads(line)
    if "pool" in answer:
        return str(answer["pool"])
    kind = getattr(errors, answer["kind"], QueueError)
    raise kind(answer["wrong"], answer["hint"])


def _be_the_child(home: Home, log: int, writer: int, run: Run) -> NoReturn:
    """Never returns: what the caller's frames would still do is the parent's business."""
    status = 1
    try:
        os.setsid()
        os.chdir(home.path)  # So that no other file system is kept from being unmounted.
        _leave_the_terminal(log, writer)
        status = _run_and_tell(writer, run)
    except BaseException:  # noqa: BLE001  # nobody above would show it; the log must
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _leave_the_terminal(log: int, writer: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # Also what the shell or a script left open: its reader would wait for us, too.
    os.closerange(3, writer)
    os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))


def _run_and_tell(writer: int, run: Run) -> int:
    open_ends = [writer]

    def tell(answer: dict[str, str]) -> None:
        with contextlib.suppress(OSError):  # The parent may have been interrupted meanwhile.
            os.write(writer, json.dumps(answer).encode() + b"\n")
        os.close(open_ends.pop())

    def ready(pool: str) -> None:
        if open_ends:
            tell({"pool": pool})

    try:
        return run(ready)
    except QueueError as error:
        sys.stderr.write(f"queuectl: {clean(without_passwords(str(error)))}\n")
        if open_ends:
            tell({"kind": type(error).__name__, "wrong": error.wrong, "hint": error.hint})
        return 1
