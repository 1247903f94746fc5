"""A queue on a server that takes none but encrypted connections: `sslmode` and `sslrootcert` of the URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.cli.hosts import Host
from tests.postgres.encrypted import Encrypted, encrypted_server

pytestmark = pytest.mark.postgres

COMMANDS = (("list",), ("enqueue", "--", "true"), ("worker", "start", "--count", "1", "--drain"))


@pytest.fixture(scope="module")
def server() -> Iterator[Encrypted]:
    """A server with a queue on it."""
    with encrypted_server() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_certificates_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in a person's home do not reach a test, nor what their environment says."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "PGSSLMODE",
        "PGSSLROOTCERT",
        "PGSSLCERT",
        "PGSSLKEY",
        "QUEUECTL_STORE",
        "QUEUECTL_HOME",
        "QUEUECTL_DEBUG",
    ):
        monkeypatch.delenv(name, raising=False)


def host_at(folder: Path, url: str, here: pytest.CaptureFixture[str]) -> Host:
    return Host(Home(str(folder / "home"), url), here)


def is_at_work(host: Host) -> None:
    """Have a queue made, where there is none, and a job enqueued, listed and run."""
    assert host("init").status == 0
    job = host.enqueue("true")
    assert job in [one["id"] for one in host.json("list")]

    host.drain()

    assert host.json("show", job)["state"] == "completed"


def is_refused(host: Host, password: str, why: str) -> None:
    """See that each command says in one line why it cannot reach the server, and does not tell the password."""
    for command in COMMANDS:
        ran = host(*command)
        assert (ran.status, ran.out) == (1, ""), command
        [line] = ran.err.splitlines()
        assert "cannot reach postgresql://" in line
        assert why in line
        assert password not in line


def test_a_queue_is_at_work_over_an_encrypted_connection(
    server: Encrypted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    is_at_work(host_at(tmp_path, server.url("require"), capfd))


def test_a_queue_is_at_work_where_the_server_proves_who_it_is(
    server: Encrypted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    is_at_work(host_at(tmp_path, server.url("verify-full", server.authority), capfd))


def test_a_connection_that_is_not_encrypted_is_refused(
    server: Encrypted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    is_refused(host_at(tmp_path, server.url("disable"), capfd), server.password, "no encryption")


def test_a_server_that_another_has_signed_for_is_refused(
    server: Encrypted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    host = host_at(tmp_path, server.url("verify-full", server.stranger), capfd)

    is_refused(host, server.password, "certificate verify failed")


def test_a_server_of_another_name_is_refused(
    server: Encrypted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    host = host_at(tmp_path, server.url("verify-full", server.authority, host="db.example"), capfd)

    is_refused(host, server.password, "does not match host name")


def test_a_certificate_to_trust_that_is_not_there_is_named(
    server: Encrypted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone.pem"
    host = host_at(tmp_path, server.url("verify-full", gone), capfd)

    is_refused(host, server.password, f'"{gone}" does not exist')
