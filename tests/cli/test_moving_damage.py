"""`queuectl import`: files that are not what they should be, and stores that are not empty."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.cli import moving_in
from queuectl_core.model.job import NewJob
from queuectl_core.store.transactions.jobs import count_matching
from queuectl_core.store.transactions.moving_in import unfinished
from tests.cli.line import CommandLine, store_at
from tests.cli.moved import alive, between, exported, file, fill, lines, there, write
from tests.store.acts import put, put_many, ran, start
from tests.store.engines import Engine

__all__ = ["file", "there"]

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs are brought at a time."""
    monkeypatch.setattr(moving_in, "JOBS_AT_ONCE", 2)


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
    "retries": (_set(max_retries=2**31 - 1), "the job has an unfit max_retries"),
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


def test_a_first_line_without_an_end_is_not_read_to_its_end(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(queuectl, file)
    monkeypatch.setattr(moving_in, "LONGEST_HEADER", 50)

    assert "this is no export of a queue" in there("import", str(file)).err


@pytest.mark.parametrize("field", ["sha256", "contents", "jobs", "runs", "settings", "paused", "counts"])
def test_a_footer_that_is_not_true_leaves_the_import_unfinished(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, field: str
) -> None:
    put(store)
    content = lines(exported(queuectl, file))
    content[-1]["footer"][field] = {} if field == "counts" else "0"
    file.write_bytes(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in content))

    ran = there("import", str(file))

    checksums = {"sha256": "the checksum", "contents": "the checksum of the contents"}
    what = checksums.get(field, f"the number of {field}")
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


def test_it_goes_on_in_batches_of_another_size(
    queuectl: CommandLine,
    store: Engine,
    there: CommandLine,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_many(store, *[NewJob("true")] * 9)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut"
    cut.write_bytes(b"".join(whole[:6]))
    monkeypatch.setattr(moving_in, "JOBS_AT_ONCE", 4)
    there("import", str(cut))
    monkeypatch.setattr(moving_in, "JOBS_AT_ONCE", 3)

    assert there("import", str(file)).out == "imported 9 jobs with 0 runs\n"
    assert between(exported(there, tmp_path / "again")) == between(file)


def test_few_bytes_are_brought_at_a_time(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_many(store, *[NewJob("x" * 1000)] * 5)
    file.write_bytes(b"".join(exported(queuectl, file).read_bytes().splitlines(keepends=True)[:-1]))
    monkeypatch.setattr(moving_in, "BYTES_AT_ONCE", 2500)

    assert "the file was cut short" in there("import", str(file)).err

    with store_at(there.home) as half:
        assert half.run(count_matching()) == 4


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
        "2 pending in default, not 3; job 1 is the first that differs: it was changed or damaged meanwhile: give up"
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


def test_status_and_doctor_tell_of_an_unfinished_import(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    put(store)
    whole = exported(queuectl, file).read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    there("import", str(file))

    [warning] = there.json("status")["warnings"]
    [finding] = [one for one in there.json("doctor") if one["check"] == "import"]

    assert "an import into this store is unfinished, and no worker starts: import the same file again" in warning
    assert (finding["status"], f"{finding['detail']}: {finding['advice']}") == ("warning", warning)

    file.write_bytes(whole)
    there("import", str(file))
    assert there.json("status")["warnings"] == []


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
