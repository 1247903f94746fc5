"""The systemd unit that `queuectl worker unit` prints."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from queuectl_core.cli.unit import quoted, this_program, unit_text, without_password
from queuectl_core.model.settings import Settings
from tests.cli.line import CommandLine

PROGRAM = ("/opt/queuectl/bin/queuectl",)


def text(home: str = "/home/me/q", program: tuple[str, ...] = PROGRAM, **settings: str) -> str:
    return unit_text(program, home, Settings.from_texts(settings), "/usr/bin:/bin")


def values(unit: str) -> dict[str, str]:
    """What the unit sets, by key."""
    return dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))


def test_the_pool_is_started_by_an_absolute_path_on_its_home() -> None:
    found = values(text())

    assert found["ExecStart"] == "/opt/queuectl/bin/queuectl --home /home/me/q worker start"
    assert found["Type"] == "exec"
    assert found["Restart"] == "on-failure"
    assert found["KillMode"] == "mixed"
    assert found["WantedBy"] == "default.target"
    assert found["Environment"] == "PATH=/usr/bin:/bin"


def test_a_stop_lasts_as_long_as_runs_may_take() -> None:
    assert values(text())["TimeoutStopSec"] == "infinity"
    assert values(text(shutdown_grace="5m", kill_grace="20"))["TimeoutStopSec"] == "330"


def test_what_systemd_would_read_otherwise_is_quoted() -> None:
    found = values(text(home="/home/a b/100%/$x"))

    assert found["ExecStart"] == '/opt/queuectl/bin/queuectl --home "/home/a b/100%%/$$x" worker start'


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("/plain/path", "/plain/path"),
        ("two words", '"two words"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("50%", "50%%"),
        ("line\nbreak", '"line\\nbreak"'),
        ("ünïcode", '"ünïcode"'),
        ("", '""'),
    ],
)
def test_a_word_is_quoted_where_it_needs_to_be(word: str, expected: str) -> None:
    assert quoted(word) == expected


def test_a_dollar_in_the_path_of_the_program_is_no_variable() -> None:
    assert values(text(program=("/opt/$x/queuectl",)))["ExecStart"].startswith("/opt/$x/queuectl ")


def test_the_command_prints_it_and_it_names_the_home(queuectl: CommandLine) -> None:
    ran = queuectl("worker", "unit")

    assert (ran.status, ran.err) == (0, "")
    assert f"--home {queuectl.home.path} worker start" in values(ran.out)["ExecStart"]
    assert "systemctl --user" in ran.out


def test_the_program_is_named_by_an_absolute_path() -> None:
    assert this_program()[0].startswith("/")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    file = tmp_path / "queuectl.service"
    file.write_text(text(home="/tmp/a b%", program=("/bin/true",)))

    checked = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "queuectl.service" not in checked.stderr


# ---------------------------------------------------------------- a store on a server


def on_server(url: str) -> str:
    return unit_text(PROGRAM, "/home/me/q", Settings.from_texts({}), "/usr/bin:/bin", url)


def test_what_says_how_to_install_it_names_the_server() -> None:
    [line] = [
        line for line in on_server("postgresql://me:s3cr3t@host/db?schema=q").splitlines() if "worker unit" in line
    ]
    words = shlex.split(line.removeprefix("#"))

    assert words[words.index("--store") + 1] == "postgresql://me@host/db?schema=q"
    assert words.index("--store") < words.index("worker")
    assert "--store" not in text()


def test_a_pool_on_a_server_is_told_where_its_jobs_are() -> None:
    unit = on_server("postgresql://worker@db.example/shop?sslmode=verify-full&schema=q")
    stores = [line for line in unit.splitlines() if "QUEUECTL_STORE" in line]

    assert stores == ['Environment="QUEUECTL_STORE=postgresql://worker@db.example/shop?sslmode=verify-full&schema=q"']
    assert "--store" not in values(unit)["ExecStart"]
    assert "QUEUECTL_STORE" not in text()
    assert "~/.pgpass" not in text()


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("postgresql://me:s3cr3t@host/db", "postgresql://me@host/db"),
        ("postgresql://me:s3cr3t@a:5432,b:5433/db?sslmode=require", "postgresql://me@a:5432,b:5433/db?sslmode=require"),
        ("postgresql://host/db?user=me&password=s3cr3t&schema=q", "postgresql://host/db?user=me&schema=q"),
        ("postgresql://host/db?password=s3cr3t", "postgresql://host/db"),
        ("postgresql:///db?host=%2Frun%2Fpg&sslpassword=s3cr3t", "postgresql:///db?host=%2Frun%2Fpg"),
        ("postgresql://me:a%40s3cr3t@[::1]:5432/db", "postgresql://me@[::1]:5432/db"),
        ("postgres://me@/db?host=/run", "postgres://me@/db?host=/run"),
        ("postgresql://me:a#s3cr3t@host/db", "postgresql://me@host/db"),
        ("postgresql://me:a#?s3cr3t@host", "postgresql://me@host"),
        ("postgresql://host/db?p%61ssword=s3cr3t", "postgresql://host/db"),
    ],
)
def test_the_password_of_the_server_is_not_in_the_unit_but_where_it_belongs(url: str, left: str) -> None:
    unit = on_server(url)

    assert without_password(url) == left
    assert "s3cr3t" not in unit
    assert quoted(f"QUEUECTL_STORE={left}") in unit
    assert "~/.pgpass" in unit
    assert "PGPASSFILE" in unit
