"""What the tests of `export` and `import` share: a queue with something of everything, and the lines of its file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.model.job import Outcome
from queuectl_core.store.home import Home, prepare_folders
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.queues import pause
from queuectl_core.store.transactions.settings import set_setting
from tests.cli.line import CommandLine
from tests.store.acts import dead, ended, put, started
from tests.store.engines import Engine


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line on another home, which is not made yet."""
    return CommandLine(Home(str(tmp_path / "there")), capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.jsonl"


def fill(store: Engine) -> None:
    """A job in every state but `processing`, with all that a job can have."""
    put(store, ("printf", "é"), id="named", queue="done", env={"SECRET": "ü"}, cwd="/tmp", priority=7, timeout=9.5)
    ended(store, started(store, "done"), Outcome.COMPLETED, tail=b"\xff\0out", output_bytes=5, duration_ms=3)
    put(store, "later", delay=3600.0)
    put(store, "again", queue="again")
    ended(store, started(store, "again"), Outcome.FAILED, exit_code=3, error="exit status 3", tail=b"end")
    dead(store, queue="dead")
    store.run(cancel([put(store, queue="x").id]))
    store.run(set_setting("workers", "7"))
    store.run(pause(["done", "empty"]))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def between(path: Path) -> list[bytes]:
    """The lines of an export without its header and its footer."""
    return path.read_bytes().splitlines()[1:-1]


def write(path: Path, content: list[dict[str, Any]]) -> None:
    """Write an export with a footer that is true of it."""
    *before, last = (json.dumps(line).encode() + b"\n" for line in content)
    footer = json.loads(last)
    footer["footer"]["sha256"] = hashlib.sha256(b"".join(before)).hexdigest()
    path.write_bytes(b"".join(before) + json.dumps(footer).encode() + b"\n")


def exported(queuectl: CommandLine, file: Path) -> Path:
    ran = queuectl("export", str(file))
    assert (ran.status, ran.out) == (0, "")
    return file


@contextmanager
def alive(home: Home, name: str) -> Iterator[None]:
    """A worker of that name, as far as its lock can tell."""
    prepare_folders(home)
    hold = Hold(home, name)
    try:
        yield
    finally:
        hold.close()
