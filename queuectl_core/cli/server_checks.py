"""What `doctor` looks at where a server keeps the jobs: the server, our role on it, who works on which host.

Nothing here changes anything.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable

from queuectl_core.cli.findings import REPAIR, Finding, listed, ok, problem, warning
from queuectl_core.model.durations import format_duration
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.postgres import checkup
from queuectl_core.store.postgres.address import parse_address

MANY_SESSIONS = 0.8
"""The share of the sessions that a server takes beyond which they may run out."""

HELD_SECONDS = 300
"""How long somebody may keep garbage from being collected before it is told."""

MUCH_GARBAGE, GARBAGE_SHARE = 50_000, 0.2
"""Dead rows of a table that are told: so many, and so many of all."""

CLOCK_SECONDS = 1.0


def schema_of(store: Store) -> str:
    """Where on the server our tables are."""
    return parse_address(str(store.home.url)).schema


def other_queue(home: Home) -> Finding | None:
    """That a home is also that of another queue, in its own file, where it is."""
    if not os.path.lexists(home.database):
        return None
    advice = "give each queue a home of its own: jobs of the same number overwrite each other's logs"
    return warning("home", f"{home.database} is another queue, whose logs lie among these", advice)


def _server(store: Store) -> Finding:
    found = store.run(checkup.server(schema_of(store)))
    text = f"PostgreSQL {found.version}"
    if found.number < checkup.OLDEST:
        return problem("server", f"{text} is too old", f"use {checkup.OLDEST // 10_000} or newer")
    if found.standby:
        advice = "name the primary, or add target_session_attrs=read-write to the URL"
        return problem("server", f"{text} is a standby, which takes no changes", advice)
    if not found.flushes:
        return warning("server", f"{text} flushes nothing to its disk (fsync is off)", _FLUSH)
    if found.number // 10_000 == checkup.TESTED:
        return ok("server", text)
    return ok("server", f"{text}; this program is tested with {checkup.TESTED}")


def _schema(store: Store) -> Finding:
    from queuectl_core.store.postgres.schema import VERSION

    return ok("schema", f"version {VERSION} in {schema_of(store)}, as this program writes it")


def _rights(store: Store) -> Finding:
    schema = schema_of(store)
    found, tables = store.run(checkup.server(schema)), store.run(checkup.tables(schema))
    role = f"role {found.role}"
    unread = [table.name for table in tables if "SELECT" not in table.rights]
    if unread:
        return problem("rights", f"{role} may not read {listed(unread)}", _GRANT)
    to_work = checkup.lacking(tables, checkup.WORK)
    if len(to_work) == sum(len(rights.split()) for rights in checkup.WORK.values()):
        return ok("rights", f"{role} may look, and change nothing")
    if to_work:
        return warning("rights", f"{role} can neither enqueue nor work: it lacks {listed(to_work)}", _GRANT)
    if found.read_only:
        return warning("rights", f"{role} can neither enqueue nor work: its sessions are read-only", _WRITABLE)
    return ok("rights", f"{role} may {_scope(found, tables)}")


def _scope(found: checkup.Server, tables: list[checkup.Table]) -> str:
    """What a role may do that can work."""
    if checkup.lacking(tables, checkup.OPERATE):
        return "enqueue and work, and change neither settings nor pauses"
    return f"do everything, and {'migrate the schema too' if found.owns else 'not migrate the schema'}"


_FLUSH = "set fsync to on: where the power fails, acknowledged jobs are lost, and the database may be damaged"
_WRITABLE = "set default_transaction_read_only to off: for the role, its database or the server, or in the URL"
_GRANT = "have its owner grant what is missing: the README has the statements"


def _clock(store: Store) -> Finding:
    before = time.time()
    theirs = store.clock() / 1000
    after = time.time()
    ours = (before + after) / 2
    apart = abs(theirs - ours) - (after - before) / 2
    if apart <= CLOCK_SECONDS:
        return ok("clock", "this host and the server agree on the time")
    direction = "behind" if ours < theirs else "ahead of"
    found = ok("clock", f"this host's clock is {format_duration(round(apart))} {direction} the server's")
    return found._replace(
        advice="the queue goes by the server's: no job is late, but what jobs write may be dated wrong"
    )


def _connections(store: Store) -> Finding:
    found = store.run(checkup.server(schema_of(store)))
    detail = f"{found.sessions} of {found.most_sessions} in use"
    if found.sessions <= MANY_SESSIONS * found.most_sessions:
        return ok("connections", detail)
    advice = "raise max_connections, or put PgBouncer between: a worker takes one, a pool one, a console three"
    return warning("connections", detail, advice)


def _announcements(store: Store) -> Finding:
    from queuectl_core.store.postgres.announcing import Way, announcements  # Here: who has no server has no driver.

    address = parse_address(str(store.home.url))
    match announcements(address):
        case Way.DIRECT:
            return ok("announcements", "pools hear of new jobs from the server itself")
        case Way.PAST:
            return ok("announcements", "pools hear of new jobs through what is in between, or past it")
    if address.direct == address.conninfo:
        detail = f"a pooler keeps them from pools, which find what other hosts enqueue {_BY_LOOKING}"
        return warning("announcements", detail, "add listen=HOST:PORT to the URL, past the pooler")
    detail = f"none comes by way of listen= in the URL: pools find what other hosts enqueue {_BY_LOOKING}"
    return warning("announcements", detail, "let listen= name the server itself, past the pooler")


_BY_LOOKING = "by the look that each takes once a second"


def _vacuum(store: Store) -> Finding:
    found = store.run(checkup.holders(HELD_SECONDS))
    if found.seen:
        named = listed(map(_held, found.seen))
        advice = "end it there: until then rows that are garbage stay, and claims become slow"
        return warning("vacuum", f"kept from collecting garbage by {named}", advice)
    unseen = f"; {found.hidden} sessions of other roles show nothing (pg_read_all_stats does)" if found.hidden else ""
    return ok("vacuum", f"nobody is seen to keep garbage from being collected{unseen}")


def _held(holder: checkup.Holder) -> str:
    return holder.name if holder.seconds is None else f"{holder.name} for {format_duration(holder.seconds)}"


def _garbage(store: Store) -> Finding:
    schema = schema_of(store)
    tables = [table for table in store.run(checkup.tables(schema)) if table.kind == "r"]
    if passed_over := [table.name for table in tables if table.passed_over]:
        advice = f"run 'ALTER TABLE {schema}.{passed_over[0]} RESET (autovacuum_enabled)'"
        return warning("garbage", f"autovacuum passes over {listed(passed_over)}", advice)
    if not store.run(checkup.server(schema)).collects:
        return warning("garbage", "autovacuum is off on this server", "set autovacuum and track_counts to on")
    full = [table for table in tables if table.dead > MUCH_GARBAGE and table.dead > GARBAGE_SHARE * table.live]
    if full:
        named = listed(f"{table.name} ({table.dead:,} beside {table.live:,})" for table in full)
        advice = f"see that autovacuum keeps up; 'VACUUM (ANALYZE) {schema}.{full[0].name}' collects them now"
        return warning("garbage", f"dead rows in {named}", advice)
    return ok("garbage", f"{sum(table.dead for table in tables):,} dead rows in all, which autovacuum collects")


def _workers(store: Store) -> Finding:
    from queuectl_core.execution.roster import WorkerState, worker_views

    views = worker_views(store)
    lost = [view for view in views if view.state is WorkerState.LOST]
    if lost:
        named = listed(f"{view.id} on {view.host}" for view in lost)
        jobs = sum(view.job is not None for view in lost)
        detail = f"{named} died, or were not heard of for a whole lease; jobs they had begun: {jobs}"
        return warning("workers", detail, f"a running pool mends this by itself; else {REPAIR}")
    return ok("workers", f"{len(views)} alive: {_by_host(view.host for view in views)}" if views else "none runs")


def _by_host(hosts: Iterable[str]) -> str:
    counted = sorted(Counter(hosts).items())
    return ", ".join(f"{n} on {host}" for host, n in counted)


SERVER_CHECKS: dict[str, Callable[[Store], Finding]] = {
    "server": _server,
    "schema": _schema,
    "rights": _rights,
    "clock": _clock,
    "connections": _connections,
    "announcements": _announcements,
    "vacuum": _vacuum,
    "garbage": _garbage,
    "workers": _workers,
}
