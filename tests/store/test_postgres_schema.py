"""How the schema on a server is made and brought up to date: by one at a time, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from queuectl_core.model.errors import NewerSchema, NotAStore, SchemaInUse, StoreDamaged, StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.postgres import schema
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.workers import Lease, register_pool
from tests.execution.pools import ROOT
from tests.postgres.server import Databases, at_database, with_parameter

NEXT = {**schema.migrations(), 2: "ALTER TABLE {schema}.jobs ADD COLUMN note TEXT"}
"""What a version after this one might be."""

DYING = """
import os, signal, sys
from queuectl_core.store import failpoints
from queuectl_core.store.home import Home
from queuectl_core.store.postgres import schema, store

def die(point, *_):
    if point is failpoints.Failpoint.MIGRATING:
        os.kill(os.getpid(), signal.SIGKILL)

failpoints.reached = die
if sys.argv[3:]:
    schema.migrations = lambda old=schema.migrations(): {**old, 2: sys.argv[3]}
store.make_store(Home(sys.argv[1], sys.argv[2]))
"""
"""A program that makes a store, and is killed when all is written and nothing committed."""


@pytest.fixture
def home(postgres: Databases, tmp_path: Path) -> Iterator[Home]:
    """A home whose server has an empty database for it."""
    with postgres.database() as url:
        yield Home(str(tmp_path / "home"), url)


def brought_up(home: Home) -> None:
    """Bring the store of a home up to the version after this one."""
    address = parse_address(str(home.url))
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        schema.make(connection, address, NEXT)


def dies_at_it(home: Home, *step: str) -> None:
    """Run the program that is killed while it makes or migrates the store."""
    command = [sys.executable, "-c", DYING, home.path, str(home.url), *step]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr


def test_those_who_make_a_store_at_the_same_time_make_one(home: Home) -> None:
    command = [sys.executable, "-m", "queuectl_core", "--home", home.path, "init"]
    environment = {**os.environ, "QUEUECTL_STORE": str(home.url)}
    at_it = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate(timeout=60)[1] for process in at_it]

    assert [process.returncode for process in at_it] == [0] * 4, said
    with open_home(home) as store:
        assert store.run(enqueue(NewJob("true"))).number == 1


def test_a_store_that_is_half_made_leaves_nothing(home: Home) -> None:
    dies_at_it(home)

    with pytest.raises(StoreError, match="there is no store"):
        open_home(home)
    make_home(home)


def test_a_store_of_an_older_version_is_brought_up_to_date_with_its_jobs(home: Home) -> None:
    make_home(home)
    with open_home(home) as store:
        job = store.run(enqueue(NewJob("true")))
    brought_up(home)

    address = parse_address(str(home.url))
    with psycopg.connect(address.conninfo) as connection:
        rows = connection.execute("SELECT number, note FROM queuectl.jobs").fetchall()
        assert schema.version_from(connection.execute(schema.LOOK, (address.schema,)), address) == 2
    assert rows == [(job.number, None)]


def test_a_migration_that_is_killed_leaves_the_store_as_it_was(home: Home) -> None:
    make_home(home)
    with open_home(home) as store:
        job = store.run(enqueue(NewJob("true")))
    dies_at_it(home, NEXT[2])

    with open_home(home) as store:
        assert store.run(page()) == [job]
    brought_up(home)


def test_a_pool_that_is_alive_keeps_a_migration_away(home: Home) -> None:
    make_home(home)
    with open_home(home) as store:
        store.run(register_pool("abc", "elsewhere", 1, 1, Lease("another site", 60_000)))
        with pytest.raises(SchemaInUse, match="1 pools have it open"):
            brought_up(home)
        store.run(enqueue(NewJob("true")))  # All is as before.


def test_a_pool_that_is_long_silent_does_not(home: Home) -> None:
    make_home(home)
    with open_home(home) as store:
        store.run(register_pool("abc", "elsewhere", 1, 1, Lease("another site", 0)))
    brought_up(home)


def test_a_store_of_a_newer_version_is_left_alone(home: Home) -> None:
    make_home(home)
    brought_up(home)

    with pytest.raises(NewerSchema, match="upgrade queuectl"):
        open_home(home)
    with pytest.raises(NewerSchema, match="upgrade queuectl"):
        make_home(home)


def test_a_schema_of_another_program_is_left_alone(home: Home) -> None:
    with psycopg.connect(str(home.url), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA queuectl; CREATE TABLE queuectl.theirs ()")

    with pytest.raises(NotAStore, match="belongs to another program"):
        make_home(home)


@pytest.mark.parametrize("version", ["x", "", "1.0", "0", "-1", "²"])
def test_a_mark_without_a_version_is_said_to_be_damaged(home: Home, version: str) -> None:
    make_home(home)
    with psycopg.connect(str(home.url), autocommit=True) as connection:
        connection.execute(f"COMMENT ON SCHEMA queuectl IS 'queuectl schema {version}'".encode())

    for attempt in (make_home, open_home):
        with pytest.raises(StoreDamaged, match=f'schema queuectl names version "{re.escape(version)}"'):
            attempt(home)


def test_a_store_that_lost_a_table_is_said_to_be_damaged(home: Home) -> None:
    make_home(home)
    with psycopg.connect(str(home.url), autocommit=True) as connection:
        connection.execute("DROP TABLE queuectl.jobs CASCADE")

    with pytest.raises(StoreDamaged, match="jobs missing from schema"):
        make_home(home)


def test_two_schemas_of_one_database_are_two_queues(home: Home) -> None:
    other = Home(home.path, with_parameter(str(home.url), "schema=other"))
    for one in (home, other):
        make_home(one)
    with open_home(home) as store, open_home(other) as elsewhere:
        store.run(enqueue(NewJob("true")))

        assert elsewhere.run(page()) == []


def test_a_database_that_does_not_hold_every_text_is_refused(home: Home, postgres: Databases) -> None:
    name = f"{parse_address(str(home.url)).conninfo.partition('queuectl_test_')[2][:12]}_latin"
    with psycopg.connect(postgres.url, autocommit=True) as ruler:
        create = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
        ruler.execute(sql.SQL(create).format(sql.Identifier(name)))
        try:
            with pytest.raises(StoreError, match="a database of LATIN1"):
                make_home(Home(home.path, at_database(postgres.url, name)))
        finally:
            with contextlib.suppress(psycopg.Error):
                ruler.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
