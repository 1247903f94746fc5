"""`queuectl doctor`: whether all is well, and what to do where it is not. The checks are `checks.py`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from queuectl_core.cli import checks, context, output
from queuectl_core.cli.checks import Finding, Status
from queuectl_core.cli.exit_codes import DONE, FAILED
from queuectl_core.cli.output import Cell
from queuectl_core.cli.parameters import json_option
from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore

PATIENCE = 5.0
"""Seconds to wait for the store where another process holds it."""

_SIGNS = {
    Status.OK: ("✓", ""),
    Status.WARNING: ("!", "yellow"),
    Status.PROBLEM: ("✗", "bold red"),
}


@click.command("doctor", short_help="Check the store and its surroundings.")
@click.option("--repair", is_flag=True, help="First mend wrong counts, and recover lost jobs.")
@json_option
def doctor(repair: bool, as_json: bool) -> int:
    """Check the store and its surroundings, and say what to do; exit 1 if something is wrong."""
    home = context.home()
    findings = list(_all_findings(home, repair=repair))
    if as_json:
        output.json_array(finding_json(finding) for finding in findings)
    elif output.at_terminal():
        output.facts(line for finding in findings for line in _seen(finding))
    else:
        output.table((), ((one.check, one.status.value, one.detail, one.advice) for one in findings))
    return FAILED if any(finding.status is Status.PROBLEM for finding in findings) else DONE


def _all_findings(home: Home, *, repair: bool) -> Iterator[Finding]:
    try:
        store = SqliteStore(home, busy_seconds=PATIENCE)
    except StoreError as error:
        yield from checks.check_home(home)
        yield checks.cannot_tell("store", error)
        return
    with store:
        yield from checks.check_home(home)
        if repair:
            yield from _repairs(store)
        yield from checks.check_store(store)


def _repairs(store: SqliteStore) -> Iterator[Finding]:
    try:
        done = list(_mended(store))
    except StoreError as error:
        yield checks.cannot_tell("repair", error)
    else:
        yield checks.ok("repair", "; ".join(done) or "nothing was to be mended")


def _mended(store: SqliteStore) -> Iterator[str]:
    """Mend what can be mended; says what was done."""
    from queuectl_core.execution.recovery import recover_lost
    from queuectl_core.store.transactions.statistics import miscounted, recount

    if wrong := store.run(miscounted()):
        store.run(recount())
        yield f"made {_number(len(wrong), 'wrong count')} anew"
    if jobs := recover_lost(store):
        yield f"recovered {_number(len(jobs), 'lost job')}"
    if checks.log_is_long(store.home) and store.checkpoint():
        yield "copied the log into the store"


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def finding_json(finding: Finding) -> dict[str, str]:
    """A finding as scripts read it."""
    return {**finding._asdict(), "status": finding.status.value}


def _seen(finding: Finding) -> Iterator[tuple[str, Cell]]:
    sign, style = _SIGNS[finding.status]
    yield f"{sign} {finding.status.value:<8} {finding.check}", Cell("", finding.detail, style)
    if finding.advice:
        yield "", Cell("", f"→ {finding.advice}")
