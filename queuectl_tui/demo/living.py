"""A demo that lives: a private home of its own, example work that really runs, and nothing left of it afterwards.

The home, its pool and the flow of new jobs belong to a process of their own (`stage.py`), which ends all of it when
the pipe between us closes. So it goes however the console ends, by `kill -9` too.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from queuectl_core.model.errors import Refused
from queuectl_core.store.home import Home
from queuectl_tui.demo.ending import end_pools

LEAVE_SECONDS = 15.0
"""How long the stage may take to end its pool and remove the home."""

PROGRAMS_FOLDER = "bin"
"""Where in its folder the stage puts the programs that the jobs run."""

STAGE = (sys.executable, "-P", "-m", "queuectl_tui.demo.stage")


@contextmanager
def living_demo() -> Iterator[Home]:
    """A home filled with example work and served by a pool of three workers, for as long as the context is open.

    Raises Refused where it cannot be made.
    """
    stage = subprocess.Popen(
        STAGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert stage.stdin is not None
    assert stage.stdout is not None
    folder = ""
    try:
        with stage.stdout:
            folder = stage.stdout.readline().decode().rstrip("\n")
            # Meanwhile, since both take about as long.
            importlib.import_module("queuectl_tui.app")
            if not stage.stdout.readline():
                raise Refused("the demo could not be set up", f"see what '{' '.join(STAGE[1:])}' says")
        with programs_found(os.path.join(folder, PROGRAMS_FOLDER)):
            yield Home(os.path.join(folder, "home"))
    finally:
        stage.stdin.close()
        _see_off(stage, folder)


@contextmanager
def programs_found(place: str) -> Iterator[None]:
    """Within it, what we start finds the programs in `place`: pools, too, that somebody starts at the console."""
    before = os.environ.get("PATH")
    os.environ["PATH"] = f"{place}{os.pathsep}{os.defpath if before is None else before}"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = before


def _see_off(stage: subprocess.Popen[bytes], folder: str) -> None:
    """Wait until the stage has cleared itself; do so in its place where it was killed."""
    try:
        stage.wait(LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        stage.kill()
        stage.wait()
    if folder and os.path.isdir(folder):
        end_pools(Home(os.path.join(folder, "home")))
        shutil.rmtree(folder, ignore_errors=True)
