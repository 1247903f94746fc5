"""What a table of jobs asks of a store: windows both ways, jumps, ranks, scans and orders. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queuectl_core.model.filters import Filter, matches, parse_filter
from queuectl_core.model.job import Job, JobState, Outcome
from queuectl_core.store.transactions.browsing import (
    Scan,
    SortColumn,
    by_numbers,
    count,
    newer_than,
    offset,
    rank,
    scan,
    scan_total,
    sort_numbers,
    sorted_numbers,
    window,
)
from queuectl_core.store.transactions.changes import cancel, delete
from queuectl_core.store.transactions.jobs import BEYOND_ALL, page
from tests.store.acts import ended, put, ran, started
from tests.store.engines import Engine

COMMANDS = ("true", "Make all", ("make", "ALL"), "echo É", ("send", "--to", "Ä b", '"q"\\'), "a\nb")
ERRORS: tuple[dict[str, Any], ...] = (
    {"exit_code": 1, "error": "exit status 1"},
    {"exit_code": 2, "error": "No Such file"},
    {"signal": 9, "error": "killed by SIGKILL"},
    {"signal": 15, "error": None},
)


@pytest.fixture(scope="module")
def store(kept_store: Engine) -> Engine:
    """Each store in turn, with the same jobs for all tests."""
    return kept_store


@pytest.fixture(scope="module")
def mixed(store: Engine) -> Iterator[list[Job]]:
    """Jobs of three queues in every state, of several ages, newest first; one number is missing."""
    for n in range(36):
        store.clock.now += 1000 * (n % 3)
        name = f"Night-{n}" if n % 4 == 0 else None
        one = put(
            store,
            COMMANDS[n % 6],
            id=name,
            queue="abc"[n % 3],
            max_retries=n // 6 % 2,
            priority=n % 5 - 2,
            delay=n % 7 * 5,
        )
        match n % 6:
            case 0:
                store.run(cancel([one.id]))
            case 1 | 2 | 3:
                store.clock.now += 40_000
                while (run := started(store, one.queue)).job.number != one.number:
                    ended(store, run)
                if n % 6 != 3 or n % 4 != 3:  # else it runs on
                    ended(store, run, Outcome.FAILED, **ERRORS[n // 6 % 4])
    gone = ran(store, Outcome.COMPLETED, id="gone", priority=1000, queue="d")
    store.run(delete([gone.id]))
    put(store, queue="a")
    jobs = store.run(page(limit=100))
    yield jobs
    assert store.run(page(limit=100)) == jobs


PLAIN = ("", "state:dead", "queue:a", "state:pending,failed", "queue:a,b state:dead,completed", "queue:nowhere")


def wanted(jobs: list[Job], text: str, store: Engine) -> list[Job]:
    return [job for job in jobs if matches(job, parse_filter(text), store.clock.now)]


def numbers(jobs: list[Job]) -> list[int]:
    return [job.number for job in jobs]


def test_the_jobs_are_as_mixed_as_the_tests_below_need(mixed: list[Job]) -> None:
    assert {job.state for job in mixed} == set(JobState)
    assert {job.queue for job in mixed if job.state is JobState.DEAD} >= {"b", "c"}


# ------------------------------------------------------------------ windows


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("newest_first", [True, False])
def test_windows_follow_each_other_without_gap_or_overlap(
    store: Engine, mixed: list[Job], text: str, newest_first: bool
) -> None:
    filter, walked = parse_filter(text), list[Job]()
    after = BEYOND_ALL if newest_first else 0

    while more := store.run(window(filter, after=after, newest_first=newest_first, limit=4)):
        walked += more
        after = walked[-1].number

    expected = wanted(mixed, text, store)
    assert walked == (expected if newest_first else expected[::-1])
    assert store.run(count(filter)) == store.run(scan_total(filter)) == len(expected)


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("newest_first", [True, False])
def test_what_came_after_the_list_was_frozen_is_not_shown(
    store: Engine, mixed: list[Job], text: str, newest_first: bool
) -> None:
    filter, until = parse_filter(text), 20
    after = BEYOND_ALL if newest_first else 0
    expected = [job for job in wanted(mixed, text, store) if job.number <= until]

    shown = store.run(window(filter, after=after, newest_first=newest_first, limit=100, until=until))

    assert shown == (expected if newest_first else expected[::-1])
    later = [job for job in wanted(mixed, text, store) if job.number > until]
    assert store.run(newer_than(filter, until)) == len(later)


def test_newer_jobs_are_counted_up_to_a_limit(store: Engine, mixed: list[Job]) -> None:
    assert store.run(newer_than(Filter(), 0, limit=5)) == 5


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("until", [BEYOND_ALL, 25])
def test_ranks_and_jumps_agree_with_the_order(
    store: Engine, mixed: list[Job], text: str, newest_first: bool, until: int
) -> None:
    filter = parse_filter(text)
    order = numbers([job for job in wanted(mixed, text, store) if job.number <= until])
    order = order if newest_first else order[::-1]
    start = BEYOND_ALL if newest_first else 0

    for place, number in enumerate(order):
        jump = offset(filter, after=start, newest_first=newest_first, skip=place + 1, until=until)
        assert store.run(jump) == number
        for limit in (3, 100):
            standing = rank(filter, number=number, newest_first=newest_first, until=until, limit=limit)
            assert store.run(standing) == (place if place <= limit else None)
    assert store.run(offset(filter, after=start, newest_first=newest_first, skip=len(order) + 1, until=until)) is None


def test_a_jump_begins_beyond_the_row_it_starts_from(store: Engine, mixed: list[Job]) -> None:
    assert store.run(offset(Filter(), after=20, newest_first=True, skip=3)) == 17
    assert store.run(offset(Filter(), after=20, newest_first=False, skip=3)) == 23


def test_a_filter_that_needs_a_scan_has_no_count(store: Engine, mixed: list[Job]) -> None:
    assert store.run(count(parse_filter("state:dead true"))) is None


def test_jobs_are_read_by_number_in_the_order_asked(store: Engine, mixed: list[Job]) -> None:
    by_number = {job.number: job for job in mixed}
    order = [3, 37, 1, 999, 2]

    assert 37 not in by_number
    assert store.run(by_numbers(order)) == [by_number[number] for number in (3, 1, 2)]
    assert store.run(by_numbers([])) == []


# ------------------------------------------------------------------ scans


def scanned(store: Engine, filter: Filter, budget: int, until: int = BEYOND_ALL) -> tuple[list[int], int]:
    """All that a scan in steps finds, and how many jobs it visits."""
    found, visited, before = list[int](), 0, BEYOND_ALL
    while True:
        step: Scan = store.run(scan(filter, before=before, budget=budget, until=until))
        assert step.visited <= budget
        found += step.numbers
        visited += step.visited
        if step.next_before is None:
            return found, visited
        before = step.next_before


@pytest.mark.parametrize("budget", [1, 4, 1000])
@pytest.mark.parametrize("text", ["true", "state:dead exit:1", "queue:a,b all", "state:pending queue:a older:0", "zzz"])
def test_a_scan_in_steps_finds_what_matches_and_visits_no_other_queue_or_state(
    store: Engine, mixed: list[Job], text: str, budget: int
) -> None:
    filter = parse_filter(text)

    found, visited = scanned(store, filter, budget)

    assert found == numbers(wanted(mixed, text, store))
    assert visited == store.run(scan_total(filter))


def test_a_scan_leaves_out_what_came_after_the_list_was_frozen(store: Engine, mixed: list[Job]) -> None:
    found, visited = scanned(store, parse_filter("newer:10d"), 7, until=20)

    assert (found, visited) == (list(range(20, 0, -1)), 20)


words = st.sampled_from(
    ["true", "MAKE all", "make", "é", "É", "ä B", "night", "7", "a", "a\nb", "q", '"q"', "exit", "q\\"]
)
exits = st.sampled_from([1, 2, 0, "signal", "sig9", "sig15", "no such", "STATUS", "kill"])
ages = st.none() | st.integers(0, 1_000_000)


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(()) | st.lists(of, max_size=2, unique=True).map(tuple)


filters = st.builds(
    Filter,
    states=some(st.sampled_from(JobState)),
    queues=some(st.sampled_from("abcd")),
    ids=some(st.sampled_from(["N", "Night-2", "1", "2", "n"])),
    commands=some(words),
    exits=some(exits),
    older_ms=ages,
    newer_ms=ages,
    words=some(words),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters, st.sampled_from([3, 1000]))
def test_the_store_and_the_model_mean_the_same(store: Engine, mixed: list[Job], filter: Filter, budget: int) -> None:
    expected = [job.number for job in mixed if matches(job, filter, store.clock.now)]

    assert scanned(store, filter, budget)[0] == expected
    assert store.run(sorted_numbers(filter, SortColumn.STATE, descending=False)) == store.run(
        sort_numbers(expected, SortColumn.STATE, False)
    )


# ------------------------------------------------------------------ orders


def text_of(job: Job) -> str:
    return job.command if isinstance(job.command, str) else " ".join(job.command)


def ending_of(job: Job) -> int | None:
    return job.exit_code if job.exit_code is not None else None if job.signal is None else 1000 + job.signal


KEYS: dict[SortColumn, Callable[[Job], Any]] = {
    SortColumn.ID: lambda job: (job.name is not None, job.name or job.number),
    SortColumn.STATE: lambda job: list(JobState).index(job.state),
    SortColumn.QUEUE: lambda job: job.queue,
    SortColumn.PRIORITY: lambda job: job.priority,
    SortColumn.TRIES: lambda job: job.attempts,
    SortColumn.AGE: lambda job: job.created_at,
    SortColumn.DUE: lambda job: job.next_run_at,
    SortColumn.ENDED: lambda job: job.finished_at,
    SortColumn.COMMAND: text_of,
    SortColumn.EXIT: ending_of,
}


@pytest.mark.parametrize("column", SortColumn)
@pytest.mark.parametrize("descending", [True, False])
def test_jobs_are_sorted_by_a_column_then_by_number_with_the_empty_ones_last(
    store: Engine, mixed: list[Job], column: SortColumn, descending: bool
) -> None:
    key = KEYS[column]
    full = [job for job in mixed if key(job) is not None]
    empty = [job for job in mixed if key(job) is None]
    full.sort(key=lambda job: (key(job), job.number), reverse=descending)
    empty.sort(key=lambda job: job.number, reverse=descending)
    expected = numbers(full + empty)

    assert store.run(sorted_numbers(Filter(), column, descending=descending)) == expected
    assert store.run(sort_numbers([*sorted(expected), 999], column, descending)) == expected


@pytest.mark.parametrize("text", ["", "state:pending", "newer:10d"])
def test_more_jobs_than_the_limit_are_not_sorted(store: Engine, mixed: list[Job], text: str) -> None:
    filter = parse_filter(text)
    n = len(wanted(mixed, text, store))

    assert store.run(sorted_numbers(filter, SortColumn.AGE, descending=True, limit=n - 1)) is None
    assert len(store.run(sorted_numbers(filter, SortColumn.AGE, descending=True, limit=n)) or []) == n
