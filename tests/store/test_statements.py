"""How transactions speak to a store: run again from their start, answered in order, wakes kept aside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import queuectl_core.store as store_package
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.postgres.compiling import QUERIES as POSTGRES_QUERIES
from queuectl_core.store.sqlite.connecting import QUERIES
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Kind, Many, Play, Statement, Steps, Wake, load_queries, read, write
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.store.acts import job_in
from tests.store.engines import NOON, Engine


@read
def three_things(word: str) -> Steps[list[object]]:
    """Ask, wake, ask."""
    first = yield Statement("first", {"word": word})
    none = yield Wake(queues=frozenset({word}))
    second = yield Statement("second")
    return [first, none, second]


def test_requests_come_one_by_one_and_wakes_are_kept_aside() -> None:
    play = Play(three_things("a"))

    assert play.advance(None) == Statement("first", {"word": "a"})
    assert play.advance([1]) == Statement("second")
    assert play.advance([2]) is None
    assert play.outcome() == [[1], [], [2]]
    assert play.wakes == [Wake(queues=frozenset({"a"}))]


def test_a_transaction_can_be_run_again() -> None:
    transaction = three_things("a")

    assert transaction.kind is Kind.READ
    assert Play(transaction).advance(None) == Play(transaction).advance(None)


def test_a_transaction_keeps_its_name_and_documentation() -> None:
    assert (three_things.__name__, three_things.__doc__) == ("three_things", "Ask, wake, ask.")


def test_queries_are_named_blocks_with_fragments() -> None:
    text = "-- Head\n-- fragment: ab\na, b\n\n-- name: one\nSELECT {ab}\nFROM t;\n\n-- name: two\nSELECT 2;\n"

    queries = load_queries(text)

    assert queries["one"].startswith("SELECT a, b\nFROM t")
    assert queries["two"] == "SELECT 2"


@pytest.mark.parametrize(("engine", "queries"), [("sqlite", QUERIES), ("postgres", POSTGRES_QUERIES)])
def test_every_statement_that_is_asked_for_is_there_and_the_other_way_round(
    engine: str, queries: dict[str, str]
) -> None:
    store = Path(str(store_package.__file__)).parent
    code = "".join(path.read_text(encoding="utf-8") for path in (store / "transactions").glob("*.py"))
    named = set(re.findall(r'(?:Statement|Many)\(\s*"(\w+)"', code))
    own = "".join(path.read_text(encoding="utf-8") for path in (store / engine).glob("*.py"))

    assert named <= queries.keys()
    assert {name for name in queries if f'"{name}"' not in code + own} == set()


def test_one_instant_serves_a_whole_transaction(sqlite_store: SqliteStore) -> None:
    ticks = iter(range(100))
    sqlite_store.clock = lambda: next(ticks)

    @read
    def look_twice() -> Steps[tuple[int, int]]:
        [(first,)] = yield Statement("now")
        [(second,)] = yield Statement("now")
        return first, second

    assert sqlite_store.run(look_twice()) == (0, 0)
    assert sqlite_store.run(look_twice()) == (1, 1)


def test_several_rows_are_answered_with_how_many_changed(store: Engine) -> None:
    run = job_in(store, JobState.PROCESSING)
    mine = {"number": run.job.number, "attempt": 1, "token": run.token}
    facts = {"outcome": "lost", "exit_code": None, "signal": None, "error": None, "duration_ms": 1}
    facts |= {"began_at": NOON, "ended_at": NOON}
    rows = [{**row, **facts, "output_bytes": 0} for row in (mine, {**mine, "token": "another"})]

    @write
    def end_both() -> Steps[int]:
        [(changed,)] = yield Many("end_runs", rows)
        return int(changed)

    assert store.run(end_both()) == 1


def test_an_error_in_a_transaction_leaves_nothing_behind(sqlite_store: SqliteStore) -> None:
    @read
    def stumble() -> Steps[None]:
        yield from enqueue(NewJob("true")).steps()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sqlite_store.run(stumble())

    assert sqlite_store.run(page()) == []
    with SqliteStore(sqlite_store.home, busy_seconds=0) as other:
        other.run(enqueue(NewJob("true")))
