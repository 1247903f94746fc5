"""The process behind a living demo: `python -m queuectl_tui.demo.stage`, its input a pipe that its starter holds.

It writes two lines: the folder that is all its own, and `ready` once there is something to look at. Then it enqueues
jobs until the pipe closes, ends its pool, removes the folder and leaves.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from queuectl_core.model.errors import QueueError
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_tui.demo.ending import end_pools
from queuectl_tui.demo.examples import PROGRAMS, any_example, put_off
from queuectl_tui.demo.living import PROGRAMS_FOLDER, programs_found
from queuectl_tui.demo.past import DAY_MS, Hands, Past, arrivals, worker_names
from queuectl_tui.demo.scene import SCENE_MS, set_scene

WORKERS = 3
POOL_BEFORE = "0ddba1"
"""The pool that did what was done before."""

LEAVING_SECONDS = 1.0
"""How long the pool may take to leave once its workers have."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_BETWEEN_SECONDS = (0.5, 3.0)
_DELAYS = (20.0, 400.0)
_PUT_OFF_SHARE = 0.06
_BURST_SHARE, _BURST = 0.03, 12


def main() -> int:
    """Be the stage until the input closes or a signal comes."""
    for number in _SIGNALS:
        signal.signal(number, _leave)
    with _folder() as folder:
        _tell(folder)
        home, chance = Home(os.path.join(folder, "home")), random.Random()
        work = os.path.join(folder, "work")
        os.mkdir(work, 0o700)
        os.chdir(work)  # where the jobs run
        _fill(home, chance)
        with programs_found(_programs(folder)), _pool(home):
            _tell("ready")
            _feed(home, chance)
    return 0


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _folder() -> Iterator[str]:
    """A new folder that nobody else may enter, gone afterwards."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="queuectl-demo-"))
    try:
        yield folder
    finally:
        _refuse_signals()
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: str) -> str:
    """Put the programs that the jobs run where they can be run; that place."""
    place = os.path.join(folder, PROGRAMS_FOLDER)
    os.mkdir(place, 0o700)
    for name in PROGRAMS:
        shutil.copyfile(os.path.join(os.path.dirname(__file__), "programs", name), os.path.join(place, name))
        os.chmod(os.path.join(place, name), 0o700)
    return place


def _fill(home: Home, chance: random.Random) -> None:
    """A day of the past, up to now."""
    now = wall_clock()
    clock = Hands(now - DAY_MS)
    with SqliteStore(home, clock=clock) as store:
        past = Past(store, clock, worker_names(POOL_BEFORE, WORKERS), os.getcwd())
        past.expect(arrivals(now, chance))
        past.play(now - SCENE_MS)
        set_scene(store, chance, os.getcwd())
        past.play(now)
        past.end_all()


@contextmanager
def _pool(home: Home) -> Iterator[None]:
    """A pool as anybody starts one, gone afterwards with every other that serves the home."""
    command = (sys.executable, "-P", "-m", "queuectl_core", "--home", home.path, "worker", "start")
    environment = {name: value for name, value in os.environ.items() if name != "QUEUECTL_STORE"}
    pool = subprocess.Popen(
        (*command, "--count", str(WORKERS)),
        env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        _refuse_signals()
        _end(home, pool)


def _end(home: Home, pool: subprocess.Popen[bytes]) -> None:
    """The signal is for a pool that is not on the roster yet, where no order reaches it."""
    pool.terminate()
    end_pools(home)
    with contextlib.suppress(subprocess.TimeoutExpired):
        pool.wait(LEAVING_SECONDS)
    pool.kill()
    pool.wait()
    end_pools(home)


def _refuse_signals() -> None:
    """Nothing comes between us and the end."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _feed(home: Home, chance: random.Random) -> None:
    """Enqueue a job now and then, until the input closes."""
    with SqliteStore(home) as store:
        while not select.select([sys.stdin], [], [], chance.uniform(*_BETWEEN_SECONDS))[0]:
            with contextlib.suppress(QueueError):  # an id that is taken, a store that somebody holds: the next then
                _feed_once(store, chance)


def _feed_once(store: SqliteStore, chance: random.Random) -> None:
    if chance.random() < _PUT_OFF_SHARE:
        store.run(enqueue(put_off(chance, *_DELAYS)))
        return
    for _ in range(_BURST if chance.random() < _BURST_SHARE else 1):
        store.run(enqueue(any_example(chance).job))


if __name__ == "__main__":
    sys.exit(main())
