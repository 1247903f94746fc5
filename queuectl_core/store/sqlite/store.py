"""The blocking SQLite store, for commands and workers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from queuectl_core.model.job import TAIL_BYTES
from queuectl_core.store import failpoints
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home, cannot_use, prepare_home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.connecting import BUSY_SECONDS, QUERIES, configure, find_file, make_file, wall_clock
from queuectl_core.store.sqlite.faults import translated
from queuectl_core.store.sqlite.gate import Gate
from queuectl_core.store.sqlite.schema import ensure_schema, hold_schema
from queuectl_core.store.statements import Kind, Many, Play, Rows, Statement, Transaction, Wake

T = TypeVar("T")

IMPATIENCE = 0.05
"""Seconds to wait for other writers where waiting would do harm."""

EARLY_CHECKPOINT_PAGES = 1000
"""A keeper checkpoints a log of this length, before a writer has to."""


class SqliteStore:
    """One connection to the store in a home; belongs to one thread of one process.

    `clock` gives milliseconds since the epoch. `holds_schema` keeps migrations away while it is open,
    which is for those who stay; without `makes` a store that is not there, or is empty, is an error. Raises a
    StoreError where the store cannot be used.
    """

    def __init__(
        self,
        home: Home,
        *,
        clock: Callable[[], int] = wall_clock,
        busy_seconds: float = BUSY_SECONDS,
        holds_schema: bool = False,
        makes: bool = True,
    ) -> None:
        self.home = home
        self.clock = clock
        self.always_durable = False
        """Whether workers' transactions, too, are on the disk before `run` returns."""
        self.tail_bytes = TAIL_BYTES
        self._doorbell = Doorbell(home)
        self._busy_seconds = busy_seconds
        self._synced = True
        self._commits = 0
        if makes:
            prepare_home(home)
            make_file(home)
        else:
            find_file(home)
        try:
            self._connection = sqlite3.connect(
                home.database, timeout=busy_seconds, isolation_level=None, cached_statements=256
            )
            try:
                ensure_schema(self._connection, home)
                configure(self._connection)
                self._schema = hold_schema(self._connection, home) if holds_schema else None
                self._gate = Gate(home, busy_seconds)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise translated(error, home.database) from error
        except OSError as error:
            raise cannot_use(home.path, error) from error

    def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction and commit it; on any error it leaves nothing behind.

        Returns what the transaction returns, once it is as durable as its kind asks. Raises what it
        raises, or a StoreError.
        """
        try:
            if transaction.kind is Kind.READ:
                return self._attempt("BEGIN", transaction).outcome()
            self._choose_durability(transaction.kind)
            with self._gate.passed():
                # At once, since a transaction that reads first and writes later fails where another wrote meanwhile.
                play = self._attempt("BEGIN IMMEDIATE", transaction)
            if play.wakes:
                self._doorbell.ring(play.wakes)
            self._mind_log()
        except sqlite3.Error as error:
            raise translated(error, self.home.database) from error
        return play.outcome()

    @contextmanager
    def impatient(self, seconds: float = 0.0) -> Iterator[None]:  # noqa: ARG002  # nothing here is far away
        """Wait for other writers hardly at all: for what can be done later, while something else must be seen to."""
        usual, self._gate.patience = self._gate.patience, IMPATIENCE
        self._wait_for_strangers(IMPATIENCE)
        try:
            yield
        finally:
            self._gate.patience = usual
            self._wait_for_strangers(self._busy_seconds)

    def _wait_for_strangers(self, seconds: float) -> None:
        """Wait so long for writers that do not pass the gate, as the shell of SQLite."""
        self._connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def is_crowded(self) -> bool:
        """Whether others stand at the gate."""
        return self._gate.is_crowded()

    def _attempt(self, begin: str, transaction: Transaction[T]) -> Play[T]:
        """Begin, play and commit; or roll back and raise."""
        self._connection.execute(begin)
        try:
            play = self._play(transaction)
            failpoints.reached(Failpoint.BEFORE_COMMIT, transaction, play.result)
            self._connection.execute("COMMIT")
            failpoints.reached(Failpoint.AFTER_COMMIT, transaction, play.result)
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return play

    def _choose_durability(self, kind: Kind) -> None:
        synced = kind is Kind.WRITE or self.always_durable
        if synced is not self._synced:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._synced = synced

    def _play(self, transaction: Transaction[T]) -> Play[T]:
        play = Play(transaction)
        now = self.clock()
        request = play.advance(None)
        while request is not None:
            request = play.advance(self._perform(request, now))
        return play

    def _perform(self, request: Statement | Many, now: int) -> Rows:
        if isinstance(request, Many):
            return [(self._connection.executemany(QUERIES[request.name], request.rows).rowcount,)]
        values = {**request.values, "now": now}
        # To the end, always: an open cursor would hold the write lock.
        return self._connection.execute(QUERIES[request.name], values).fetchall()

    def _mind_log(self) -> None:
        self._commits += 1
        if self._commits % wal.COMMITS_A_LOOK != 1:
            return
        # What was committed stands: nothing that happens here may look as if it had not been.
        if wal.is_long(self.home.database) and self._gate.is_open():
            try:
                wal.shorten(self._connection, self.home.database, self.home.lock("checkpoint"))
            finally:
                self._gate.leave()

    def checkpoint(self) -> bool:
        """Copy the log into the database; False where another process is at it."""
        try:
            with self._gate.passed():
                return wal.checkpoint(self._connection, self.home.database, self.home.lock("checkpoint"))
        except sqlite3.Error as error:
            raise translated(error, self.home.database) from error
        except OSError as error:
            raise cannot_use(self.home.path, error) from error

    def handle(self) -> int | None:
        """None: all who change the store ring for themselves."""
        return None

    def heard(self) -> list[Wake | None]:
        """Nothing, likewise."""
        return []

    def upkeep(self) -> bool:
        """Checkpoint a log that grows, before a writer has to; whether it was."""
        return wal.is_long(self.home.database, EARLY_CHECKPOINT_PAGES) and self.checkpoint()

    def check_integrity(self) -> list[str]:
        """What SQLite finds wrong with the file; empty where it is sound."""
        try:
            rows = self._connection.execute("PRAGMA quick_check(5)").fetchall()
        except sqlite3.Error as error:
            return [str(error)]
        return [text for (text,) in rows if text != "ok"]

    def data_version(self) -> int:
        """A number that differs once another connection has committed since the last call."""
        try:
            [(version,)] = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error as error:
            raise translated(error, self.home.database) from error
        return int(version)

    def count_steps(self, every: int, observe: Callable[[], object]) -> None:
        """Call `observe` each time SQLite's virtual machine has taken `every` steps; for measuring queries."""
        self._connection.set_progress_handler(lambda: bool(observe()) and False, every)

    def close(self) -> None:
        """Give the connection up; closing twice is harmless."""
        self._connection.close()
        self._gate.close()
        if self._schema is not None:
            os.close(self._schema)
            self._schema = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
