"""Migrations killed at any instant: who opens the store next finds it whole, and its backup too.

QUEUECTL_CRASH_SEED chooses other instants than the usual ones.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from queuectl_core.model.job import NewJob
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.statistics import miscounted
from tests.cli.line import run_program
from tests.crash.upgraded import ADD_COLUMN, FIXTURES, OLD, check_what_is_left, finish, ids_in, sound, unpacked, upgrade

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("QUEUECTL_CRASH_SEED", "1"))
KILLS_AT_A_POINT, KILLS_ANYWHERE = 5, 20
MANY = 25_000
"""Jobs that take a while to be written anew."""

REWRITE = f"{ADD_COLUMN} UPDATE jobs SET note = command || number; CREATE INDEX jobs_note ON jobs (note);"
"""A step that writes every job anew."""

# ---------------------------------------------------------------- killed at a failpoint


@pytest.mark.parametrize("point", [Failpoint.BACKING_UP, Failpoint.MIGRATING, Failpoint.MIGRATED])
def test_a_migration_killed_at_a_failpoint_is_finished_by_the_next_and_has_its_backup(
    tmp_path: Path, point: Failpoint
) -> None:
    home = unpacked(FIXTURES[-1], tmp_path)
    ids = ids_in(home.database)
    steps = [REWRITE, *(f"CREATE TABLE more{n} (x TEXT) STRICT;" for n in range(KILLS_AT_A_POINT))]
    reached = OLD

    for _ in range(KILLS_AT_A_POINT):
        with upgrade(home, steps, point) as process:
            process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        reached += point is Failpoint.MIGRATED
        assert check_what_is_left(home, tmp_path, ids) == reached
        left = {path.name for path in Path(home.path).glob("*.v*")}
        first = f"queue.db.v{OLD}.backup"
        assert (first in left) == (point is not Failpoint.BACKING_UP)
        assert (f"{first}.part" in left) == (point is Failpoint.BACKING_UP)

    finish(home, steps)
    assert check_what_is_left(home, tmp_path, ids) == OLD + len(steps)


def test_the_making_of_a_store_killed_at_a_failpoint_is_begun_anew(tmp_path: Path) -> None:
    for point in (Failpoint.MIGRATING, Failpoint.MIGRATED):
        for kill in range(KILLS_AT_A_POINT):
            # Once it is committed, it is made; else it is begun again over what is left.
            home = Home(str(tmp_path / f"{point.name}-{kill if point is Failpoint.MIGRATED else 0}"))
            with upgrade(home, [], point) as process:
                process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL
            assert sound(shutil.copy(home.database, str(tmp_path))) == 0  # What there is, is in the log alone.
        finish(home, [])
        assert list(Path(home.path).glob("*.backup")) == []


# ---------------------------------------------------------------- killed at any instant


def killed_at_some_instant(home: Home, steps: list[str], seconds: float, rng: random.Random) -> bool:
    """Start an upgrade and kill it within so many seconds; whether that came before it was done."""
    with upgrade(home, steps) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opens\n"
        try:
            process.wait(rng.random() * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return "done" not in process.stdout.read()


def time_of(home: Home, steps: list[str]) -> float:
    """How long (s) an upgrade takes that nobody kills."""
    with upgrade(home, steps) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opens\n"
        began = time.monotonic()
        assert process.stdout.readline() == "done\n"
        return time.monotonic() - began


def test_a_big_migration_killed_at_any_instant_is_finished_by_the_next(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    home, steps = unpacked(FIXTURES[-1], tmp_path), [REWRITE, "CREATE TABLE more (x TEXT) STRICT;"]
    bulk = "".join(f"echo {n}\n" for n in range(MANY))
    added = run_program(home, "enqueue", "--lines", "--from", "-", stdin=bulk).out.split()
    ids = ids_in(home.database)
    assert len(added) == MANY
    assert set(added) < set(ids)
    original = tmp_path / "original"
    shutil.copytree(home.path, original)
    seconds, landed, versions = time_of(home, steps), 0, Counter[int]()

    while landed < KILLS_ANYWHERE:
        if landed % 4 == 0:  # else over the remains of the kill before
            shutil.rmtree(home.path)
            shutil.copytree(original, home.path)
        if killed_at_some_instant(home, steps, seconds, rng):
            landed += 1
            versions[check_what_is_left(home, tmp_path, ids)] += 1
        else:
            shutil.rmtree(home.path)
            shutil.copytree(original, home.path)

    print(f"seed {SEED}: versions after a kill: {dict(versions)}")  # noqa: T201
    assert versions[OLD] > 0
    finish(home, steps)
    assert check_what_is_left(home, tmp_path, ids) == OLD + len(steps)


def test_the_making_of_a_store_killed_at_any_instant_is_begun_anew(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    seconds = time_of(Home(str(tmp_path / "first")), [])
    landed = tried = 0

    while landed < KILLS_ANYWHERE:
        tried += 1
        home = Home(str(tmp_path / f"home-{tried}"))
        if not killed_at_some_instant(home, [], seconds, rng):
            continue
        landed += 1
        with SqliteStore(home) as store:
            job = store.run(enqueue(NewJob("true")))
            assert store.run(page()) == [job]
            assert store.run(miscounted()) == {}
        assert sound(home.database) == OLD
        assert list(Path(home.path).glob("*.backup*")) == []
