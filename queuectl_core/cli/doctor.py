"""`queuectl doctor`: whether all is well, and what to do where it is not. The checks are
`home_checks.py`, `remains.py`, `checks.py` and, where a server keeps the jobs, `server_checks.py`; what it repairs is
`repairs.py`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import click

from queuectl_core.cli import checks, context, home_checks, output, remains, repairs, server_checks
from queuectl_core.cli.exit_codes import DONE, FAILED
from queuectl_core.cli.findings import Finding, Status, cannot_tell, ok, problem
from queuectl_core.cli.output import Cell
from queuectl_core.cli.parameters import json_option
from queuectl_core.model.errors import StoreError
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home, prepare_home
from queuectl_core.store.opening import open_home
from queuectl_core.store.sqlite.store import SqliteStore

PATIENCE = 5.0
"""Seconds to wait for the store where another process holds it."""

_SIGNS = {
    Status.OK: ("✓", ""),
    Status.WARNING: ("!", "yellow"),
    Status.PROBLEM: ("✗", "bold red"),
}


@click.command("doctor", short_help="Check the store and its surroundings.")
@click.option("--repair", is_flag=True, help="First mend what can be mended without harm.")
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
    repaired = Repaired() if repair else None
    if repaired and home_checks.is_home(home):
        repaired.do(lambda: repairs.mend_home(home))
    with contextlib.ExitStack() as opened:
        store, trouble = _opened(home)
        if store is not None:
            opened.enter_context(store)
            if repaired:
                repaired.do(lambda: repairs.mend_store(store))
        yield from home_checks.check_home(home)
        if repaired:
            yield repaired.finding()
        yield from _beside(home)
        if trouble is not None:
            yield trouble
        if store is not None:
            yield from checks.check_store(store)


def _beside(home: Home) -> Iterator[Finding]:
    """What else is in the home: copies that migrations made, or a queue beside the one on the server."""
    if home.url is not None:
        other = server_checks.other_queue(home)
        yield from [other] if other else []
    elif os.path.isdir(home.path):
        yield remains.check_backups(home)


def _opened(home: Home) -> tuple[Store | None, Finding | None]:
    """The store, or what is to be said where there is none that opens; nothing is made but the home of one that a
    server keeps."""
    if home.url is not None:
        try:
            return open_home(home), None
        except StoreError as error:
            return None, home_checks.unopened(home, error)
    if not os.path.isdir(home.path):
        return None, None  # which the checks of the home say
    if missing := home_checks.missing_store(home):
        return None, missing
    try:
        prepare_home(home)  # It is there: only looked at, whether it may be trusted.
        return SqliteStore(home, busy_seconds=PATIENCE, makes=False), None
    except StoreError as error:
        return None, home_checks.unopened(home, error)


class Repaired:
    """What was repaired so far, and what kept us from the rest."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._trouble: Finding | None = None

    def do(self, steps: Callable[[], Iterator[str]]) -> None:
        """Take these steps, as far as they go."""
        try:
            for said in steps():
                self._done.append(said)
        except StoreError as error:
            self._trouble = cannot_tell("repair", error)
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            self._trouble = problem("repair", what, "mend that, and try again")

    def finding(self) -> Finding:
        """What is to be said of it."""
        done = "; ".join(self._done)
        if self._trouble is None:
            return ok("repair", done or "nothing was to be mended")
        return self._trouble._replace(detail=f"{self._trouble.detail} (done before: {done or 'nothing'})")


def finding_json(finding: Finding) -> dict[str, str]:
    """A finding as scripts read it."""
    return {**finding._asdict(), "status": finding.status.value}


def _seen(finding: Finding) -> Iterator[tuple[str, Cell]]:
    sign, style = _SIGNS[finding.status]
    yield f"{sign} {finding.status.value:<8} {finding.check}", Cell("", finding.detail, style)
    if finding.advice:
        yield "", Cell("", f"→ {finding.advice}")
