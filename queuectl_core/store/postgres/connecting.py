"""How every connection to the server is made, blocking or not, and how values go through it."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.postgres.address import Address
from queuectl_core.store.postgres.compiling import SERVER_CLOCK
from queuectl_core.store.postgres.faults import TooSlow
from queuectl_core.store.statements import Kind, Row, Values
from queuectl_core.store.transactions.workers import Orders

RV = TypeVar("RV")

CONNECT_SECONDS = 10
"""How long one attempt to connect may take, for each address of the host."""

HASTY_SECONDS = 2
"""The same where waiting would do harm; psycopg takes no less."""

NETWORK: Mapping[str, int] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms
}
"""So that a network which fell silent is noticed in about ten seconds. What the URL says goes before it."""

BEGIN = {
    Kind.READ: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # What a person changes looks first and then changes what it saw: another's change in between is noticed.
    Kind.WRITE: "BEGIN ISOLATION LEVEL REPEATABLE READ",
    # Workers lock what they look at, and pass over what others have locked.
    Kind.WORK: "BEGIN ISOLATION LEVEL READ COMMITTED",
}

IDLE_SECONDS = 10
"""After this long the server ends a transaction whose client is silent: it holds up others."""


HOT_PLANS = {
    # Each statement of a worker looks for a few rows by an index, whatever the planner thinks of a table that was just
    # filled; and planning it anew each time would take longer than running it.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


FLUSHED = "coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on')"
"""That a commit is on the disk before it is answered, however far the server's own setting goes beyond that."""


def begin(kind: Kind, schema: str, key: bytes | None = None, now: int | None = None, *, durable: bool = False) -> str:
    """How a transaction begins, in one trip: with settings that stay with it also behind a pooler of transactions, and
    where it changes something, by noting its `key`.

    That answers with no row where the change was made before. It waits for a transaction of the same key that is not
    over yet. `now` is for tests; otherwise the instant is the server's. What a person changes is always `durable`: a
    role or database may be set to answer before a commit is stored.
    """
    local = {
        "search_path": f'"{schema}", pg_catalog',
        "idle_in_transaction_session_timeout": str(IDLE_SECONDS * 1000),
        # Up to PostgreSQL 17 a plan that must do what HOT_PLANS switches off is estimated at so much that the server
        # compiles it before each run: a second for a claim that takes five milliseconds.
        "jit": "off",
    }
    if kind is Kind.WORK:
        local |= HOT_PLANS
    settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in local.items())
    if durable or kind is Kind.WRITE:
        settings += f", set_config('synchronous_commit', {FLUSHED}, true)"
    text = f"{BEGIN[kind]}; SELECT {settings}"
    if key is None:
        return text
    at = SERVER_CLOCK if now is None else str(now)
    return f"{text}; INSERT INTO requests (key, at) VALUES ('\\x{key.hex()}', {at}) ON CONFLICT DO NOTHING RETURNING at"


def was_new(cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> bool:
    """Whether the key was noted, by what a transaction's beginning answered."""
    while cursor.nextset():
        pass
    return cursor.rowcount == 1


class Bounded(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which no wait is longer than `time_limit` (s, None: any), nor lasts beyond `deadline` on the
    monotonic clock; after one that would, it is closed."""

    time_limit: float | None = None
    deadline: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As psycopg's own. Raises TooSlow."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        limits = [] if self.time_limit is None else [self.time_limit]
        if self.deadline is not None:
            limits.append(max(0.0, self.deadline - time.monotonic()))
        try:
            return super().wait(gen, interval, min(limits, default=None))
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise TooSlow("no answer from the server") from None


class AwaitedBounded(psycopg.AsyncConnection[tuple[Any, ...]]):
    """An awaited connection on which no wait is longer than `time_limit` (s, None: any); after one that would, it is
    closed."""

    time_limit: float | None = None

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 — psycopg's own
    ) -> RV:
        """As psycopg's own. Raises TooSlow."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, self.time_limit)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise TooSlow("no answer from the server") from None


def arguments(address: Address, *, hastily: bool = False) -> dict[str, Any]:
    """What `connect` is told besides the URL; `hastily` bounds its time whatever the URL says."""
    given = psycopg.conninfo.conninfo_to_dict(address.conninfo)
    network = {key: value for key, value in NETWORK.items() if key not in given}
    if hastily:
        network["connect_timeout"] = HASTY_SECONDS
    # A role, the environment or the URL may ask for an encoding in which not every job can be told.
    told = {"application_name": given.get("application_name", "queuectl"), "client_encoding": "UTF8"}
    return {"autocommit": True, **told, **network}


class Places:
    """The places that a URL names: several, where any of some servers may be the one that writes, or where a name
    stands for several addresses."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._left: deque[dict[str, str]] = deque()
        """Those to try before names are looked up anew, first the one that was connected to."""

    def connect(self, told: dict[str, Any], deadline: float | None) -> Bounded:
        """A connection to one of them. Raises psycopg.Error.

        With a deadline (s, monotonic) they are tried one at a time, and none is begun with after it: each takes
        `connect_timeout`. The next call begins where this one stopped.
        """
        if deadline is None:
            return Bounded.connect(self._conninfo, **told)
        self._left = self._left or deque(_each_alone(self._conninfo))
        while True:
            try:
                return Bounded.connect(self._conninfo, **(told | self._left[0]))
            except psycopg.Error:
                self._left.popleft()
                if not self._left or time.monotonic() >= deadline:
                    raise


def _each_alone(conninfo: str) -> list[dict[str, str]]:
    """What `connect` is told to try one place alone, for each; nothing, once, where the URL names but one."""
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    listed = {key: str(given[key]).split(",") for key in ("host", "hostaddr", "port") if given.get(key)}
    count = max((len(values) for key, values in listed.items() if key != "port"), default=1)
    if any(len(values) not in (1, count) for values in listed.values()):
        return [{}]
    hosts = [{key: values[at % len(values)] for key, values in listed.items()} for at in range(count)]
    places = [place for host in hosts for place in _by_address(host)]
    return places if len(places) > 1 else [{}]


def _by_address(place: dict[str, str]) -> list[dict[str, str]]:
    """A place, once for each address that its name has; as it is where no name is to be looked up, or can be."""
    name = place.get("host", "")
    if not name or name.startswith(("/", "@")) or "hostaddr" in place:
        return [place]
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return [place]  # Whoever connects is told.
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return [place | {"hostaddr": address} for address in addresses] if len(addresses) > 1 else [place]


def set_up(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], address: Address) -> None:
    """How values are sent: each kind in one way, so that a statement is prepared once."""
    connection.prepare_threshold = address.prepared_after
    adapters = connection.adapters
    for kind in (bool, int):
        adapters.register_dumper(kind, Int8Dumper)
    for word in (JobState, Outcome, Orders):
        adapters.register_dumper(word, StrDumper)


BACKEND = "SELECT pg_backend_pid()"
"""Who serves us. A pooler tells of another when one connects: it has many connections, and lends out any of them."""


def is_pooled(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], backend: int) -> bool:
    """Whether a pooler is in between, by who answered `BACKEND`."""
    return backend != connection.info.backend_pid


def leave_unprepared(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], backend: int, address: Address
) -> None:
    """Have no statement kept prepared where a pooler is in between, unless the URL says that it may be.

    Each transaction may be given another of its connections, on which the same name may stand for what others prepared.
    """
    if is_pooled(connection, backend) and not address.is_sure:
        connection.prepare_threshold = None


def as_json(rows: Iterable[Row] | Iterable[Values]) -> str:
    """The rows of a `Many` as one JSON array."""
    listed: Sequence[Any] = rows if isinstance(rows, list) else list(rows)
    return json.dumps(listed, default=_encoded)


def _encoded(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be sent")
