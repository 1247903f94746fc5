"""`queuectl export` and `queuectl import`: whole queues as files, and what may befall these."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.cli import moving_in
from queuectl_core.execution.liveness import Hold
from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.home import Home, prepare_folders
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.jobs import count_matching
from queuectl_core.store.transactions.moving import Mark, unfinished
from queuectl_core.store.transactions.queues import pause, queues
from queuectl_core.store.transactions.settings import set_setting
from queuectl_core.store.transactions.statistics import miscounted
from tests.cli.line import CommandLine, program, run_program, store_at
from tests.execution.waiting import eventually
from tests.store.acts import dead, ended, put, put_many, ran, start, started
from tests.store.engines import Engine

ROOT = Path(__file__).parents[2]
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line on another home, which is not made yet."""
    return CommandLine(Home(str(tmp_path / "there")), capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.jsonl"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs are brought at a time."""
    monkeypatch.setattr(moving_in, "JOBS_AT_ONCE", 2)


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


# ---------------------------------------------------------------- there and back


def test_the_export_of_an_import_is_the_export(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    fill(store)
    exported(queuectl, file)

    assert there("import", str(file)).out == "imported 5 jobs with 3 runs\n"

    again = exported(there, tmp_path / "again")
    assert between(again) == between(file)
    states = {line["job"]["state"] for line in lines(file) if "job" in line}
    assert states == set(JobState) - {JobState.PROCESSING}
    with store_at(there.home) as arrived:
        assert arrived.run(miscounted()) == {}


def test_a_queue_without_jobs_moves_too(queuectl: CommandLine, there: CommandLine, file: Path) -> None:
    queuectl("config", "set", "workers", "3")
    exported(queuectl, file)

    assert there("import", str(file)).out == "imported 0 jobs with 0 runs\n"
    assert there("config", "get", "workers").out == "3\n"


def test_it_goes_through_a_pipe(home: Home, store: Engine, there: CommandLine) -> None:
    fill(store)

    sent = run_program(home, "export")
    received = run_program(there.home, "import", "-", stdin=sent.out)

    assert (sent.status, received.status, received.out) == (0, 0, "imported 5 jobs with 3 runs\n")


def test_the_footer_is_true_of_the_lines(queuectl: CommandLine, store: Engine, file: Path) -> None:
    fill(store)

    *_, footer = lines(exported(queuectl, file))

    before = file.read_bytes().splitlines(keepends=True)[:-1]
    counts = {"again": {"failed": 1}, "dead": {"dead": 1}, "default": {"pending": 1}, "done": {"completed": 1}}
    facts = {"jobs": 5, "runs": 3, "settings": 1, "paused": 2, "counts": {**counts, "x": {"cancelled": 1}}}
    assert footer == {"footer": {**facts, "sha256": hashlib.sha256(b"".join(before)).hexdigest()}}


def test_a_run_that_goes_on_is_released_and_its_token_stays(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    put(store, max_retries=0)
    run = started(store)

    assert "1 job was running" in queuectl("export", str(file)).err
    assert queuectl("export", "--running", str(file)).status == 0
    there("import", str(file))

    assert run.token not in file.read_text()
    shown = there.json("show", "1")
    assert (shown["state"], shown["attempts"], shown["runs"][0]["outcome"]) == ("pending", 0, "released")


# ---------------------------------------------------------------- the file that is written


def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(
    queuectl: CommandLine, store: Engine, file: Path
) -> None:
    put(store, env={"SECRET": "x"})
    before = os.umask(0)
    try:
        exported(queuectl, file)
    finally:
        os.umask(before)

    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["home", "queue.jsonl"]


def test_a_file_that_exists_is_left_alone(queuectl: CommandLine, store: Engine, file: Path) -> None:
    file.write_text("mine")

    ran = queuectl("export", str(file))

    assert (ran.status, file.read_text()) == (1, "mine")
    assert "exists, and an export overwrites nothing" in ran.err


def test_another_export_to_the_same_file_is_left_alone(queuectl: CommandLine, store: Engine, file: Path) -> None:
    part = file.with_name("queue.jsonl.part")
    part.write_text("half of another")

    ran = queuectl("export", str(file))

    assert (ran.status, part.read_text(), file.exists()) == (1, "half of another", False)


def test_an_export_that_fails_leaves_nothing(
    queuectl: CommandLine, store: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("queuectl_core.cli.moving.os.fsync", no_room)

    ran = queuectl("export", str(file))

    assert ran.err.endswith(f"cannot write {file}: No space left on device: nothing was exported\n")
    assert (ran.status, sorted(path.name for path in file.parent.iterdir())) == (1, ["home"])


def test_a_queue_that_is_worked_on_is_exported_on_demand_alone(
    queuectl: CommandLine, store: Engine, home: Home, file: Path
) -> None:
    with alive(home, "pool-1"):
        refused = queuectl("export", str(file))
        assert queuectl("export", "--running", str(file)).status == 0

    assert (refused.status, refused.out) == (1, "")
    assert "workers are alive: stop them with 'queuectl worker stop', or add --running" in refused.err


def test_a_queue_that_changes_meanwhile_is_told_of(
    queuectl: CommandLine, store: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)

    def arriving(*arguments: Any) -> Any:
        put(store, "came meanwhile")
        return chunk(*arguments)

    from queuectl_core.cli.moving import chunk

    monkeypatch.setattr("queuectl_core.cli.moving.chunk", arriving)

    ran = queuectl("export", str(file))

    assert "the queue changed meanwhile" in ran.err
    assert lines(file)[-1]["footer"]["jobs"] == 1


# ---------------------------------------------------------------- files that are not what they should be


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("kept", [1, 3, 5, 7])
def test_a_file_that_was_cut_short_is_noticed_and_the_whole_one_goes_on(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path, kept: int
) -> None:
    fill(store)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut"
    cut.write_bytes(b"".join(whole[:kept]) + whole[kept][:-5])

    ran = there("import", str(cut))

    assert ran.err.startswith(f"queuectl: the file was cut short: in line {kept + 1}: get all of it")
    assert (ran.status, ran.out) == (2, "")
    assert there("import", str(file)).out == "imported 5 jobs with 3 runs\n"
    assert between(exported(there, tmp_path / "again")) == between(file)


def test_a_missing_footer_is_noticed(queuectl: CommandLine, store: Engine, there: CommandLine, file: Path) -> None:
    put(store)
    file.write_bytes(b"".join(exported(queuectl, file).read_bytes().splitlines(keepends=True)[:-1]))

    assert "the file was cut short: its footer is missing" in there("import", str(file)).err


def _set(**fields: Any) -> Edit:
    return lambda job: job.update(fields)


def _run(**fields: Any) -> Edit:
    return lambda job: job["history"][0].update(fields)


DAMAGES: dict[str, tuple[Edit, str]] = {
    "lost": (lambda job: job.pop("due"), "the job has no due"),
    "unknown": (_set(frob=1), 'the job has a field "frob", which is unknown'),
    "text": (_set(due="soon"), "the job has an unfit due"),
    "flag": (_set(priority=True), "the job has an unfit priority"),
    "huge": (_set(number=2**70), "the job has an unfit number"),
    "state": (_set(state="frobbed"), "the job has an unfit state"),
    "surrogate": (_set(cwd="/\ud800"), "the job has an unfit cwd"),
    "secret": (_set(env={"A": ["SECRET"]}), "the job has an unfit env"),
    "ended": (_set(finished_at=None), "it has ended, or has not, and its state says otherwise"),
    "charged": (_set(attempts=9), "it has more attempts than runs"),
    "order": (_set(number=1), "the jobs are not in the order of their numbers"),
    "above": (_set(number=9999), "its number is above the highest of the header"),
    "tail": (_run(tail="%"), "the output of a run is not base64"),
    "outcome": (_run(outcome=None), "a run has ended, or has not, and its outcome says otherwise"),
    "exit": (_run(exit_code=1), "a run completed without exit code 0"),
    "later": (_run(attempt=7), "it has a run above the number of its runs"),
    "going": (_run(outcome=None, finished_at=None), "a run goes on that cannot"),
    "no list": (_set(history={}), "the job has an unfit history"),
}


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_line_is_named_and_nothing_of_its_batch_is_stored(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, damage: str
) -> None:
    put_many(store, *[NewJob("true", queue="other")] * 3)
    ran(store, queue="q")
    content = lines(exported(queuectl, file))
    edit, why = DAMAGES[damage]
    edit(content[4]["job"])
    write(file, content)

    refused = there("import", str(file))

    assert refused.err == f"queuectl: line 5 is damaged: {why}: get the file anew, and import it again\n"
    assert (refused.status, refused.out) == (2, "")
    with store_at(there.home) as half:
        assert half.run(count_matching()) == 2
        assert start(half) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nonsense\n", "it is not valid JSON"),
        (b"\xff\n", "it is not valid JSON"),
        (b"[" * 100_000 + b"\n", "it is not valid JSON"),
        (b"[]\n", "it is not an object of one member"),
        (b'{"frob":1}\n', "it is of no known kind"),
        (b'{"paused":"a b"}\n', "the name of a queue is none"),
        (b'{"job":[]}\n', "the job is no object"),
    ],
)
def test_a_line_that_is_none_is_named(there: CommandLine, file: Path, line: bytes, said: str) -> None:
    file.write_bytes(b'{"header":{"format":1,"exported_at":1,"last_number":5}}\n' + line)

    assert there("import", str(file)).err.startswith(f"queuectl: line 2 is damaged: {said}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "this is no export of a queue: its first line is no header"),
        (b'{"job":{}}\n', "this is no export of a queue: its first line is no header"),
        (b'{"header":{"format":2}}\n', 'its format is 2, and 1 is known here: import it with a version'),
        (b'{"header":{"format":1,"exported_at":1}}\n', "line 1 is damaged: the header has an unfit last_number"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_and_no_store_is_made(
    there: CommandLine, file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)

    ran = there("import", str(file))

    assert (ran.status, os.path.exists(there.home.path)) == (2, False)
    assert ran.err.startswith(f"queuectl: {said}")


@pytest.mark.parametrize("field", ["sha256", "jobs", "runs", "settings", "paused", "counts"])
def test_a_footer_that_is_not_true_leaves_the_import_unfinished(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, field: str
) -> None:
    put(store)
    content = lines(exported(queuectl, file))
    content[-1]["footer"][field] = {} if field == "counts" else "0"
    file.write_bytes(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in content))

    ran = there("import", str(file))

    what = "the checksum" if field == "sha256" else f"the number of {field}"
    assert ran.err.startswith(f"queuectl: line 3 is damaged: {what} in the footer is not that of the lines")
    with store_at(there.home) as half:
        assert half.run(unfinished()) is not None


def test_lines_after_the_footer_are_refused(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    exported(queuectl, file)
    file.write_bytes(file.read_bytes() + b"\n")

    assert "line 3 is damaged: it follows the footer" in there("import", str(file)).err


# ---------------------------------------------------------------- the store that it comes into


def test_nothing_is_overwritten(queuectl: CommandLine, store: Engine, there: CommandLine, file: Path) -> None:
    exported(queuectl, file)
    there("enqueue", "--", "true")

    ran = there("import", str(file))

    assert (ran.status, ran.out) == (1, "")
    assert "the store holds jobs, and an import overwrites nothing: import into a new store" in ran.err


def test_no_worker_may_be_alive(queuectl: CommandLine, store: Engine, there: CommandLine, file: Path) -> None:
    exported(queuectl, file)
    there("init")

    with alive(there.home, "pool-1"):
        ran = there("import", str(file))

    assert (ran.status, ran.err.count("workers are alive")) == (1, 1)


@pytest.mark.usefixtures("small_batches")
def test_another_file_does_not_go_on_where_one_was_left(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    put_many(store, *[NewJob("true")] * 5)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(whole[:4]))
    there("import", str(file))
    other = lines(exported(queuectl, tmp_path / "other"))
    other[1]["job"]["command"] = "false"
    write(tmp_path / "other", other)

    ran = there("import", str(tmp_path / "other"))

    assert (ran.status, ran.out) == (1, "")
    assert "the unfinished import into this store is that of another file" in ran.err


@pytest.mark.usefixtures("small_batches")
def test_what_was_brought_is_discarded_and_another_file_is_imported(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    fill(store)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut"
    cut.write_bytes(b"".join(whole[:8]))
    there("import", str(cut))

    assert there("import", "--discard").status == 2
    assert there("import", "--discard", "--yes").out == "discarded 4 jobs\n"

    assert "no import into this store is unfinished" in there("import", "--discard", "--yes").err
    assert there("import", str(file)).out == "imported 5 jobs with 3 runs\n"


@pytest.mark.usefixtures("small_batches")
def test_what_somebody_changed_meanwhile_is_named_at_the_end(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    put_many(store, *[NewJob("true")] * 3)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut"
    cut.write_bytes(b"".join(whole[:4]))
    there("import", str(cut))
    there("cancel", "1")

    ran = there("import", str(file))

    assert ran.err.startswith(
        "queuectl: the store holds something else than the file: 1 cancelled in default, not 0; "
        "2 pending in default, not 3: somebody changed them meanwhile: give up with"
    )
    assert there("import", "--discard", "--yes").out == "discarded 3 jobs\n"


def test_an_unfinished_import_is_no_setting_and_cannot_be_exported(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    put(store)
    file.write_bytes(b"".join(exported(queuectl, file).read_bytes().splitlines(keepends=True)[:-1]))
    before = queuectl("config", "list").out
    there("import", str(file))

    assert there("config", "list").out == before
    assert there("config", "get", ".import").status == 2
    assert "an import into this store is unfinished" in there("export").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import"], "no FILE is named"),
        (["import", "--discard", "x"], "--discard takes no FILE"),
    ],
)
def test_what_is_asked_for_wrongly_is_told(there: CommandLine, arguments: list[str], said: str) -> None:
    ran = there(*arguments)

    assert (ran.status, said in ran.err) == (2, True)


def test_a_file_that_cannot_be_read_is_told(there: CommandLine, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        ran = there("import", str(path))
        assert (ran.status, ran.err.startswith(f"queuectl: cannot read {path}: {why}: ")) == (1, True)


# ---------------------------------------------------------------- killed, and large


def test_an_import_that_is_killed_goes_on_where_it_was(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    put_many(store, *[NewJob("true", queue=f"q{n % 3}") for n in range(2500)], batch=1000)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    there("init")
    with store_at(there.home) as half:
        with subprocess.Popen(program(there.home, "import", "-"), cwd=ROOT, stdin=subprocess.PIPE) as importing:
            assert importing.stdin is not None
            importing.stdin.write(b"".join(whole[:1800]))
            importing.stdin.flush()

            def far() -> Mark | None:
                mark = half.run(unfinished())
                return mark if mark is not None and mark.lines > 1000 else None

            mark = eventually(far, what="a thousand jobs were brought")
            importing.send_signal(signal.SIGKILL)
        assert importing.returncode == -signal.SIGKILL
        brought = half.run(count_matching())
        assert mark.lines - 1 <= brought < 1800
        assert start(half) is None
        assert {queue.paused for queue in half.run(queues())} == {True}
        assert half.run(miscounted()) == {}

        assert there("import", str(file)).out == "imported 2500 jobs with 0 runs\n"

        assert {queue.paused for queue in half.run(queues())} == {False}
        assert half.run(miscounted()) == {}
    assert between(exported(there, tmp_path / "again")) == between(file)


MEASURED = """
import sys
from queuectl_core.cli import main, output
status = output.finish(main.run(sys.argv[1:]))
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak)
sys.exit(status)
"""


def peak(home: Home, *arguments: str) -> int:
    """How much memory (KiB) a command took at most."""
    command = [sys.executable, "-c", MEASURED, "--home", home.path, *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=300)
    return int(ended.stdout.split()[-1])


def test_a_hundred_thousand_jobs_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    peaks = []
    for size in (3_000, 100_000):
        source, target = (Home(str(tmp_path / f"{name}{size}")) for name in ("from", "to"))
        with store_at(source) as store:
            put_many(store, *[NewJob("true", env={"A": "x" * 50})] * size, batch=1000)
        file = str(tmp_path / str(size))
        peaks.append((peak(source, "export", file), peak(target, "import", file)))
        with store_at(target) as store:
            assert store.run(count_matching()) == size

    (export_few, import_few), (export_many, import_many) = peaks
    assert export_many < export_few + 6_000
    assert import_many < import_few + 6_000


def test_the_tail_of_a_run_is_base64(queuectl: CommandLine, store: Engine, file: Path) -> None:
    fill(store)

    job = lines(exported(queuectl, file))[4]["job"]

    assert base64.b64decode(job["history"][0]["tail"]) == b"\xff\0out"
