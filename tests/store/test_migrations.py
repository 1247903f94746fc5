"""The schema: whose file it is, how it comes up to date, and what happens where it cannot."""

from __future__ import annotations

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.model.errors import NewerSchema, NotAStore, OldSqlite, SchemaInUse, StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import LONGEST_PATH, Home, prepare_folders, prepare_home
from queuectl_core.store.sqlite import schema
from queuectl_core.store.sqlite import store as store_module
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import find, page

TODAY = schema.VERSION
ADD_COLUMN = "ALTER TABLE jobs ADD COLUMN note TEXT;"


def offer(monkeypatch: pytest.MonkeyPatch, *later_steps: str) -> None:
    """Have this program know further versions of the schema."""
    steps = schema.migrations() | dict(enumerate(later_steps, schema.VERSION + 1))
    monkeypatch.setattr(schema, "migrations", lambda: steps)
    monkeypatch.setattr(schema, "VERSION", max(steps))


def made(home: Home, *names: str) -> Home:
    """A store of the version of today, with a job of each name."""
    with SqliteStore(home) as store:
        for name in names:
            store.run(enqueue(NewJob("true", id=name)))
    return home


def ask(path: str, query: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchone()[0]


def version_of(path: str) -> object:
    return ask(path, "PRAGMA user_version")


def test_the_version_is_that_of_the_newest_migration() -> None:
    steps = schema.migrations()

    assert max(steps) == schema.VERSION
    assert sorted(steps) == list(range(1, schema.VERSION + 1))


def test_a_new_store_is_marked_as_ours(home: Home) -> None:
    made(home)

    assert version_of(home.database) == schema.VERSION
    assert ask(home.database, "PRAGMA application_id") == schema.APPLICATION_ID
    assert ask(home.database, "PRAGMA journal_mode") == "wal"
    assert not [name for name in os.listdir(home.path) if "backup" in name]


def test_many_that_open_a_new_home_at_once_make_one_schema(home: Home) -> None:
    def open_and_enqueue(n: int) -> int:
        with SqliteStore(home) as store:
            return store.run(enqueue(NewJob("true", id=f"j{n}"))).number

    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(open_and_enqueue, range(8)))

    assert sorted(numbers) == list(range(1, 9))


# ------------------------------------------------------------------ migrating


def test_a_migration_keeps_what_is_stored_and_a_backup_of_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home, "a", "b")
    offer(monkeypatch, ADD_COLUMN, "CREATE TABLE more (x TEXT) STRICT;")

    with SqliteStore(home) as store:
        assert [job.id for job in store.run(page())] == ["b", "a"]

    assert version_of(home.database) == TODAY + 2
    assert ask(home.database, "SELECT count(note) FROM jobs") == 0
    backup = f"{home.database}.v{TODAY}.backup"
    assert version_of(backup) == TODAY
    assert ask(backup, "SELECT group_concat(name) FROM (SELECT name FROM jobs ORDER BY number)") == "a,b"
    assert ask(backup, "PRAGMA integrity_check") == "ok"
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600
    assert not [name for name in os.listdir(home.path) if ".part" in name]


def test_a_backup_holds_what_is_in_the_log_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(home) as older:
        older.run(enqueue(NewJob("true", id="a")))
        offer(monkeypatch, ADD_COLUMN)
        SqliteStore(home).close()

    assert ask(f"{home.database}.v{TODAY}.backup", "SELECT name FROM jobs") == "a"


def test_a_migration_happens_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home)
    offer(monkeypatch, ADD_COLUMN)

    def open_it(_: int) -> None:
        SqliteStore(home).close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_it, range(4)))
    assert version_of(home.database) == TODAY + 1


def test_a_step_that_fails_is_rolled_back_whole(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home, "a")
    offer(monkeypatch, ADD_COLUMN, f"{ADD_COLUMN.replace('note', 'other')} INSERT INTO nowhere VALUES (1);")

    with pytest.raises(StoreError, match="no such table"):
        SqliteStore(home)

    assert version_of(home.database) == TODAY + 1
    columns = ask(home.database, "SELECT group_concat(name) FROM pragma_table_info('jobs')")
    assert isinstance(columns, str)
    assert ("note" in columns, "other" in columns) == (True, False)
    assert ask(home.database, "SELECT name FROM jobs") == "a"


def test_a_store_that_failed_to_migrate_can_be_opened_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home, "a")
    with monkeypatch.context() as patch:
        offer(patch, "INSERT INTO nowhere VALUES (1);")
        with pytest.raises(StoreError):
            SqliteStore(home)

    with SqliteStore(home) as store:
        assert store.run(find(["a"]))


def test_a_running_pool_keeps_migrations_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home)
    before = Path(home.database).read_bytes()
    monkeypatch.setattr(schema, "PATIENCE", 0.0)
    with SqliteStore(home, holds_schema=True):
        offer(monkeypatch, ADD_COLUMN)
        with pytest.raises(SchemaInUse, match="stop pools with 'queuectl worker stop' and close consoles"):
            SqliteStore(home)
    assert Path(home.database).read_bytes() == before

    SqliteStore(home).close()
    assert version_of(home.database) == TODAY + 1


async def test_an_open_console_keeps_migrations_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "PATIENCE", 0.0)
    async with await AsyncSqliteStore.open(home):
        offer(monkeypatch, ADD_COLUMN)
        with pytest.raises(SchemaInUse):
            SqliteStore(home)

    SqliteStore(home).close()


def test_who_stays_is_told_of_a_migration_that_came_in_between(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home)

    def ensure_and_be_overtaken(connection: sqlite3.Connection, _: Home) -> None:
        schema.ensure_schema(connection, home)
        schema.migrate(connection, home, {TODAY + 1: ADD_COLUMN})

    monkeypatch.setattr(store_module, "ensure_schema", ensure_and_be_overtaken)

    with pytest.raises(NewerSchema):
        SqliteStore(home, holds_schema=True)


def test_a_pool_keeps_nobody_from_the_schema_of_today(home: Home) -> None:
    with (
        SqliteStore(home, holds_schema=True),
        SqliteStore(home, holds_schema=True),
        SqliteStore(home) as store,
    ):
        assert store.run(page()) == []


def test_a_migration_copies_no_log_into_the_database_by_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(home):  # whose connection keeps the log from being copied by the last to leave
        before = os.stat(home.database).st_size
        offer(
            monkeypatch,
            "CREATE TABLE big (x BLOB) STRICT; INSERT INTO big WITH RECURSIVE n (i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT zeroblob(4000) FROM n;",
            ADD_COLUMN,
        )
        SqliteStore(home).close()

        assert os.stat(home.database).st_size == before


def test_the_longest_path_leaves_room_for_the_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    length = LONGEST_PATH - len(str(tmp_path)) - len("//queue.db")
    folder = "/".join(["x" * 99] * (length // 100))
    home = made(Home(f"{tmp_path}/{folder}/{'y' * (length - len(folder) - 1)}"), "a")
    assert len(home.database) == LONGEST_PATH
    offer(monkeypatch, ADD_COLUMN)

    SqliteStore(home).close()

    assert version_of(home.database) == TODAY + 1


# ------------------------------------------------------------------ what is not ours


def refused(home: Home, error: type[StoreError], sentence: str) -> None:
    """Opening raises the error, and the file is as it was."""
    before = Path(home.database).read_bytes()
    with pytest.raises(error, match=sentence):
        SqliteStore(home)
    assert Path(home.database).read_bytes() == before


def test_a_newer_schema_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        offer(patch, ADD_COLUMN)
        made(home)

    refused(home, NewerSchema, rf"written by a newer queuectl \(schema {TODAY + 1}\): upgrade queuectl")


def test_the_database_of_another_program_is_left_alone(home: Home) -> None:
    prepare_home(home)
    prepare_folders(home)
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("CREATE TABLE cookies (crumb)")

    refused(home, NotAStore, "belongs to another program")


def test_an_empty_database_with_the_mark_of_another_program_is_left_alone(home: Home) -> None:
    prepare_home(home)
    prepare_folders(home)
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA application_id = 7")

    refused(home, NotAStore, "belongs to another program")


@pytest.mark.parametrize(
    "content", [b"not a database, and more than a hundred bytes long " * 9, b"short", b"\0" * 4096]
)
def test_a_file_that_is_no_database_is_left_alone(home: Home, content: bytes) -> None:
    prepare_home(home)
    prepare_folders(home)
    Path(home.database).write_bytes(content)

    refused(home, NotAStore, "is not a queuectl store")


def test_a_directory_in_the_place_of_the_database_is_named(home: Home) -> None:
    prepare_home(home)
    prepare_folders(home)
    os.mkdir(home.database)

    with pytest.raises(StoreError, match=r"queue\.db is no regular file"):
        SqliteStore(home)
    assert os.listdir(home.database) == []


async def test_a_lock_that_cannot_be_opened_is_named(home: Home) -> None:
    prepare_home(home)
    prepare_folders(home)
    os.mkdir(home.lock("schema"))

    with pytest.raises(StoreError, match=r"schema\.lock"):
        SqliteStore(home)
    with pytest.raises(StoreError, match=r"schema\.lock"):
        await AsyncSqliteStore.open(home)


async def test_the_awaited_store_refuses_alike(home: Home) -> None:
    prepare_home(home)
    prepare_folders(home)
    Path(home.database).write_bytes(b"not a database " * 99)

    with pytest.raises(NotAStore, match="is not a queuectl store"):
        await AsyncSqliteStore.open(home)


def test_an_sqlite_that_is_too_old_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "OLDEST_SQLITE", (99, 0, 0))

    with pytest.raises(OldSqlite, match=f"SQLite {sqlite3.sqlite_version} is too old"):
        SqliteStore(home)
