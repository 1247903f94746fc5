"""The living demo: its work really runs, and nothing of it is left, however the console ends."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from queuectl_core.execution.locks import alive, count_workers
from queuectl_core.model.job import JobState
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.queues import queues
from queuectl_core.store.transactions.statistics import minutes_since, miscounted, summary
from queuectl_tui.demo.living import STAGE, living_demo
from queuectl_tui.demo.stage import WORKERS
from tests.console.terminal.screen import screen
from tests.execution.waiting import eventually


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Temporary folders are made in one of our own; when the test is over it is empty, and nobody works in it."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("QUEUECTL_STORE", raising=False)
    yield
    eventually(lambda: not list(place.iterdir()), what="the folder of the demo is gone")
    eventually(lambda: not _who_is_in(str(place)), what=f"nobody is left of the demo, but {_who_is_in(str(place))}")


def _who_is_in(place: str) -> set[int]:
    """The processes that name a path below `place` in their command line, or are there."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            where = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if f"{place}/queuectl-demo" in words + where:
            found.add(int(pid))
    return found


def test_it_has_a_day_of_past_and_jobs_that_really_run() -> None:
    with living_demo() as home:
        assert stat.S_IMODE(os.stat(os.path.dirname(home.path)).st_mode) == 0o700
        with SqliteStore(home) as store:
            at_first = store.run(summary()).jobs
            assert at_first[JobState.DEAD] > 20
            assert at_first[JobState.PROCESSING] == 0 or count_workers(home)
            assert len(store.run(minutes_since(24 * 60))) > 300
            assert [queue.name for queue in store.run(queues()) if queue.paused] == ["imports"]

            eventually(lambda: count_workers(home) == WORKERS, what="the workers are there")
            done = at_first[JobState.COMPLETED]
            eventually(lambda: store.run(summary()).jobs[JobState.COMPLETED] > done + 1, what="jobs are done")
            assert store.run(miscounted()) == {}
    assert not alive(home)


def test_a_pool_that_somebody_starts_at_the_console_finds_the_programs_and_is_ended_too() -> None:
    before = os.environ.get("PATH")
    with living_demo() as home:
        command = [sys.executable, "-m", "queuectl_core", "--home", home.path, "worker", "start", "--detach"]
        subprocess.run(command, check=True, timeout=30, stdout=subprocess.DEVNULL)
        eventually(lambda: count_workers(home) > WORKERS, what="both pools are there")

        assert str(shutil.which("send-mail")).startswith(os.path.dirname(home.path))
    assert os.environ.get("PATH") == before
    assert not alive(home)


def _quit(console: subprocess.Popen[bytes], press: Callable[[str], None]) -> None:
    press("q")


def _signalled(number: signal.Signals) -> Callable[[subprocess.Popen[bytes], Callable[[str], None]], None]:
    def send(console: subprocess.Popen[bytes], press: Callable[[str], None]) -> None:
        os.kill(console.pid, number)

    return send


_ENDS = {
    "q": _quit,
    "SIGTERM": _signalled(signal.SIGTERM),
    "SIGHUP": _signalled(signal.SIGHUP),
    "SIGKILL": _signalled(signal.SIGKILL),
}


@pytest.mark.parametrize("end", _ENDS)
def test_nothing_is_left_when_the_console_has_ended(end: str, tmp_path: Path) -> None:
    with screen([sys.executable, "-m", "queuectl_tui", "--demo"], {"TMPDIR": str(tmp_path / "tmp")}) as console:
        console.shows("● demo", "processing")
        [folder] = (tmp_path / "tmp").glob("queuectl-demo-*")
        eventually(lambda: count_workers(Home(str(folder / "home"))) == WORKERS, what="the workers are there")

        _ENDS[end](console.process, console.press)

        assert console.ended() == {"q": 0, "SIGTERM": 143, "SIGHUP": 129, "SIGKILL": -9}[end]


def test_nothing_is_left_when_the_stage_was_killed(tmp_path: Path) -> None:
    with living_demo() as home:
        eventually(lambda: count_workers(home) == WORKERS, what="the workers are there")
        [stage] = [pid for pid in _children() if b"queuectl_tui.demo.stage" in _command_line(pid)]

        os.kill(stage, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_stage_clears_itself_at_a_signal_while_it_fills(number: signal.Signals) -> None:
    with subprocess.Popen(STAGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stage:
        assert stage.stdout is not None
        stage.stdout.readline()

        stage.send_signal(number)

        assert stage.wait(30) == 128 + number


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
