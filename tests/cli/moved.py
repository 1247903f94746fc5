"""What the tests of `export` and `import` share: a queue with something of everything, and the lines of its file."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.model.job import NewJob, Outcome
from queuectl_core.store.home import Home, prepare_folders
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.jobs import count_matching
from queuectl_core.store.transactions.moving_in import Mark, unfinished
from queuectl_core.store.transactions.queues import pause, queues
from queuectl_core.store.transactions.settings import set_setting
from queuectl_core.store.transactions.statistics import miscounted
from tests.cli.line import CommandLine
from tests.execution.waiting import eventually
from tests.store.acts import dead, ended, put, put_many, start, started
from tests.store.engines import Engine

ROOT = Path(__file__).parents[2]


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
    """Write an export with a footer that is true of it, as older programs did: without a checksum of the contents."""
    *before, last = (json.dumps(line).encode() + b"\n" for line in content)
    footer = json.loads(last)
    footer["footer"].pop("contents", None)
    footer["footer"]["sha256"] = hashlib.sha256(b"".join(before)).hexdigest()
    path.write_bytes(b"".join(before) + json.dumps(footer).encode() + b"\n")


def exported(queuectl: CommandLine, file: Path) -> Path:
    ran = queuectl("export", str(file))
    assert (ran.status, ran.out) == (0, "")
    return file


def fill_much(store: Engine) -> None:
    """More jobs than are brought at once, in three queues."""
    put_many(store, *[NewJob("true", queue=f"q{n % 3}") for n in range(2500)], batch=1000)


def kill_and_go_on(line: CommandLine, command: list[str], half: Engine, file: Path) -> None:
    """Kill an import of what `fill_much` made, once half of it is there, and begin it again with the whole file.

    `command` imports from its stdin into the empty store of `line`, which is open as `half`.
    """
    mark = _killed(command, half, file.read_bytes().splitlines(keepends=True)[:1800])

    assert mark.lines - 1 <= half.run(count_matching()) < 1800
    assert start(half) is None
    assert "an import into this store is unfinished" in line("worker", "start", "--drain", "--queue", "none").err
    assert {queue.paused for queue in half.run(queues())} == {True}
    assert half.run(miscounted()) == {}

    assert line("import", str(file)).out == "imported 2,500 jobs with 0 runs\n"

    assert {queue.paused for queue in half.run(queues())} == {False}
    assert half.run(miscounted()) == {}


def _killed(command: list[str], half: Engine, part: list[bytes]) -> Mark:
    """Import these first lines of a file, and kill that once it has brought a thousand; how far it came."""

    def far() -> Mark | None:
        mark = half.run(unfinished())
        return mark if mark is not None and mark.lines > 1000 else None

    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.write(b"".join(part))
        importing.stdin.flush()
        mark = eventually(far, what="a thousand jobs were brought")
        importing.send_signal(signal.SIGKILL)
    assert importing.returncode == -signal.SIGKILL
    return mark


@contextmanager
def alive(home: Home, name: str) -> Iterator[None]:
    """A worker of that name, as far as its lock can tell."""
    prepare_folders(home)
    hold = Hold(home, name)
    try:
        yield
    finally:
        hold.close()
