"""What every store offers, whichever engine keeps its jobs.

One of them is blocking, for commands and workers, one is awaited, for the console. Both run the very same transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Self, TypeVar

from queuectl_core.store.home import Home
from queuectl_core.store.statements import Transaction, Wake

T = TypeVar("T")


class Store(Protocol):
    """An open store; belongs to one thread of one process, and is a context manager."""

    home: Home
    tail_bytes: int
    """How many bytes of the end of a run's output are stored with it."""
    always_durable: bool
    """Whether workers' transactions, too, are on the disk before `run` returns."""

    def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction and commit it; on any error it leaves nothing behind.

        Returns what the transaction returns, once it is as durable as its kind asks. Raises what it raises, or a
        StoreError. After a StoreError a change may have been made all the same where the store is on another machine:
        running the same transaction again settles that, and makes it once.
        """
        ...

    def impatient(self, seconds: float = 0.0) -> AbstractContextManager[None]:
        """Wait hardly at all: for what can be done later, while something else must be seen to.

        `seconds` is how long all of it may take where the store is on another machine, and answers late.
        """
        ...

    def is_crowded(self) -> bool:
        """Whether others wait for the store by now, so that a transaction would have to wait behind them."""
        ...

    def data_version(self) -> int:
        """A number that differs once somebody else has committed since the last call."""
        ...

    @property
    def clock(self) -> Callable[[], int]:
        """Tells the present instant by the store's clock: milliseconds since the epoch."""
        ...

    def handle(self) -> int | None:
        """A descriptor that is readable once `heard` has something new; None where nobody else announces anything."""
        ...

    def heard(self) -> list[Wake | None]:
        """Whom processes on other hosts wish to wake, since the last call; None stands for everybody."""
        ...

    def upkeep(self) -> bool:
        """Do what the engine needs now and then, about once a second in each pool; whether there was something."""
        ...

    def check_integrity(self) -> list[str]:
        """What the engine finds wrong with its files; empty where they are sound, or are not ours to check."""
        ...

    def close(self) -> None:
        """Give the connection up; closing twice is harmless."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class AsyncStore(Protocol):
    """An open store whose answers are awaited. A read never waits for a write."""

    home: Home
    clock: Callable[[], int]

    async def run(self, transaction: Transaction[T]) -> T:
        """As `Store.run`; shielded: a caller that is cancelled leaves no transaction open."""
        ...

    async def data_version(self) -> int:
        """A number that differs once anybody, this store included, has committed since the last call."""
        ...

    async def close(self) -> None:
        """Give the connections up; closing twice is harmless."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...
