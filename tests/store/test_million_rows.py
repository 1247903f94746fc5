"""What is done at every turn costs the same at a million jobs as at a thousand.

Steps of SQLite's virtual machine are counted, not seconds: an index in the query plan shows nothing
where the walk along it is long. The bounds are about three times what was measured.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from queuectl_core.model.filters import Filter, parse_filter
from queuectl_core.model.job import Changes, JobState, NewJob, Outcome, Result
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.browsing import (
    by_numbers,
    count,
    dead_window,
    deaths_after,
    newer_than,
    offset,
    rank,
    scan,
    window,
)
from queuectl_core.store.transactions.bulk import cancel_each, retry_each
from queuectl_core.store.transactions.causes import cause_chunk
from queuectl_core.store.transactions.changes import cancel, delete, edit, forget, retry
from queuectl_core.store.transactions.claims import Ask, Report, processing, take_turn
from queuectl_core.store.transactions.dead_letters import dead_page, retry_all_dead
from queuectl_core.store.transactions.jobs import BEYOND_ALL, count_matching, find, ids_starting_with, page
from queuectl_core.store.transactions.queues import queues
from queuectl_core.store.transactions.statistics import miscounted, summary, tidy, waiting_for
from queuectl_core.store.transactions.workers import roster
from tests.store import million
from tests.store.acts import DEFAULTS, fresh_token
from tests.store.engines import NOON

pytestmark = pytest.mark.slow

SIZES = (1_000, million.OF_EACH)
"""Jobs of each of three kinds."""

GRAIN = 10
"""Steps between two counts."""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Home]]:
    """A small store and one of a million jobs."""
    folder = tmp_path_factory.mktemp("million")
    yield [million.copy(million.template(tmp_path_factory, size), folder / str(size)) for size in SIZES]
    shutil.rmtree(folder)  # two hundred megabytes are no keepsake


@pytest.fixture
def stores(homes: list[Home]) -> Iterator[list[SqliteStore]]:
    """The small store and the large one."""
    opened = [SqliteStore(home, clock=lambda: NOON) for home in homes]
    yield opened
    for store in opened:
        store.close()


def steps(store: SqliteStore, transaction: Transaction[Any]) -> int:
    """How many steps of the virtual machine a transaction takes, to within `GRAIN` a statement."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += GRAIN

    store.count_steps(GRAIN, count)
    store.run(transaction)
    return counted


def claim(store: SqliteStore, *of: str) -> Transaction[Any]:
    return take_turn(None, Ask("pool-1", fresh_token(), of))


def finish(store: SqliteStore, outcome: Outcome) -> Transaction[Any]:
    """A turn that reports one run and claims the next job."""
    ask = Ask("pool-1", fresh_token(), ("default",))
    job = store.run(take_turn(None, ask)).job
    assert job
    report = Report(job.number, ask.token, Result(outcome, 0 if outcome is Outcome.COMPLETED else 1), DEFAULTS)
    return take_turn(report, Ask("pool-1", fresh_token(), ("default",)))


def waiting_job(store: SqliteStore) -> str:
    return store.run(enqueue(NewJob("true", queue="default"))).id


def ended_job(store: SqliteStore) -> str:
    [job] = store.run(cancel([waiting_job(store)]))
    return job.id


def second_dead_page(store: SqliteStore) -> Transaction[Any]:
    last = store.run(dead_page())[-1]
    return dead_page(None, last.finished_at or 0, last.number)


def middle(store: SqliteStore) -> int:
    """A number in the middle of the store, of a dead job in the queue `default`."""
    last = store.run(page(limit=1))[0].number
    return store.run(page([JobState.DEAD], "default", last // 2, 1))[0].number


def windows(text: str, *, newest_first: bool) -> Callable[[SqliteStore], Transaction[Any]]:
    """A window from the middle of a list that was frozen a little above or below."""

    def make(store: SqliteStore) -> Transaction[Any]:
        after = middle(store)
        until = after - 100 if newest_first else after + 600
        return window(parse_filter(text), after=after, newest_first=newest_first, limit=50, until=until)

    return make


def death_windows(*, newest_first: bool) -> Callable[[SqliteStore], Transaction[Any]]:
    """As `windows`, in the order of deaths."""

    def make(store: SqliteStore) -> Transaction[Any]:
        [job] = store.run(by_numbers([middle(store)]))
        died = job.finished_at or 0
        until = died - 100 if newest_first else died + 600
        return dead_window(
            Filter(), after=(died, job.number), newest_first=newest_first, limit=50, until_finished=until
        )

    return make


class Case(NamedTuple):
    """A transaction, and the most steps it may take at any size."""

    name: str
    make: Callable[[SqliteStore], Transaction[Any]]
    most: int


PAIRS = parse_filter("queue:default,other state:pending,dead")
WINDOWS = (("", 9500), ("state:dead", 9500), ("state:pending", 16_500), ("queue:default", 16_500))

CASES = [
    Case("enqueue", lambda _: enqueue(NewJob("true")), 1000),
    Case("enqueue at a priority", lambda _: enqueue(NewJob("true", priority=7)), 1000),
    Case("claim", claim, 1600),
    Case("claim of one queue", lambda store: claim(store, "default"), 1600),
    Case("claim where nothing is", lambda store: claim(store, "nowhere"), 400),
    Case("finish and claim", lambda store: finish(store, Outcome.COMPLETED), 3500),
    Case("fail and claim", lambda store: finish(store, Outcome.FAILED), 3800),
    Case("page", lambda _: page(), 4000),
    Case("page of a state", lambda _: page([JobState.PENDING]), 8700),
    Case("page of states", lambda _: page([JobState.DEAD, JobState.PROCESSING]), 4800),
    Case("page of a queue", lambda _: page((), "other"), 4400),
    Case("page of a state and queue", lambda _: page([JobState.DEAD], "default"), 4400),
    Case("page far down", lambda _: page([JobState.PENDING], before=500), 8700),
    Case("find", lambda _: find(["7", "300"]), 200),
    Case("count", lambda _: count_matching([JobState.PENDING], "other"), 200),
    Case("ids", lambda _: ids_starting_with("9"), 4000),
    Case("summary", lambda _: summary(), 1200),
    Case("queues", lambda _: queues(), 200),
    Case("waiting", lambda _: waiting_for(()), 200),
    Case("roster", lambda _: roster(), 100),
    Case("processing", lambda _: processing(), 2400),
    Case("cancel", lambda store: cancel([waiting_job(store)]), 1400),
    Case("retry", lambda store: retry([ended_job(store)]), 1100),
    Case("delete", lambda store: delete([ended_job(store)]), 500),
    Case("edit", lambda store: edit(waiting_job(store), Changes(priority=3, delay=5)), 1000),
    Case("forget", lambda _: forget(JobState.COMPLETED, 0, limit=10), 3600),
    Case("dead page", lambda _: dead_page(), 5000),
    Case("second dead page", second_dead_page, 5100),
    Case("retry of dead ones", lambda _: retry_all_dead(NOON, limit=10), 8100),
    Case("count of a filter", lambda _: count(parse_filter("state:dead queue:default")), 200),
    *(
        Case(f"window {'down' if newest_first else 'up'}: {text}", windows(text, newest_first=newest_first), most)
        for newest_first in (True, False)
        for text, most in WINDOWS
    ),
    Case("window of the newest", lambda _: window(Filter(), after=BEYOND_ALL, newest_first=True, limit=50), 9500),
    Case("window of the oldest", lambda _: window(Filter(), after=0, newest_first=False, limit=50), 9500),
    Case("jump", lambda s: offset(Filter(), after=middle(s), newest_first=True, skip=300), 4000),
    Case("jump among pairs", lambda s: offset(PAIRS, after=middle(s), newest_first=False, skip=300), 40_000),
    Case("rank", lambda s: rank(PAIRS, number=middle(s), newest_first=True, limit=300), 8500),
    Case("rank upwards", lambda _: rank(PAIRS, number=9000, newest_first=False, until=200, limit=300), 5000),
    Case("newer", lambda _: newer_than(Filter(), 9, limit=300), 8500),
    Case("scan", lambda s: scan(parse_filter("zzz"), before=middle(s), budget=300), 36_000),
    Case("scan of pairs", lambda s: scan(PAIRS, before=middle(s), budget=300), 54_000),
    Case("deaths after", lambda _: deaths_after(Filter(), 0, limit=300), 6000),
    Case("window of deaths down", death_windows(newest_first=True), 10_000),
    Case("window of deaths up", death_windows(newest_first=False), 10_000),
    Case("chunk of causes", lambda s: cause_chunk(before=middle(s), limit=100), 6000),
    Case("cancel of several", lambda s: cancel_each([int(waiting_job(s)) for _ in range(5)], running=False), 7000),
    Case("retry of several", lambda s: retry_each([int(ended_job(s)) for _ in range(5)]), 5500),
    Case("tidy", lambda _: tidy(), 900),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cost_is_the_same_at_any_size(stores: list[SqliteStore], case: Case) -> None:
    small, large = (steps(store, case.make(store)) for store in stores)

    assert large <= case.most
    assert large <= 1.1 * small + 10 * GRAIN


def test_what_is_waiting_above_is_not_what_is_claimed(stores: list[SqliteStore]) -> None:
    for store in stores:
        job = store.run(take_turn(None, Ask("pool-1", fresh_token(), ("default",)))).job
        assert job
        assert (job.queue, job.priority < 1000) == ("default", True)


def test_steps_are_really_counted(stores: list[SqliteStore]) -> None:
    assert steps(stores[0], miscounted()) > SIZES[0]
