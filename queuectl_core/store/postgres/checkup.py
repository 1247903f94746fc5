"""How the server is: its version, what our role may do, and what stands in the way of its collecting garbage.

Nothing here changes anything. A role sees no more of other roles' sessions than the server shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from queuectl_core.store.statements import Statement, Steps, read

OLDEST = 130_000
"""The oldest version whose functions our statements use, as PostgreSQL numbers them."""

TESTED = 18
"""The version that the tests run on."""

WORK: Mapping[str, str] = MappingProxyType(
    {
        "jobs": "INSERT UPDATE DELETE",
        "runs": "INSERT UPDATE DELETE",
        "tails": "INSERT UPDATE",
        "queues": "INSERT DELETE",
        "count_notes": "INSERT DELETE",
        "count_sums": "INSERT UPDATE DELETE",
        "minute_notes": "INSERT DELETE",
        "minute_sums": "INSERT UPDATE DELETE",
        "bucket_notes": "INSERT DELETE",
        "bucket_sums": "INSERT UPDATE DELETE",
        "pools": "INSERT UPDATE DELETE",
        "workers": "INSERT UPDATE DELETE",
        "requests": "INSERT DELETE",
        "job_numbers": "USAGE",
    }
)
"""What enqueuing and working need besides reading, by table."""

OPERATE: Mapping[str, str] = MappingProxyType(
    {"settings": "INSERT UPDATE DELETE", "versions": "UPDATE", "queues": "UPDATE", "job_numbers": "UPDATE"}
)
"""What settings, pauses and imports need besides."""


class Server(NamedTuple):
    """A server as our role finds it; `version` for people, `number` to compare.

    `owns`: the role may migrate. `read_only`: its transactions change nothing, whatever it was granted. `flushes`: what
    was committed is on the disk.
    """

    version: str
    number: int
    role: str
    standby: bool
    collects: bool
    most_sessions: int
    sessions: int
    owns: bool
    read_only: bool
    flushes: bool


class Table(NamedTuple):
    """A table, view or sequence: what our role may do with it, whether autovacuum passes it over, and its rows, as the
    server guesses."""

    name: str
    kind: str
    rights: frozenset[str]
    passed_over: bool
    live: int
    dead: int


class Holder(NamedTuple):
    """Who keeps garbage from being collected, in words, and for how many seconds, where that is known."""

    name: str
    seconds: int | None


class Holders(NamedTuple):
    """Those that could be seen, and how many sessions could not be looked into."""

    seen: list[Holder]
    hidden: int


@read
def server(schema: str) -> Steps[Server]:
    """The server and our role on it."""
    [row] = yield Statement("server_facts", {"schema": schema})
    version, number, role, standby, collects, most, sessions, owns, *rest = row
    return Server(version, number, role, standby, collects, most, sessions or 0, bool(owns), *rest)


@read
def tables(schema: str) -> Steps[list[Table]]:
    """Everything in the schema, by name."""
    rows = yield Statement("server_tables", {"schema": schema})
    return [Table(name, kind, frozenset(rights.split()), *rest) for name, kind, rights, *rest in rows]


@read
def holders(seconds: float) -> Steps[Holders]:
    """Who has kept garbage from being collected for longer than `seconds`, the longest first."""
    rows = yield Statement("server_holders", {"seconds": seconds})
    [(hidden,)] = yield Statement("server_hidden")
    return Holders([Holder(*row) for row in rows], hidden)


def lacking(found: list[Table], needed: Mapping[str, str]) -> list[str]:
    """What of the needed rights our role does not have: `UPDATE on jobs`."""
    have = {table.name: table.rights for table in found}
    return [
        f"{right} on {name}"
        for name, rights in needed.items()
        for right in rights.split()
        if right not in have.get(name, frozenset())
    ]
