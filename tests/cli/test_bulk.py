"""`queuectl enqueue --from`: many jobs, all or none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.transactions.jobs import count_matching, find, page
from queuectl_core.store.transactions.statistics import miscounted
from tests.cli.line import CommandLine, program, run_program
from tests.store.engines import Engine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def test_each_line_is_a_job_and_each_id_a_line(queuectl: CommandLine, store: Engine, file: Path) -> None:
    file.write_text('{"command": "a"}\n\n{"command": ["b", "c"], "id": "named", "delay": "1h"}\n  \n{"command": "d"}')

    assert queuectl("enqueue", "--from", str(file)).out == "1\nnamed\n3\n"

    first, named, last = store.run(find(["1", "named", "3"]))
    assert (first.command, named.command, last.command) == ("a", ("b", "c"), "d")
    assert named.due - named.created_at == 3_600_000
    assert store.run(miscounted()) == {}


def test_stdin_is_read_where_the_file_is_a_dash(home: Home) -> None:
    ran = run_program(home, "enqueue", "--from", "-", "--lines", stdin="echo 1\r\n\r\necho 2")

    assert (ran.status, ran.out) == (0, "1\n2\n")


def test_lines_are_commands_and_options_go_for_all(queuectl: CommandLine, store: Engine, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfecho \xc3\xa9\r\n\n echo 2\n")

    options = ["--queue", "q", "--priority", "4", "--timeout", "9", "--env", "A=1"]
    assert queuectl("enqueue", "--from", str(file), "--lines", *options).out == "1\n2\n"

    second, first = store.run(page())
    assert (first.command, second.command) == ("echo é", " echo 2")
    assert {(job.queue, job.priority, job.timeout_ms, job.env["A"]) for job in (first, second)} == {("q", 4, 9000, "1")}


@pytest.mark.usefixtures("_gone")
def test_jobs_with_whole_paths_need_no_current_directory(queuectl: CommandLine, store: Engine, file: Path) -> None:
    file.write_text('{"command": "true", "cwd": "/tmp"}\n{"command": "true"}\n')

    assert queuectl("enqueue", "--from", str(file), "--lines", "--cwd", "/tmp").out == "1\n2\n"

    ran = queuectl("enqueue", "--from", str(file))
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("queuectl: line 2: cwd: the current directory is gone: ")


def test_many_batches_come_in_their_order(queuectl: CommandLine, store: Engine, file: Path) -> None:
    file.write_text("".join(f"echo {n}\n" for n in range(2500)))

    ran = queuectl("enqueue", "--from", str(file), "--lines")

    assert ran.out.split() == [str(n) for n in range(1, 2501)]
    [job] = store.run(find(["2101"]))
    assert job.command == "echo 2100"


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b'{"command": "a"}\n{"comand": "b"}\n', 2, 'line 2: a job has no field "comand"'),
        (b'{"command": "a"}\n\n{"command": }\n', 2, "line 3: the job is not valid JSON"),
        (b'{"command": "a"}\n\xff\n', 2, "line 2: byte 1 is not valid UTF-8"),
        (b'{"command": "a"}\n{"command": "b", "id": "taken"}\n', 1, "line 2: id 'taken' is taken"),
        (b'{"command": "a", "id": "x"}\n\n{"command": "b", "id": "x"}\n', 1, "line 3: id 'x' is taken"),
    ],
)  # fmt: skip
def test_one_bad_line_refuses_them_all(
    queuectl: CommandLine, store: Engine, file: Path, content: bytes, status: int, said: str
) -> None:
    queuectl("enqueue", "--id", "taken", "--", "true")
    file.write_bytes(content)

    ran = queuectl("enqueue", "--from", str(file))

    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith(f"queuectl: {said}")
    assert ran.err.count("\n") == 1
    assert store.run(count_matching()) == 1


def test_an_id_taken_far_into_the_file_is_named_by_its_line(queuectl: CommandLine, file: Path) -> None:
    lines = [f'{{"command": "a", "id": "j{n % 2400}"}}\n\n' for n in range(2500)]
    file.write_text("".join(lines))

    assert "line 4801: id 'j0' is taken" in queuectl("enqueue", "--from", str(file)).err


def test_a_nul_in_a_line_is_refused(queuectl: CommandLine, file: Path) -> None:
    file.write_bytes(b"echo\nec\0ho\n")

    ran = queuectl("enqueue", "--from", str(file), "--lines")

    assert (ran.status, ran.out) == (2, "")
    assert "line 2: command" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [["--priority", "5"], ["--lines", "--id", "x"], ["--from", "y", "{}"], ["--lines", "--", "true"]],
)
def test_what_does_not_go_with_a_file_is_refused(queuectl: CommandLine, file: Path, arguments: list[str]) -> None:
    file.write_text('{"command": "true"}\n')

    ran = queuectl("enqueue", "--from", str(file), *arguments)

    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_file_that_cannot_be_read_is_one_line_and_status_1(queuectl: CommandLine, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        ran = queuectl("enqueue", "--from", str(path))
        assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert str(path) in ran.err


def test_an_empty_file_holds_no_jobs(queuectl: CommandLine, file: Path) -> None:
    file.write_text("\n\n")

    assert queuectl("enqueue", "--from", str(file)) == (0, "", f"queuectl: {file} holds no jobs\n")


def test_nothing_is_left_in_the_home_but_the_store(queuectl: CommandLine, home: Home, file: Path) -> None:
    file.write_text("true\n")
    queuectl("enqueue", "--from", str(file), "--lines")

    left = {path.name for path in Path(home.path).iterdir()}
    assert {name for name in left if not name.startswith(("queue.db", "logs", "run"))} <= {"schema.lock"}


def test_jobs_whose_ids_cannot_be_printed_are_said_to_be_stored(home: Home, store: Engine, file: Path) -> None:
    file.write_text("true\n" * 20_000)
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            program(home, "enqueue", "--lines", "--from", str(file)),
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert ran.returncode == 1
    assert ran.stderr.endswith("No space left on device: stored all the same: 20,000 jobs\n")
    assert store.run(count_matching()) == 20_000
