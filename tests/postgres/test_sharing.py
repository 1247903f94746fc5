"""One server for a whole run: it goes with the last who holds it, however that one ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.execution.waiting import eventually
from tests.postgres.fixtures import GIVEN
from tests.postgres.server import ROOT, running_server, shared_server
from tests.postgres.test_server import ask, needs_ours, processes_in

pytestmark = [pytest.mark.postgres, needs_ours]

HOLDS = """
import sys
from pathlib import Path
from tests.postgres.server import running_server, shared_server
with (shared_server(Path(sys.argv[1])) if len(sys.argv) > 1 else running_server()) as server:
    print(server.log.parent, server.url, flush=True)
    sys.stdin.read()
"""
TELLS_ITS_SERVER = """
import os
import pathlib
import pytest

@pytest.mark.parametrize("number", range(6))
def test_one(number, postgres, tmp_path_factory):
    said = pathlib.Path(os.environ["SAID"])
    with postgres.database() as url, said.open("a") as lines:
        lines.write(f"{os.environ.get('PYTEST_XDIST_WORKER')} {postgres.log.parent}\\n")
"""
WANTS_ITS_OWN = """
def test_one(own_postgres):
    pass

def test_other(postgres):
    with postgres.database() as url:
        assert url.startswith("postgresql://")
"""


class Holder:
    """A process that holds a server, until it is told to leave or killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        folder, self.url = process.stdout.readline().split()
        self.folder = Path(folder)

    def leave(self) -> None:
        """Let it end by itself."""
        self.process.communicate("")
        assert self.process.returncode == 0

    def kill(self) -> None:
        """Kill it, and only it."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def holder(*arguments: str) -> Iterator[Holder]:
    """A process that holds a server of its own, or the one that is shared by way of the folder named."""
    command = [sys.executable, "-c", HOLDS, *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        yield Holder(process)
    finally:
        process.kill()
        process.communicate()


def is_gone(folder: Path) -> bool:
    return not folder.exists() and processes_in(folder) == []


def folder_below(pid: int) -> Path | None:
    """The folder of the server of which a process below this one makes or runs the first part."""
    with suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            for folder in (Path(process.cwd()), *Path(process.cwd()).parents):
                if folder.name.startswith("queuectl-postgres-"):
                    return folder
    return None


def run_tests(folder: Path, tests: str, *options: str, **environment: str) -> str:
    """Run tests in a run of their own, which has the fixtures; what pytest said. None may fail."""
    (folder / "test_it.py").write_text(tests)
    places = ["-c", os.devnull, f"--rootdir={folder}", f"--basetemp={folder / 'runs'}", "-p", "no:cacheprovider"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.postgres.fixtures", *places, "-rs", *options, "test_it.py"],
        cwd=folder,
        env={**ours, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **environment},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_who_names_the_same_folder_has_the_same_server(tmp_path: Path) -> None:
    with shared_server(tmp_path) as one, shared_server(tmp_path) as other:
        assert one.url == other.url


def test_it_outlives_the_one_who_started_it_and_goes_with_the_last(tmp_path: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        folder = first.enter_context(shared_server(tmp_path)).log.parent
        server = second.enter_context(shared_server(tmp_path))
        first.close()
        assert ask(server.url) == 1

        second.close()

        eventually(lambda: is_gone(folder), what="the server is gone")


def test_who_comes_after_the_last_has_left_gets_a_new_one(tmp_path: Path) -> None:
    with shared_server(tmp_path) as server:
        before = server.url

    with shared_server(tmp_path) as server:
        assert server.url != before
        assert ask(server.url) == 1


def test_it_outlives_the_death_of_the_one_who_started_it(tmp_path: Path) -> None:
    with holder(str(tmp_path)) as first, holder(str(tmp_path)) as second:
        first.kill()
        assert ask(second.url) == 1

        second.leave()

        eventually(lambda: is_gone(first.folder), what="the server is gone")


@pytest.mark.crash
def test_a_killed_owner_leaves_nothing() -> None:
    with holder() as owner, psycopg.connect(owner.url):
        owner.kill()

        eventually(lambda: is_gone(owner.folder), what="the server is gone")


@pytest.mark.crash
def test_the_last_holder_killed_leaves_nothing(tmp_path: Path) -> None:
    with holder(str(tmp_path)) as one, holder(str(tmp_path)) as other:
        one.kill()
        other.kill()

        eventually(lambda: is_gone(one.folder), what="the server is gone")


@pytest.mark.crash
def test_an_owner_killed_while_its_server_is_made_leaves_nothing() -> None:
    owner = subprocess.Popen([sys.executable, "-c", HOLDS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    folder = eventually(lambda: folder_below(owner.pid), what="the server's folder is made")

    owner.kill()
    owner.communicate()

    eventually(lambda: is_gone(folder), what="the server is gone")


@pytest.mark.crash
def test_the_server_ends_with_the_process_that_runs_it() -> None:
    with running_server() as server, psycopg.connect(server.url):
        supervisor = psutil.Process(server.pid).parent()
        assert supervisor is not None
        supervisor.kill()

        eventually(lambda: processes_in(server.log.parent) == [], what="the server is gone")
    shutil.rmtree(server.log.parent)


def test_the_workers_of_a_run_share_one(tmp_path: Path) -> None:
    said = tmp_path / "said"

    run_tests(tmp_path, TELLS_ITS_SERVER, "-n", "3", "--dist=each", SAID=str(said))

    lines = [line.split() for line in said.read_text().splitlines()]
    assert {worker for worker, _ in lines} == {"gw0", "gw1", "gw2"}
    [folder] = {Path(folder) for _, folder in lines}
    eventually(lambda: is_gone(folder), what="the server is gone")


def test_a_run_without_workers_has_one(tmp_path: Path) -> None:
    said = tmp_path / "said"

    run_tests(tmp_path, TELLS_ITS_SERVER, "-p", "no:xdist", SAID=str(said))

    [folder] = {Path(line.split()[1]) for line in said.read_text().splitlines()}
    assert is_gone(folder)


def test_a_server_that_is_given_is_used_and_nothing_is_done_to_it(tmp_path: Path) -> None:
    with running_server() as given:
        told = run_tests(tmp_path, WANTS_ITS_OWN, "-p", "no:xdist", **{GIVEN: given.url})

        assert "1 passed, 1 skipped" in told
        assert f"not done to the one of {GIVEN}" in told
