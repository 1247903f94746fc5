"""The still demo is the same each time; its programs do what the examples say of them."""

from __future__ import annotations

import importlib.util
import os
import random
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from queuectl_core.execution.locks import count_workers
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import miscounted, summary
from queuectl_tui.demo import examples, still
from tests.store.engines import NOON

ROOT = Path(__file__).parents[3]
PROGRAMS = ROOT / "queuectl_tui" / "demo" / "programs"
TABLES = ("jobs", "runs", "tails", "queues", "counts", "minutes", "histograms", "settings", "pools", "workers")


def _contents(home: Home) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(home.database)) as store:
        return {table: store.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def _logs(home: Home) -> dict[str, bytes]:
    return {str(path.relative_to(home.logs)): path.read_bytes() for path in Path(home.logs).rglob("*.log")}


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    once, again = Home(str(tmp_path / "once")), Home(str(tmp_path / "again"))

    still.fill(once, NOON)
    still.fill(again, NOON)

    assert _contents(once) == _contents(again)
    assert _logs(once) == _logs(again)


def test_there_is_something_of_everything_and_the_workers_are_at_work(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))

    still.fill(home, NOON)

    with SqliteStore(home, clock=lambda: NOON) as store:
        assert store.run(miscounted()) == {}
        found = store.run(summary())
    assert found.jobs[JobState.PROCESSING] == still.WORKERS
    assert all(found.jobs[state] for state in JobState if state is not JobState.FAILED)
    assert count_workers(home) == 0
    with still.attended(home):
        assert count_workers(home) == still.WORKERS
    assert count_workers(home) == 0


@pytest.mark.parametrize("maker", [examples.mail, examples.thumb, examples.report, examples.backup, examples.feed])
def test_a_program_fails_where_its_example_does(maker: Any, tmp_path: Path) -> None:
    seen = set()
    for seed in range(150):
        example = maker(random.Random(seed))
        first = example.endings[0]
        if first.outcome is not Outcome.FAILED or first.exit_code in seen:
            continue
        seen.add(first.exit_code)
        name, *words = str(example.job.command).split()
        environment = {**os.environ, **(example.job.env or {}), "QUEUECTL_ATTEMPT": "1"}
        ran = subprocess.run(
            ["/bin/sh", PROGRAMS / name, *words],
            env=environment, cwd=tmp_path, capture_output=True, timeout=60, check=False,
        )  # fmt: skip

        assert ran.returncode == (first.exit_code if first.exit_code is not None else -(first.signal or 0))
    assert seen


@pytest.mark.slow
def test_a_picture_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    make = _screenshots()
    drawn = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        make.main(tmp_path / name, "dlq")
        drawn.append((tmp_path / name / "dlq.svg").read_bytes())

    assert drawn[0] == drawn[1]
    assert str(tmp_path).encode() not in drawn[0]


def _screenshots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots_make", ROOT / "screenshots" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
