"""Every error a person can meet, under one root, each carrying the sentence they will read.

An error says what is wrong and, where something can be done, what to do. It is raised where
the trouble is known and shown in one place (`queuectl_core.cli`), which also gives each class
its exit status. No numbers and no printing here.
"""

from __future__ import annotations


class QueueError(Exception):
    """Root of all errors of this package.

    `wrong` says what is wrong, in one line; `hint` says what to do about it, and may be empty.
    """

    def __init__(self, wrong: str, hint: str = "") -> None:
        super().__init__(wrong, hint)
        self.wrong = wrong
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.wrong}: {self.hint}" if self.hint else self.wrong


class InvalidInput(QueueError):
    """A value that cannot be meant: bad JSON, an unknown field, a number out of bounds."""


class Refused(QueueError):
    """A sound request that cannot be done as things stand. Nothing was changed."""


class NoSuchJob(Refused):
    """No job has that id."""


class IdTaken(Refused):
    """A job with that id exists already."""


class WrongState(Refused):
    """The job is in a state that does not allow what was asked."""


class NoSuchRun(Refused):
    """The job has no run of that number."""


class NoSuchPool(Refused):
    """No running pool has that name, or several run and none was named."""


class StoreError(QueueError):
    """The store cannot be used, or could not do what was asked. Nothing was changed."""


class StoreBusy(StoreError):
    """Another process held the store for longer than we are willing to wait."""


class OutcomeUnknown(StoreError):
    """Nobody can tell any more whether a change was made whose answer was lost."""


class StoreFull(StoreError):
    """No room is left on the disk."""


class StoreReadOnly(StoreError):
    """The store cannot be written to."""


class StoreDamaged(StoreError):
    """The file is an SQLite database whose content is damaged."""


class NotAStore(StoreError):
    """The file is not ours: no SQLite database, or another program's."""


class NewerSchema(StoreError):
    """The store was written by a newer version of this program."""


class SchemaInUse(StoreError):
    """A migration is due, and running pools still use the schema as it is."""


class UnsafeHome(StoreError):
    """The home directory belongs to, or can be written by, somebody else, or cannot hold a store."""


class OldSqlite(StoreError):
    """The SQLite library is older than the store needs."""
