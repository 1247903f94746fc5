"""What PostgreSQL's errors mean: to the person who meets them, and to the store that may try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from queuectl_core.model.cleaning import without_passwords
from queuectl_core.model.errors import (
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreReadOnly,
)


class TooSlow(psycopg.OperationalError):
    """The server did not answer in the time that we had; the connection is given up."""


class NoAnswer(psycopg.OperationalError):
    """The connection was lost while a change was being committed: it was made, or was not."""


CLASHES = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
"""Others changed the same meanwhile: from the start it goes well, or finds what they did."""

_FULL = (errors.DiskFull, errors.OutOfMemory, errors.ConfigurationLimitExceeded, errors.TooManyConnections)
_FORBIDDEN = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
_DAMAGED = (errors.DataCorrupted, errors.IndexCorrupted)
_PREPARED = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
_NO_STORE = (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn, errors.UndefinedFunction)
_AWAY = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.DatabaseDropped,
    errors.IdleInTransactionSessionTimeout,
    errors.IdleSessionTimeout,
    errors.TooManyConnections,
)
"""The server ends the session, or has none for us now: another may be had later."""


def is_lost(error: psycopg.Error, connection: psycopg.Connection[object] | psycopg.AsyncConnection[object]) -> bool:
    """Whether the connection is gone, so that another has to be made."""
    return connection.closed or connection.broken or isinstance(error, _AWAY)


def is_hopeless(error: psycopg.Error) -> bool:
    """Whether the same would come of another try: the server ended the session since it had taken too long."""
    return isinstance(error, errors.TransactionTimeout)


def may_come_back(error: psycopg.Error) -> bool:
    """Whether a failed attempt to connect may go well a moment later: the server is restarting, or full of sessions."""
    if isinstance(error, _AWAY):
        return True
    text = str(error)
    return error.sqlstate is None and any(sign in text for sign in _COMING)


_COMING = (
    "starting up",
    "shutting down",
    "recovery",
    "too many clients",
    "too many connections for",  # of a role or a database that has a limit of its own
    "remaining connection slots",
)


_UNREAD = (
    "URI",
    "percent-encoded",
    "invalid integer value",
    "invalid port number",
    "could not match",
    "in connection info string",
    "key/value separator",
    "query parameter",
)
"""Signs that libpq could not understand what it was given, and sent nothing."""


_MEANINGS: tuple[tuple[tuple[type[psycopg.Error], ...], type[StoreError], str, str], ...] = (
    ((TooSlow,), StoreError, "{shown} does not answer", "see whether the server and the network are well"),
    (
        (errors.LockNotAvailable, errors.QueryCanceled, errors.SerializationFailure, errors.DeadlockDetected),
        StoreBusy,
        "{shown} is busy: {what}",
        "try again",
    ),
    (
        (errors.TransactionTimeout,),
        StoreError,
        "{shown}: {what}",
        "raise transaction_timeout for your role, or do less at a time",
    ),
    (_FULL, StoreFull, "{shown} has no room: {what}", "make room on the server; nothing was changed"),
    (_FORBIDDEN, StoreReadOnly, "{shown}: {what}", "ask for the rights of your role, or use another"),
    (_DAMAGED, StoreDamaged, "{shown} is damaged: {what}", "restore a backup of the server"),
    (_PREPARED, StoreError, "{shown}: {what}", "behind a pooler, put prepare_threshold=none into the URL"),
    (_NO_STORE, StoreError, "there is no store in {shown}: {what}", "make it with 'queuectl init'"),
)
"""What errors of the server mean: the error that says so, its words and its hint. The first that fits counts."""


@contextmanager
def translating(shown: str) -> Iterator[None]:
    """Raise what an error of psycopg means; `shown` as for `translated`."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error, shown) from error


def translated(error: psycopg.Error, shown: str) -> StoreError:
    """The store error that says what an error of PostgreSQL means; `shown` names the store without its password."""
    if error.sqlstate is None and any(sign in str(error) for sign in _UNREAD):
        # libpq repeats what it stumbled over, which may be a part of the password: not even a traceback may tell it.
        error.args = ("the URL cannot be read",)
        return StoreError(f"the URL {shown} cannot be read", "write what is special in a name or password as %XX")
    what = without_passwords(_reason(error))
    for kinds, meaning, wrong, hint in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(wrong.format(shown=shown, what=what), hint)
    if isinstance(error, _AWAY) or _is_of_connection(error):
        return StoreError(f"cannot reach {shown}: {what}", "check the URL, the server and the network")
    return StoreError(f"{shown}: {what}", "run 'queuectl doctor'")


def _is_of_connection(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate.startswith(("08", "28", "3D"))


def _reason(error: psycopg.Error) -> str:
    """One line: of several addresses that were tried, libpq tells of each, and adds what it guesses."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    lines = [line for line in text.strip().splitlines() if not (line[:1].isspace() or line.startswith(_GUESSES))]
    return (lines or [text])[-1].removeprefix("FATAL:").strip()


_GUESSES = ("Either ", "Is the server running", "DETAIL:", "HINT:")
