"""Plants in a home: links, FIFOs and directories in the places of our files. What lies outside stays as it is."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from queuectl_core.execution.liveness import read_note, remove_lock
from queuectl_core.execution.locks import is_alive
from queuectl_core.execution.logs import make_log, open_log, remove_logs
from queuectl_core.model.errors import StoreError
from queuectl_core.store.doorbell import ANY, Doorbell
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.schema import back_up
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Wake
from queuectl_core.store.transactions.changes import Forgotten
from tests.cli.line import CommandLine, Ran, program
from tests.execution.pools import ROOT
from tests.execution.waiting import eventually
from tests.homes import prepared_home

pytestmark = pytest.mark.crash

WORKER = "aaaaaa-1"
PLACES = (
    "queue.db",
    "queue.db-wal",
    "queue.db-shm",
    "run/schema.lock",
    "run/line.lock",
    "run/write.lock",
    "run/checkpoint.lock",
    f"run/{WORKER}.lock",
    f"run/.{WORKER}.4194304",
    "run/bells",
    f"run/bells/{ANY}",
    "run/control",
    "logs/0",
    "logs/0/1.1.log",
    "logs/0/2.1.log",
    "logs/pool.log",
)
"""Names that the program makes, or takes for its own where it finds them."""


DONE = '"state": "completed"'
REFUSED = ("symbolic link",)
"""What a pool says in the end: that it ran the job, or why it cannot."""


class Outside:
    """A folder that is none of ours, with things in it of the names that ours have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.file = folder / "precious"
        for name in ("precious", "1.1.log", "2.1.log", WORKER):
            (folder / name).write_text("kept")
        os.mkfifo(folder / "fifo")
        self._ear = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        self._before = self._all()

    def _all(self) -> dict[str, tuple[object, ...]]:
        found = dict[str, tuple[object, ...]]()
        for path in [self.folder, *self.folder.iterdir()]:
            seen = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
            found[path.name] = (seen.st_mode, seen.st_size, seen.st_mtime_ns, content)
        return found

    def is_untouched(self) -> bool:
        """Whether all is as it was, and nobody has written to the FIFO."""
        try:
            heard = os.read(self._ear, 100)
        except BlockingIOError:
            heard = b"!"
        return (self._all(), heard) == (self._before, b"")

    def close(self) -> None:
        os.close(self._ear)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    made = Outside(tmp_path / "outside")
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is prepared, without a store."""
    return prepared_home(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What waits at a FIFO that nobody opens is interrupted, so that the test fails."""

    def fail(_: int, __: FrameType | None) -> None:
        raise AssertionError("it waits")

    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE", "QUEUECTL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def clear(path: Path) -> None:
    """Make room for a plant."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def link_to_something(path: Path, outside: Outside) -> None:
    folder = path.name in ("bells", ANY, "control", "0")
    path.symlink_to(outside.folder if folder else outside.file)


PLANTS: dict[str, Callable[[Path, Outside], None]] = {
    "link": link_to_something,
    "dangling link": lambda path, outside: path.symlink_to(outside.folder / "new"),
    "link to a FIFO": lambda path, outside: path.symlink_to(outside.folder / "fifo"),
    "FIFO": lambda path, _: os.mkfifo(path),
    "directory": lambda path, _: path.mkdir(),
}


def in_one_line(ran: Ran) -> bool:
    """Whether a command went well, or said in a line why not."""
    wrong = any(word in ran.err for word in ("Traceback", "internal error"))
    return not wrong and (ran.status == 0 or ran.err.count("\n") <= 1 or ran.out != "")


@pytest.fixture
def queuectl(home: Home, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line on a home with a job that has run, and one that waits."""
    line = CommandLine(home, capsys)
    assert line("enqueue", "--", "echo hi").status == 0
    drained = subprocess.run(
        program(home, "worker", "start", "--count=1", "--drain"), cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert drained.returncode == 0, drained.stderr
    assert line("logs", "1").out == "hi\n"
    assert line("enqueue", "--", "echo again").status == 0
    return line


@pytest.mark.parametrize("plant", PLANTS)
def test_whatever_stands_in_the_place_of_our_files_nothing_outside_is_touched(
    queuectl: CommandLine, outside: Outside, plant: str
) -> None:
    for place in PLACES:
        path = Path(queuectl.home.path, place)
        kept = path.with_name(f"kept-{path.name}")
        if path.exists():
            path.rename(kept)
        clear(path)
        PLANTS[plant](path, outside)
        for arguments in (
            ("enqueue", "--", "true"),
            ("list",),
            ("logs", "1"),
            ("worker", "list"),
            ("worker", "stop"),
            ("doctor", "--repair"),
            ("delete", "1", "3"),
            ("config", "set", "max_retries", "3"),
        ):
            ran = queuectl(*arguments)
            assert in_one_line(ran), (place, arguments, ran)
            assert outside.is_untouched(), (place, arguments, ran)
        clear(path)
        if kept.exists():
            kept.rename(path)


@pytest.mark.parametrize("place", [place for place in PLACES if not place.startswith("queue.db")])
def test_a_pool_goes_on_or_says_why_not(queuectl: CommandLine, outside: Outside, place: str, tmp_path: Path) -> None:
    path = Path(queuectl.home.path, place)
    clear(path)
    link_to_something(path, outside)
    said = tmp_path / "said"
    with said.open("wb") as file:
        pool = subprocess.Popen(
            program(queuectl.home, "worker", "start", "--count=1", "--log-format=json"),
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        eventually(lambda: pool.poll() is not None or any(word in said.read_text() for word in (DONE, *REFUSED)))
    finally:
        pool.terminate()
        pool.wait(30)
    text = said.read_text()
    assert outside.is_untouched(), text
    assert "Traceback" not in text
    assert ": -" not in text, "no length of time is negative"
    assert any(word in text for word in (DONE, *REFUSED)), text


@pytest.mark.parametrize("plant", PLANTS)
def test_a_pool_in_the_background_waits_for_no_plant_in_the_place_of_its_log(
    home: Home, outside: Outside, plant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    PLANTS[plant](Path(home.logs, "pool.log"), outside)

    ran = CommandLine(home, capsys)("worker", "start", "--detach")

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "pool.log is " in ran.err
    assert outside.is_untouched()


# ---------------------------------------------------------------- the database


@pytest.mark.parametrize("plant", PLANTS)
def test_only_a_file_is_taken_for_the_database(home: Home, outside: Outside, plant: str) -> None:
    PLANTS[plant](Path(home.database), outside)
    for makes in (True, False):
        with pytest.raises(StoreError, match=r"is a symbolic link|is no regular file|is gone"):
            SqliteStore(home, makes=makes)
    assert outside.is_untouched()


@pytest.mark.parametrize("suffix", ["backup", "backup.part"])
@pytest.mark.parametrize("plant", PLANTS)
def test_a_backup_is_written_in_the_home_alone(home: Home, outside: Outside, plant: str, suffix: str) -> None:
    with SqliteStore(home):
        path = f"{home.database}.v1.backup"
        PLANTS[plant](Path(f"{home.database}.v1.{suffix}"), outside)
        connection = sqlite3.connect(home.database)
        try:
            back_up(connection, path)
        except (OSError, sqlite3.Error):
            assert not Path(path).is_file() or Path(path).is_symlink()
        else:
            assert stat.S_ISREG(os.lstat(path).st_mode)
        finally:
            connection.close()
    assert outside.is_untouched()


# ---------------------------------------------------------------- locks and bells


@pytest.mark.parametrize("plant", PLANTS)
def test_nobody_lives_by_a_plant(home: Home, outside: Outside, plant: str) -> None:
    PLANTS[plant](Path(home.lock(WORKER)), outside)

    assert not is_alive(home, WORKER)
    assert read_note(home, WORKER) is None
    remove_lock(home, WORKER)

    assert outside.is_untouched()


@pytest.mark.parametrize("folder", ["bells", f"bells/{ANY}", "control"])
def test_no_bell_is_rung_or_removed_through_a_link(home: Home, outside: Outside, folder: str) -> None:
    path = Path(home.run, folder)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside.folder)
    bell = Doorbell(home)

    bell.ring([Wake(queues=frozenset({"a"}), workers=frozenset({WORKER, "fifo"}))])
    bell.take_down(WORKER)
    bell.take_down("fifo")

    assert outside.is_untouched()
    for hung in (*bell.bells_of(WORKER, ()), bell.control_of(WORKER)):
        assert stat.S_ISFIFO(os.lstat(hung).st_mode)
    assert outside.is_untouched()


@pytest.mark.parametrize("plant", [plant for plant in PLANTS if plant != "directory"])
def test_a_bell_is_a_fifo_of_our_own(home: Home, outside: Outside, plant: str) -> None:
    bell = Doorbell(home)
    for hung in (*bell.bells_of(WORKER, ()), bell.control_of(WORKER)):
        os.unlink(hung)
        PLANTS[plant](Path(hung), outside)
    bell.ring([Wake(queues=frozenset({"a"}), workers=frozenset({WORKER}))])

    for hung in (*bell.bells_of(WORKER, ()), bell.control_of(WORKER)):
        assert stat.S_ISFIFO(os.lstat(hung).st_mode)
    assert outside.is_untouched()


def test_a_file_in_the_place_of_a_bell_is_not_written_to(home: Home) -> None:
    bell = Doorbell(home)
    [path] = bell.bells_of(WORKER, ())
    os.unlink(path)
    Path(path).write_text("kept")

    bell.ring([Wake(queues=frozenset({"a"}))])

    assert Path(path).read_text() == "kept"


# ---------------------------------------------------------------- logs


@pytest.mark.parametrize("folder", ["", "/0"])
def test_no_log_is_made_read_or_removed_through_a_linked_folder(home: Home, outside: Outside, folder: str) -> None:
    if not folder:
        os.rmdir(home.logs)
        (outside.folder / "0").mkdir()
        (outside.folder / "0" / "1.1.log").write_text("kept")
    Path(f"{home.logs}{folder}").symlink_to(outside.folder)

    with pytest.raises(OSError, match="symbolic link"):
        make_log(home, 1, 1)
    with pytest.raises(OSError, match="symbolic link"):
        make_log(home, 7, 1)
    with pytest.raises(OSError, match="symbolic link"):
        open_log(home.log(1, 1))
    remove_logs(home, [Forgotten(1, 1), Forgotten(2, 1)])

    assert (outside.folder / "1.1.log").read_text() == "kept"
    assert folder or (outside.folder / "0" / "1.1.log").read_text() == "kept"


def test_a_log_takes_the_place_of_what_was_there_and_writes_nothing_to_it(home: Home, outside: Outside) -> None:
    os.close(make_log(home, 9, 1))
    os.link(outside.file, home.log(1, 1))
    os.mkfifo(home.log(2, 1))
    for number in (1, 2):
        log = make_log(home, number, 1)
        os.write(log, b"new")
        os.close(log)
        assert Path(home.log(number, 1)).read_bytes() == b"new"
    assert outside.file.read_text() == "kept"
