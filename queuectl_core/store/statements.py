"""How a transaction speaks to a store: requests it yields, and the named SQL they stand for.

A transaction is a generator. It yields requests and receives rows; it does no I/O itself, so that one
body serves every engine, blocking or not. A store drives it through `Play`. No SQL here: that is in
the `queries.sql` of each engine, read by `load_queries`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

Row = Sequence[Any]
Values = Mapping[str, Any]
Rows = list[Any]


class Statement(NamedTuple):
    """One named statement with its values; answered with all of its rows.

    The store adds the value `now`: milliseconds since the epoch, one instant for the whole transaction.
    """

    name: str
    values: Mapping[str, Any] = {}


class Many(NamedTuple):
    """One named statement run for each row of values, positional or named; answered with one row: how many changed.

    The store adds nothing to them, not even `now`.
    """

    name: str
    rows: Iterable[Row] | Iterable[Values]


class Wake(NamedTuple):
    """Whom to wake once the transaction is committed; answered with no rows.

    `queues`: idle workers that serve them. `workers` and `pools`: these, whatever they do.
    """

    queues: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()


Request = Statement | Many | Wake
Steps = Generator[Request, Rows, T]


class Kind(Enum):
    """What a transaction needs of its store."""

    READ = "read"
    WRITE = "write"
    """A change that a person was told of: on the disk before `run` returns."""
    WORK = "work"
    """A worker's own claim or result: what power loss undoes of it, at-least-once allows."""


class Transaction(NamedTuple, Generic[T]):
    """A function and its arguments, so that a store can run it from the start again."""

    function: Callable[..., Steps[T]]
    args: tuple[Any, ...]
    keywords: dict[str, Any]
    kind: Kind

    def steps(self) -> Steps[T]:
        """A fresh run of the transaction's generator."""
        return self.function(*self.args, **self.keywords)


def read(function: Callable[P, Steps[T]]) -> Callable[P, Transaction[T]]:
    """Make a transaction that only reads, all of it from one snapshot."""
    return _transaction(function, Kind.READ)


def write(function: Callable[P, Steps[T]]) -> Callable[P, Transaction[T]]:
    """Make a transaction whose change is durable once it is acknowledged."""
    return _transaction(function, Kind.WRITE)


def work(function: Callable[P, Steps[T]]) -> Callable[P, Transaction[T]]:
    """Make a transaction of a worker or keeper, atomic but flushed to the disk later."""
    return _transaction(function, Kind.WORK)


def _transaction(function: Callable[P, Steps[T]], kind: Kind) -> Callable[P, Transaction[T]]:
    def make(*args: P.args, **keywords: P.kwargs) -> Transaction[T]:
        return Transaction(function, args, keywords, kind)

    make.__name__ = function.__name__
    make.__doc__ = function.__doc__
    make.__module__ = function.__module__
    make.__wrapped__ = function  # type: ignore[attr-defined]  # what inspect and help() follow
    return make


class Play(Generic[T]):
    """One go through a transaction, for a store to drive: `advance` until it returns None, then `result`."""

    __slots__ = ("_steps", "result", "wakes")

    def __init__(self, transaction: Transaction[T]) -> None:
        self._steps = transaction.steps()
        self.wakes: list[Wake] = []
        self.result: T | None = None

    def advance(self, rows: Rows | None) -> Statement | Many | None:
        """Hand in the rows of the last request (None at first); returns the next one, None at the end."""
        try:
            request = self._steps.send(rows)  # type: ignore[arg-type]  # the first send takes None
            while isinstance(request, Wake):
                self.wakes.append(request)
                request = self._steps.send([])
        except StopIteration as end:
            self.result = end.value
            return None
        return request

    def outcome(self) -> T:
        """What the transaction returned."""
        return self.result  # type: ignore[return-value]  # T may itself be optional


def read_queries(folder: str) -> dict[str, str]:
    """The named statements of the engine whose `queries.sql` is in this folder."""
    with open(os.path.join(folder, "queries.sql"), encoding="utf-8") as file:
        return load_queries(file.read())


def read_migrations(folder: str) -> dict[int, str]:
    """The SQL of every migration of the engine in this folder, by the version it leads to."""
    found = {}
    for name in os.listdir(os.path.join(folder, "migrations")):
        if name.endswith(".sql"):
            with open(os.path.join(folder, "migrations", name), encoding="utf-8") as file:
                found[int(name[:4])] = file.read()
    return found


def load_queries(text: str) -> dict[str, str]:
    """The named statements of a `queries.sql`.

    A block starts with `-- name: NAME`; a `-- fragment: NAME` is text that other blocks include as `{NAME}`.
    Fragments stand before the blocks that include them. Every command reads this, so it only splits.
    """
    queries: dict[str, str] = {}
    fragments: list[tuple[str, str]] = []
    for block in text.split("\n-- name: ")[1:]:
        name, _, body = block.partition("\n")
        queries[name] = body
    for block in text.partition("\n-- name: ")[0].split("\n-- fragment: ")[1:]:
        name, _, body = block.partition("\n")
        fragments.append(("{" + name + "}", body.strip()))
    for name, body in queries.items():
        for mark, content in fragments:
            if mark in body:
                body = body.replace(mark, content)
        # What follows the semicolon are comments that belong to the next block.
        queries[name] = body[: body.rindex(";")]
    return queries
