"""The store as the console holds it: opened, read, written, watched, and opened again when it was replaced.

Nothing here draws. What goes wrong with the store is kept as `trouble`, so that the rows on the screen can
stay while a badge says since when they are old.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.statements import Transaction

if TYPE_CHECKING:
    from queuectl_core.store.contract import AsyncStore

T = TypeVar("T")


class Trouble(NamedTuple):
    """Why the store, or what a pane shows of it, cannot be read, and since when (ms)."""

    why: str
    since: int


def trouble_of(error: StoreError, before: Trouble | None, now: int) -> Trouble:
    """The trouble that an error (at `now`, ms) is, or goes on with where there was some before."""
    return Trouble(error.wrong, before.since if before else now)


class Gone(StoreError):
    """The file of the store is not where it was, or another one is there."""


class Session:
    """One store, opened with `await open()` and given up with `await close()`."""

    def __init__(self, home: Home, *, read_only: bool = False, clock: Callable[[], int] | None = None) -> None:
        self.home = home
        self.read_only = read_only
        self.trouble: Trouble | None = None
        self._clock = clock
        self._store: AsyncStore | None = None
        self._file: tuple[int, int] | None = None
        self._version: int | None = None
        self._writes: list[int] = []

    async def open(self) -> None:
        """Open the store. Raises a StoreError where it cannot be used."""
        from queuectl_core.store.opening import open_async_home

        self._store = await open_async_home(self.home, read_only=self.read_only)
        if self._clock is not None:
            self._store.clock = self._clock
        self._file, self._version = self._found(), None

    async def close(self) -> None:
        """Give the store up; closing twice is harmless."""
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    def now(self) -> int:
        """The present instant (ms), by the clock that the store goes by."""
        if self._clock is None and self._store is not None:
            return self._store.clock()
        return (self._clock or wall_clock)()

    async def read(self, transaction: Transaction[T]) -> T:
        """The answer of a transaction that only reads. Raises a StoreError, which is kept as `trouble`."""
        try:
            answer = await self._opened().run(transaction)
        except StoreError as error:
            self._note(error)
            raise
        self.trouble = None
        return answer

    async def write(self, transaction: Transaction[T]) -> T:
        """The answer of a transaction once it is on the disk. Raises what the transaction raises."""
        begun = self.now()
        self._writes.append(begun)
        try:
            return await self._opened().run(transaction)
        finally:
            self._writes.remove(begun)

    @property
    def waits_since(self) -> int | None:
        """Since when (ms) the change that waits longest for the store has waited; None where none does."""
        return min(self._writes, default=None)

    async def changed(self) -> bool:
        """Whether the store has changed since the last call; opens it again where its file was replaced.

        Raises a StoreError where it cannot be looked at.
        """
        try:
            if self._found() != self._file or self._store is None:
                await self._open_again()
                return True
            version = await self._opened().data_version()
        except StoreError as error:
            self._note(error)
            raise
        was_in_trouble, self.trouble = self.trouble is not None, None
        differs, self._version = version != self._version, version
        return differs or was_in_trouble

    async def _open_again(self) -> None:
        self._require_file()
        await self.close()
        await self.open()
        self.trouble = None

    def _opened(self) -> AsyncStore:
        if self._store is None:
            raise Gone(f"{self.home.store_name} is not open", "it is tried again by itself")
        self._require_file()
        if self._found() != self._file:
            raise Gone(f"{self.home.store_name} was replaced", "see what it holds now, and try again")
        return self._store

    def _require_file(self) -> None:
        """Raises Gone where there is no file any more: what is written into one without a name is lost with it."""
        if self.home.url is None and self._found() is None:
            raise Gone(f"{self.home.store_name} is gone", "put it back, or leave and start anew")

    def _found(self) -> tuple[int, int] | None:
        """Which file holds the store; None where it is gone, or a server keeps the jobs."""
        if self.home.url is not None:
            return None
        try:
            status = os.stat(self.home.database)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _note(self, error: StoreError) -> None:
        self.trouble = trouble_of(error, self.trouble, self.now())
