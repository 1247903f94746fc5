"""The schema on the server: made and brought up to date by `queuectl init` alone, by whoever may.

Others, who may only have the rights to work with it, refuse one that is missing, older or newer. While it is made or
migrated an advisory lock keeps others from doing the same; a pool that is alive keeps a migration away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql

from queuectl_core.model.cleaning import shown
from queuectl_core.model.errors import (
    NewerSchema,
    NotAStore,
    SchemaInUse,
    StoreDamaged,
    StoreError,
    StoreReadOnly,
)
from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.postgres import checkup
from queuectl_core.store.postgres.address import Address
from queuectl_core.store.statements import read_migrations

VERSION = 1
"""The schema version that this program reads and writes; a file in `migrations/` leads to each."""

MARK = "queuectl schema "
"""The comment on the schema: marks it as ours, and says its version."""


def migrations() -> dict[int, str]:
    """The SQL of every migration, by the version it leads to."""
    return read_migrations(os.path.dirname(__file__))


def version_from(rows: Iterable[tuple[Any, ...]], address: Address) -> int | None:
    """The version of the schema by the answer to `LOOK`; None where there is no schema.

    Raises NotAStore, StoreDamaged where the mark has lost its version, or StoreReadOnly where our role may not use what
    is in it.
    """
    for comment, tables, role, may_use in rows:
        if comment is None and not tables:
            return 0
        if comment is None or not comment.startswith(MARK):
            hint = "choose another by ?schema=NAME in the URL"
            raise NotAStore(f"schema {address.schema} of {address.shown} belongs to another program", hint)
        if not may_use:
            # Its tables are as good as missing then, and the server says no more than that they are.
            hint = f"have its owner run 'GRANT USAGE ON SCHEMA {address.schema} TO {role}'"
            raise StoreReadOnly(f"{address.shown}: role {role} has no USAGE on schema {address.schema}", hint)
        return _marked(comment, address)
    return None


def _marked(comment: str, address: Address) -> int:
    version = comment.removeprefix(MARK)
    if not re.fullmatch("[1-9][0-9]{0,8}", version):
        what = f"the comment on schema {address.schema} names version {shown(version)}"
        statement = f"COMMENT ON SCHEMA {address.schema} IS '{MARK}N'"
        hint = f"have its owner run {statement} with the N that it had, or restore a backup"
        raise StoreDamaged(f"{address.shown} is damaged: {what}", hint)
    return int(version)


LOOK = """
SELECT obj_description(oid, 'pg_namespace'), EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = pg_namespace.oid),
    quote_ident(current_user), has_schema_privilege(oid, 'USAGE')
FROM pg_namespace WHERE nspname = %s
"""


def refuse_unless_current(version: int | None, address: Address) -> None:
    """Raise a StoreError where the schema is not the present one."""
    if not version:
        raise StoreError(f"there is no store in {address.shown}", "make it with 'queuectl init'")
    if version > VERSION:
        raise NewerSchema(f"{address.shown} was written by a newer queuectl (schema {version})", "upgrade queuectl")
    if version < VERSION:
        hint = "stop its pools and bring it up to date with 'queuectl init'"
        raise StoreError(f"{address.shown} is of an older queuectl (schema {version})", hint)


def require_current(connection: psycopg.Connection[Any], address: Address) -> None:
    """Raise a StoreError where the schema is missing or not the present one."""
    refuse_unless_current(version_from(connection.execute(LOOK, (address.schema,)), address), address)


def make(connection: psycopg.Connection[Any], address: Address, steps: Mapping[int, str]) -> None:
    """Make the schema, or apply the steps that lead to the newest: all of them or none.

    Waits for another who is at it. Raises NotAStore, NewerSchema or SchemaInUse, or a StoreError for a database that
    cannot hold every text; it changes nothing then.
    """
    newest = max(steps)
    schema = sql.Identifier(address.schema)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"queuectl schema {address.schema}",))
        version = version_from(connection.execute(LOOK, (address.schema,)), address) or 0
        if version > newest:
            raise NewerSchema(f"{address.shown} was written by a newer queuectl (schema {version})", "upgrade queuectl")
        if version == newest:
            _refuse_incomplete(connection, address)
            return
        if version:
            _refuse_in_use(connection, address)
        else:
            _refuse_encoding(connection, address)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        for step in range(version + 1, newest + 1):
            connection.execute(steps[step].replace("{schema}", f'"{address.schema}"').encode(), prepare=False)
        mark = sql.Literal(f"{MARK}{newest}")
        connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(schema, mark))
        failpoints.reached(Failpoint.MIGRATING)
    failpoints.reached(Failpoint.MIGRATED)


def _refuse_incomplete(connection: psycopg.Connection[Any], address: Address) -> None:
    """What is missing cannot be made again without what was in it."""
    query = "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s"
    there = {name for (name,) in connection.execute(query, (address.schema,))}
    if missing := sorted({*checkup.WORK, *checkup.OPERATE} - there):
        what = f"{', '.join(missing)} missing from schema {address.schema}"
        raise StoreDamaged(f"{address.shown} is damaged: {what}", "restore a backup of the database")


def _refuse_encoding(connection: psycopg.Connection[Any], address: Address) -> None:
    [(encoding,)] = connection.execute("SHOW server_encoding").fetchall()
    if encoding != "UTF8":
        hint = "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        raise StoreError(f"{address.shown} is a database of {encoding}, which does not hold every text", hint)


def _refuse_in_use(connection: psycopg.Connection[Any], address: Address) -> None:
    alive = "SELECT count(*) FROM {}.pools WHERE seen_at > extract(epoch FROM clock_timestamp()) * 1000 - lease_ms"
    query = sql.SQL(alive).format(sql.Identifier(address.schema))
    [(pools,)] = connection.execute(query).fetchall()
    if pools:
        raise SchemaInUse(
            f"{address.shown} needs a migration, but {pools} pools have it open",
            "stop them with 'queuectl worker stop' and try again",
        )
