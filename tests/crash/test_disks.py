"""Disks that fail us: what a pool holds survives a store that it cannot write to, and no job is charged for it."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from queuectl_core.execution.processes import look_at
from queuectl_core.model.errors import StoreFull
from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from tests.cli.line import run_program
from tests.crash.busy import outcomes
from tests.crash.ledger import Word
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

PAGE = 4096
UNLIMITED = resource.RLIM_INFINITY

LONG_OUTPUT = "head -c 4000 /dev/zero | tr '\\0' x; echo"
"""Its end is stored with the run, which takes a page that a full database does not have."""

# ---------------------------------------------------------------- no room


def give_room(pool: Pool, room: int) -> None:
    """Let all processes of a pool write files of so many bytes at most, as on a disk that is full."""
    for process in filter(None, (look_at(pool.pid), *pool.children())):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, UNLIMITED))


def test_a_full_disk_charges_no_job_and_is_got_over(storm: Storm) -> None:
    pool = storm.start_pool(2)
    storm.all_workers(pool)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    give_room(pool, PAGE)
    jobs = [storm.put(storm.ledger.command(), max_retries=0) for _ in range(5)]

    eventually(lambda: len(re.findall("worker .*disk I/O error", storm.said())) == 2, what="both workers say it")

    assert pool.process.poll() is None
    assert [(storm.job(job).state, storm.job(job).attempts) for job in jobs] == [(JobState.PENDING, 0)] * 5
    assert storm.ledger.lines() == []
    give_room(pool, UNLIMITED)
    storm.drain(1)
    assert storm.wrong() == []
    assert [storm.job(job).state for job in jobs] == [JobState.COMPLETED] * 5
    assert [storm.job(job).attempts for job in jobs] == [1] * 5


@pytest.mark.parametrize(("then", "state"), [("exit 0", JobState.COMPLETED), ("exit 1", JobState.DEAD)])
def test_a_result_that_finds_no_room_is_kept_until_there_is_some(
    storm: Storm, tmp_path: Path, then: str, state: JobState
) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate, then=then), max_retries=0)
    storm.worker_of(pool, job)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    give_room(pool, PAGE)
    gate.touch()

    # The keeper may say it before.
    eventually(lambda: re.search("worker .*disk I/O error", storm.said()), what="the worker says that it cannot report")
    assert storm.ledger.has(job, Word.END)
    assert storm.job(job).state is JobState.PROCESSING
    give_room(pool, UNLIMITED)

    storm.drain(1)
    assert storm.wrong() == []
    assert (storm.job(job).state, storm.job(job).attempts) == (state, 1)
    assert len([line for line in storm.ledger.lines() if line.word is Word.START]) == 1


# A pool under a pragma while there is a file: that, the one that lifts it, and the file, which notes transactions.
UNDER_PRAGMA = """
import contextlib, os, sys
from queuectl_core.cli.main import main
from queuectl_core.execution import worker
from queuectl_core.store.sqlite.store import SqliteStore
pragma, usual, file = sys.argv[1:4]
del sys.argv[1:4]
run = SqliteStore.run
def run_under_pragma(store, transaction):
    chosen = usual
    with contextlib.suppress(FileNotFoundError):
        noted = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.write(noted, b".")
        os.close(noted)
        chosen = pragma
    store._connection.execute(f"PRAGMA {chosen}").fetchall()
    return run(store, transaction)
SqliteStore.run = run_under_pragma
worker.STORE_PATIENCE = (0.05, 0.2)
main()
"""


@pytest.mark.parametrize(
    ("pragma", "usual", "sentence"),
    [
        ("max_page_count = 1", "max_page_count = 1000000", "no room left for"),
        ("query_only = ON", "query_only = OFF", "cannot be written to"),
    ],
    ids=["full", "read-only"],
)
def test_a_store_that_takes_nothing_is_named_once_and_got_over(
    storm: Storm, tmp_path: Path, pragma: str, usual: str, sentence: str
) -> None:
    gate, trouble = tmp_path / "gate", tmp_path / "trouble"
    with SqliteStore(storm.home) as store:
        store._connection.execute("VACUUM")  # A page that is free could still take a result.
    pool = storm.start_pool(1, program=("-c", UNDER_PRAGMA, pragma, usual, str(trouble)))
    job = storm.put(f"{LONG_OUTPUT}; {storm.ledger.command(gate=gate)}", max_retries=0)
    storm.worker_of(pool, job)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    trouble.touch()
    gate.touch()

    eventually(lambda: sentence in storm.said(), what="the worker says what is wrong")
    later = storm.put(storm.ledger.command(), max_retries=0)
    tried = trouble.stat().st_size
    eventually(lambda: trouble.stat().st_size > tried + 10, what="it is tried again and again")
    assert storm.ledger.has(job, Word.END)
    assert pool.process.poll() is None
    assert storm.job(job).state is JobState.PROCESSING
    assert (storm.job(later).state, storm.job(later).attempts) == (JobState.PENDING, 0)

    trouble.unlink()
    eventually(lambda: storm.job(later).state is JobState.COMPLETED, what="the pool goes on by itself")
    assert len(re.findall(f"worker [^ ]+: [^ ]* ?{sentence}", storm.said())) == 1
    storm.drain(1)
    assert storm.wrong() == []
    assert [(storm.job(one).state, storm.job(one).attempts) for one in (job, later)] == [(JobState.COMPLETED, 1)] * 2


# ---------------------------------------------------------------- a small disk


def mount(*arguments: str) -> bool:
    """Mount, or mount anew; whether we may."""
    return subprocess.run(("mount", *arguments), capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Storm]:
    """A queue whose home is a disk of 3 MiB."""
    home = tmp_path / "home"
    home.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=3m,mode=700", "none", str(home)):
        pytest.skip("nothing may be mounted here")
    storm = Storm(tmp_path)
    storm.keeps_output = False
    try:
        yield storm
    finally:
        storm.close()
        subprocess.run(("umount", str(home)), check=True)


def findings(storm: Storm) -> dict[str, dict[str, str]]:
    """What the doctor finds, by check."""
    told = run_program(storm.home, "doctor", "--json")
    assert told.err == ""
    return {finding["check"]: finding for finding in json.loads(told.out)}


def test_a_disk_that_is_full_loses_nothing_and_goes_on_once_there_is_room(small_disk: Storm, tmp_path: Path) -> None:
    storm, gate = small_disk, tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate), max_retries=0)
    waiting = storm.put(storm.ledger.command(), max_retries=0)
    storm.worker_of(pool, job)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    ballast = Path(storm.home.path, "ballast")
    assert subprocess.run(("dd", "if=/dev/zero", f"of={ballast}", "bs=4k"), capture_output=True, check=False).returncode

    gate.touch()
    with pytest.raises(StoreFull):
        storm.store.run(enqueue(NewJob("true")))
    eventually(lambda: "no room left" in storm.said(), what="the worker says that it cannot report")
    disk = findings(storm)["disk"]
    assert (disk["status"], "free some space" in disk["advice"]) == ("problem", True)
    assert storm.job(job).state is JobState.PROCESSING

    ballast.unlink()
    eventually(lambda: storm.job(waiting).state is JobState.COMPLETED, what="the pool goes on by itself")
    storm.drain(1)
    assert storm.wrong() == []
    assert [(storm.job(one).state, storm.job(one).attempts) for one in (job, waiting)] == [(JobState.COMPLETED, 1)] * 2


def test_a_disk_that_is_read_only_is_named_and_its_jobs_run_once_it_is_not(small_disk: Storm) -> None:
    storm = small_disk
    job = storm.put(storm.ledger.command(), max_retries=0)
    storm.store.close()
    assert mount("-o", "remount,ro", storm.home.path)

    for arguments in (("enqueue", "--", "true"), ("worker", "start")):
        ran = run_program(storm.home, *arguments)
        assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert storm.home.path in ran.err
    assert "queuectl-tui --read-only" in run_program(storm.home, "list").err
    found = findings(storm)
    assert (found["home"]["status"], found["store"]["status"]) == ("problem", "problem")
    assert "read-only file system" in found["home"]["detail"]

    assert mount("-o", "remount,rw", storm.home.path)
    storm.store = SqliteStore(storm.home)
    storm.drain(1)
    assert storm.wrong() == []
    assert (storm.job(job).state, storm.job(job).attempts) == (JobState.COMPLETED, 1)


# ---------------------------------------------------------------- a disk that turns read-only under a pool


@contextmanager
def read_only(folder: str) -> Iterator[None]:
    """Let nothing be made or opened to be written in a folder; what is open there is written to all the same."""
    if not mount("--bind", folder, folder):
        pytest.skip("nothing may be mounted here")
    try:
        assert mount("-o", "remount,bind,ro", folder)
        yield
    finally:  # Lazily: somebody may have a lock or a folder open through it.
        subprocess.run(("umount", "--lazy", folder), check=True)


def test_a_home_in_which_nothing_can_be_made_charges_no_job_and_is_got_over(storm: Storm) -> None:
    pool = storm.start_pool(1)
    storm.all_workers(pool)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")

    with read_only(storm.home.path):
        job = storm.put(storm.ledger.command(), max_retries=0)
        eventually(lambda: Outcome.RELEASED in outcomes(storm, job), what="it is claimed and given back")
        # Told once it is stored.
        eventually(lambda: "log file cannot be made: Read-only file system" in storm.said(), what="it is told why")
        assert storm.queuectl("list").split()[0] == job, "who only reads needs to make nothing"
        assert "read-only file system" in findings(storm)["home"]["detail"]
        assert storm.ledger.lines() == []
        assert pool.process.poll() is None

    eventually(lambda: storm.job(job).state is JobState.COMPLETED, what="the pool goes on by itself")
    storm.drain(1)
    assert storm.wrong() == []
    assert storm.job(job).attempts == 1


class FailingDisk:
    """A disk in a file, on which a home lies; once it has failed it takes nothing more until it is mounted anew."""

    def __init__(self, folder: Path) -> None:
        self._image, self._folder = folder / "image", folder / "home"
        self._folder.mkdir()
        self._image.touch()
        os.truncate(self._image, 16 * 1024 * 1024)

    def make(self) -> bool:
        """Make its file system, and mount it; whether we may."""
        if shutil.which("mkfs.ext4") is None:
            return False
        subprocess.run(("mkfs.ext4", "-q", str(self._image)), check=True)
        if not self.mount():
            return False
        self._folder.chmod(0o700)
        return True

    def mount(self) -> bool:
        """Mount it; whether that could be done."""
        return mount("-o", "loop,errors=remount-ro", str(self._image), str(self._folder))

    def fail(self) -> None:
        """Have the kernel treat it as after an error: ext4(5), `abort`. What was not flushed is lost."""
        assert mount("-o", "remount,abort", str(self._folder))

    def unmount(self) -> None:
        """Take it away; nobody may have a file open on it."""
        subprocess.run(("umount", str(self._folder)), check=True)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[tuple[Storm, FailingDisk]]:
    """A queue whose home is a disk that fails when it is told to."""
    disk = FailingDisk(tmp_path)
    if not disk.make():
        pytest.skip("no disk in a file may be made and mounted here")
    storm = Storm(tmp_path)
    storm.keeps_output = False
    try:
        yield storm, disk
    finally:
        storm.close()
        disk.unmount()


def test_a_disk_that_fails_under_a_pool_is_named_and_charges_nothing_that_had_not_begun(
    failing: tuple[Storm, FailingDisk], tmp_path: Path
) -> None:
    (storm, disk), gate = failing, tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate), max_retries=1)
    waiting = [storm.put(storm.ledger.command(), max_retries=0) for _ in range(3)]
    storm.worker_of(pool, job)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    with SqliteStore(storm.home) as another:
        assert another.checkpoint()  # Flushed, as the claim of a worker is some time later.

    disk.fail()
    for arguments in (("enqueue", "--", "true"), ("worker", "start")):
        ran = run_program(storm.home, *arguments)
        assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "Read-only file system" in ran.err
    home = findings(storm)["home"]
    assert (home["status"], "read-only file system" in home["detail"]) == ("problem", True)
    assert len(storm.queuectl("list").splitlines()) == 1 + len(waiting)
    gate.touch()
    eventually(lambda: re.search("worker .*disk I/O error", storm.said()), what="the worker says that it cannot report")
    eventually(lambda: re.search("keeper .*Read-only", storm.said()), what="the keeper says what is wrong, too")
    assert pool.process.poll() is None
    assert [storm.job(one).state for one in (job, *waiting)] == [JobState.PROCESSING, *[JobState.PENDING] * 3]

    for said in ("what runs may finish", "what runs is ended"):
        pool.process.send_signal(signal.SIGTERM)
        eventually(lambda said=said: said in storm.said(), what="it leaves, though it cannot say so")  # type: ignore[misc]
    assert pool.process.wait(30) == 0
    storm.store.close()
    disk.unmount()
    assert disk.mount()
    storm.store = SqliteStore(storm.home)
    storm.drain(1)
    assert storm.wrong() == []
    # That it had ended well could be noted nowhere.
    assert outcomes(storm, job) == [Outcome.LOST, Outcome.COMPLETED]
    assert [(storm.job(one).state, storm.job(one).attempts) for one in waiting] == [(JobState.COMPLETED, 1)] * 3
