"""The blocking PostgreSQL store, for commands and workers.

A transaction is run again from its start where the connection was lost or others changed the same. Each change carries
a key of its own, which is stored with it: where the answer to a commit never came, the key tells whether it was made.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self, TypeVar, cast

import psycopg

from queuectl_core.model.errors import InvalidInput
from queuectl_core.store import failpoints
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home, prepare_folders, prepare_home
from queuectl_core.store.postgres import schema
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.postgres.compiling import COPIES, QUERIES, TEST_QUERIES
from queuectl_core.store.postgres.connecting import (
    BACKEND,
    Bounded,
    Places,
    arguments,
    as_json,
    begin,
    leave_unprepared,
    set_up,
    was_new,
)
from queuectl_core.store.postgres.faults import (
    CLASHES,
    NoAnswer,
    TooSlow,
    is_hopeless,
    is_lost,
    may_come_back,
    translating,
)
from queuectl_core.store.postgres.folding import FORGET_SECONDS, fold
from queuectl_core.store.postgres.requests import (
    FOLD_ONE_IN,
    MOST_CLASHES,
    Unanswered,
    Unsettled,
    announced,
    channel,
    pauses,
    since_boot_ns,
    understood,
)
from queuectl_core.store.site import place_of
from queuectl_core.store.statements import Kind, Many, Play, Row, Rows, Statement, Transaction, Wake

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which a command tries to reach a server again that it had reached before."""

STAYING_PATIENCE = 2.0
"""The same for those who stay, and who try again by themselves."""

STAYING_LIMIT = 10.0
"""Seconds for which those who stay wait for one answer."""

TAIL_BYTES = 64 * 1024
"""How much of the end of a run's output is stored: its file is perhaps on another host."""

IMPATIENCE = 0.5
"""Seconds to wait for one answer where waiting would do harm."""


def make_store(home: Home) -> None:
    """Make the schema that the home's URL names, or bring it up to date. Raises a StoreError."""
    address = parse_address(str(home.url))
    with translating(address.shown), Bounded.connect(address.conninfo, **arguments(address)) as connection:
        schema.make(connection, address, schema.migrations())


class PostgresStore:
    """One connection to a store; belongs to one thread of one process.

    `stays` is for workers and pools: they wait less long for the server, and try again by themselves; one that
    `listens` hears what others announce. `clock` is for tests; otherwise time is the server's. Raises InvalidInput for
    a URL that cannot be meant, or a StoreError.
    """

    def __init__(
        self, home: Home, *, stays: bool = False, listens: bool = False, clock: Callable[[], int] | None = None
    ) -> None:
        if home.url is None:
            raise InvalidInput("a PostgreSQL store has a URL", "give one with --store")
        self.home = home
        self.always_durable = True
        self.tail_bytes = TAIL_BYTES
        self._address = parse_address(home.url)
        self._given_clock = clock
        self._queries = QUERIES if clock is None else TEST_QUERIES
        self._patience = STAYING_PATIENCE if stays else PATIENCE
        self._limit = STAYING_LIMIT if stays else None
        self._deadline: float | None = None
        self._again_at, self._pauses = 0.0, pauses()
        self._forget_at = 0.0
        self._listens = listens
        self._places = Places(self._address.direct if listens else self._address.conninfo)
        self._unanswered = Unanswered()
        self._doorbell = Doorbell(home)
        self.place = place_of(home)
        prepare_home(home)
        prepare_folders(home)
        with self._translating():
            self._connection = self._connected(time.monotonic() + self._patience, first=True)

    def clock(self) -> int:
        """The present instant by the server's clock: milliseconds since the epoch."""
        if self._given_clock is not None:
            return self._given_clock()
        with self._translating():
            [(now,)] = self._ready().execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        return int(now)

    def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction and commit it; see `Store.run`."""
        with self._translating():
            play = self._until_done(transaction, self._unanswered.key_for(transaction))
        if transaction.kind is not Kind.READ:
            self._doorbell.ring(play.wakes)
            if transaction.kind is Kind.WRITE and random.randrange(FOLD_ONE_IN) == 0:
                self.upkeep()
        return play.outcome()

    def _until_done(self, transaction: Transaction[T], key: bytes) -> Play[T]:
        """Attempt it until it is committed, or cannot be."""
        deadline = time.monotonic() + self._patience
        clashes = losses = 0
        for pause in pauses():
            try:
                return self._attempt(transaction, key)
            except CLASHES:
                clashes += 1
                if clashes > MOST_CLASHES:
                    raise
            except psycopg.Error as error:
                if is_hopeless(error) or not is_lost(error, self._connection) or time.monotonic() > deadline:
                    raise
                losses += 1
                if losses > 1:  # A server that takes connections and ends them is not to be pressed.
                    time.sleep(pause)
                self._connection = self._connected(deadline, first=False)
                continue
            time.sleep(min(pause, 0.01 * clashes))
        raise AssertionError("pauses do not end")

    def _attempt(self, transaction: Transaction[T], key: bytes) -> Play[T]:
        """Begin, play and commit; or roll back and raise. A change that was committed before is not made again."""
        connection = self._ready()
        changes = transaction.kind is not Kind.READ
        now = self._given_clock() if self._given_clock is not None else None
        durable = changes and self.always_durable
        text = begin(transaction.kind, self._address.schema, key if changes else None, now, durable=durable)
        try:
            begun = connection.execute(text.encode(), prepare=False)
            if changes and not was_new(begun):
                return self._made_before(transaction)
            play = self._play(transaction)
            if play.wakes:
                self._announce(play.wakes)
            failpoints.reached(Failpoint.BEFORE_COMMIT, transaction, play.result)
            self._commit(transaction, key, play)
            failpoints.reached(Failpoint.AFTER_COMMIT, transaction, play.result)
        except BaseException:
            if not connection.closed:
                with contextlib.suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
            raise
        self._unanswered.settle(transaction)
        return play

    def _commit(self, transaction: Transaction[T], key: bytes, play: Play[T]) -> None:
        try:
            self._connection.execute("COMMIT")
        except psycopg.Error as error:
            if transaction.kind is not Kind.READ and is_lost(error, self._connection):
                self._unanswered.add(Unsettled(transaction, key, play, since_boot_ns()))
                raise NoAnswer(str(error)) from error
            raise

    def _made_before(self, transaction: Transaction[Any]) -> Play[Any]:
        """What came of the attempt whose answer was lost."""
        made = self._unanswered.of(transaction)
        assert made is not None
        self._unanswered.settle(transaction)
        self._connection.execute("ROLLBACK")
        return made.play

    def _play(self, transaction: Transaction[T]) -> Play[T]:
        play = Play(transaction)
        request = play.advance(None)
        while request is not None:
            request = play.advance(self._perform(request))
        return play

    def _perform(self, request: Statement | Many) -> Rows:
        query = self._queries[request.name]
        if isinstance(request, Many) and query.startswith(COPIES):
            copying = self._connection.cursor()
            with copying.copy(query.encode()) as copy:
                for row in request.rows:
                    copy.write_row(cast(Row, row))
            return [(copying.rowcount,)]
        if isinstance(request, Many):
            cursor = self._connection.execute(query, {"rows": as_json(request.rows), "place": self.place})
            return [(cursor.rowcount,)]
        values: dict[str, Any] = dict(request.values)
        if self._given_clock is not None:
            values["now"] = self._given_clock()
        cursor = self._connection.execute(query, values)
        return cursor.fetchall() if cursor.description is not None else []

    def _announce(self, wakes: Iterable[Wake]) -> None:
        self._connection.execute("SELECT pg_notify(%s, %s)", (channel(self._address.schema), announced(wakes)))

    @contextmanager
    def impatient(self, seconds: float = 0.0) -> Iterator[None]:
        """Wait hardly at all for answers, or for the server to come back: hardly longer than that for all together."""
        usual = self._deadline, self._patience
        deadline = time.monotonic() + (seconds or IMPATIENCE)
        self._deadline = deadline if self._deadline is None else min(deadline, self._deadline)
        self._patience, self._connection.deadline = 0.0, self._deadline
        try:
            yield
        finally:
            self._deadline, self._patience = usual
            self._connection.deadline = self._deadline

    def is_crowded(self) -> bool:
        """False: on a server nobody waits for others."""
        return False

    def _ready(self) -> Bounded:
        """The connection; made anew where it was lost, unless that failed just now. Raises psycopg.Error."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TooSlow("no time was left to ask the server")
        if self._connection.closed:
            if time.monotonic() < self._again_at:
                raise psycopg.OperationalError("it was out of reach a moment ago")
            try:
                self._connection = self._connect()
            except psycopg.Error:
                self._again_at = time.monotonic() + next(self._pauses)
                raise
            self._pauses = pauses()
        return self._connection

    def handle(self) -> int | None:
        """The descriptor at which announcements come, where we listen and are connected."""
        return self._connection.fileno() if self._listens and not self._connection.closed else None

    def heard(self) -> list[Wake | None]:
        """Whom others announced since the last call; None stands for everybody."""
        if not self._listens or self._connection.closed:
            return []
        with self._translating():
            mine = self._connection.info.backend_pid
            return [understood(note.payload) for note in self._connection.notifies(timeout=0) if note.pid != mine]

    def data_version(self) -> int:
        """A number that differs once somebody else has committed since the last call."""
        with self._translating():
            return self._until_told(self._queries["data_version"])

    def _until_told(self, query: str) -> int:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                [(number,)] = self._ready().execute(query).fetchall()
                return int(number)
            except psycopg.Error as error:
                if not is_lost(error, self._connection) or time.monotonic() > deadline:
                    raise
                self._connection = self._connected(deadline, first=False)

    def upkeep(self) -> bool:
        """Fold the notes of counts and roll-ups, unless another is at it; whether they were."""
        forgets = time.monotonic() >= self._forget_at
        if forgets:
            self._forget_at = time.monotonic() + FORGET_SECONDS
        return self.run(fold(forgets))

    def check_integrity(self) -> list[str]:
        """Nothing: the files are the server's."""
        return []

    def close(self) -> None:
        """Give the connection up; closing twice is harmless."""
        self._connection.close()

    def _connected(self, deadline: float, *, first: bool) -> Bounded:
        """A connection, tried for until the deadline; at `first` only while the server says that it comes back."""
        for pause in pauses():
            try:
                return self._connect()
            except psycopg.Error as error:
                if (first and not may_come_back(error)) or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
        raise AssertionError("pauses do not end")

    def _connect(self) -> Bounded:
        """A new connection to a store of ours: it may have been migrated since the one before. Raises psycopg.Error or
        a StoreError."""
        address = self._address
        connection = self._places.connect(arguments(address, hastily=self._deadline is not None), self._deadline)
        try:
            set_up(connection, address)
            connection.time_limit, connection.deadline = self._limit, self._deadline
            [(backend,)] = connection.execute(BACKEND).fetchall()
            leave_unprepared(connection, backend, address)
            schema.require_current(connection, address)
            if self._listens:
                connection.execute(f'LISTEN "{channel(address.schema)}"')
        except BaseException:
            connection.close()
            raise
        return connection

    def _translating(self) -> AbstractContextManager[None]:
        return translating(self._address.shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
