"""A PostgreSQL that takes none but encrypted connections, where the system has one that can: our package's cannot."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import psycopg
import pytest

from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.binaries import Account, account, place
from tests.postgres.cluster import (
    LOOPBACK,
    SAID_AT_MOST,
    SETTINGS,
    SUPERUSER,
    end_with_parent,
    environment,
    reserved_port,
)

NAME = "localhost"
"""The name that the server's certificate is made out to."""

OPENSSL = shutil.which("openssl")
OF_18 = {"io_method"}
"""Settings that older servers do not know."""

OF_CERTIFICATES = f"""
[req]
prompt = no
distinguished_name = who
x509_extensions = authority
[who]
CN = {NAME}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:{NAME}
"""


class Encrypted(NamedTuple):
    """Where the server is, the certificate of who signed its own, and that of another who signs."""

    port: int
    password: str
    authority: Path
    stranger: Path

    def url(self, mode: str, authority: Path | None = None, host: str = NAME) -> str:
        """The URL of its database by a `sslmode`; `host` is what it is taken to be named."""
        options = {"hostaddr": LOOPBACK, "sslmode": mode} | ({"sslrootcert": str(authority)} if authority else {})
        return f"postgresql://{SUPERUSER}:{self.password}@{host}:{self.port}/postgres?{urlencode(options)}"


@contextmanager
def encrypted_server() -> Iterator[Encrypted]:
    """A server of one's own. Skips the test where the system has no PostgreSQL with TLS, or no `openssl`."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL with TLS is installed: the one of our package has none")
    if OPENSSL is None:
        pytest.skip("openssl, which makes the certificates, is not installed")
    folder = Path(tempfile.mkdtemp(prefix="queuectl-postgres-tls-", dir=place()))
    try:
        with closing(reserved_port()) as port:
            number, password = port.getsockname()[1], secrets.token_urlsafe(24)
            server = Encrypted(number, password, folder / "authority.pem", folder / "stranger.pem")
            who = account()
            _certify(OPENSSL, folder)
            _make(programs, folder, password, who)
            with _running(programs, folder, server, who):
                yield server
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """The folder of the newest `initdb` and `postgres` of the system that are built with TLS."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    folders.sort(key=lambda folder: [int(part) for part in re.findall(r"\d+", str(folder))], reverse=True)
    if found := shutil.which("postgres"):
        folders.append(Path(found).resolve().parent)
    return next((folder for folder in folders if _has_tls(folder)), None)


def _has_tls(folder: Path) -> bool:
    if not all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
        return False
    asked = f"-C ssl_library -D {place()} -c config_file={os.devnull}"
    told = subprocess.run(
        [f"{folder}/postgres", *asked.split()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(),
    )
    return told.stdout.strip() != ""


def _certify(openssl: str, folder: Path) -> None:
    """The keys and certificates of two who sign, and of a server, for which the first has signed."""
    (folder / "settings").write_text(OF_CERTIFICATES)
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config settings"
    signed = "-CA authority.pem -CAkey authority.key -set_serial 1 -extfile settings -extensions server"
    commands = [
        *(f"req -x509 -days 2 {key} -keyout {who}.key -out {who}.pem" for who in ("authority", "stranger")),
        f"req {key} -keyout server.key -out server.csr",
        f"x509 -req -days 2 -in server.csr -out server.pem {signed}",
    ]
    for command in commands:
        _do([openssl, *command.split()], folder)


def _make(programs: Path, folder: Path, password: str, who: Account) -> None:
    (folder / "password").write_text(password)
    who.own(str(folder))
    options = f"--pgdata data --no-sync --pwfile password --username={SUPERUSER} --auth=scram-sha-256 --locale=C"
    _do([str(programs / "initdb"), *options.split(), "--encoding=UTF8"], folder, who)
    (folder / "data" / "pg_hba.conf").write_text(f"hostssl all all {LOOPBACK}/32 scram-sha-256\n")


@contextmanager
def _running(programs: Path, folder: Path, server: Encrypted, who: Account) -> Iterator[None]:
    certified = {"ssl": "on", "ssl_cert_file": folder / "server.pem", "ssl_key_file": folder / "server.key"}
    given = {**SETTINGS, **certified, "max_connections": 20, "unix_socket_directories": ""}
    options = [part for name, value in given.items() if name not in OF_18 for part in ("-c", f"{name}={value}")]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-p", str(server.port), *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
            preexec_fn=end_with_parent,
            **who.identity(),
        )
    try:
        eventually(lambda: process.poll() is not None or _answers(server), what="PostgreSQL answers")
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-SAID_AT_MOST:]}")
        yield
    finally:
        process.send_signal(signal.SIGQUIT)  # its data goes too
        process.wait(PATIENCE)


def _answers(server: Encrypted) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(server.url("require"), connect_timeout=2):
        return True
    return False


def _do(command: list[str], folder: Path, who: Account | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=end_with_parent,
        **(who.identity() if who else {}),
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-SAID_AT_MOST:]}")
