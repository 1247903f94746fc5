"""Dead jobs as a table shows them: in the order of their deaths, both ways, and by cause and program."""

from __future__ import annotations

import pytest

from queuectl_core.model.filters import Filter, parse_filter
from queuectl_core.model.job import Job, Outcome
from queuectl_core.store.transactions.browsing import dead_window, deaths_after
from queuectl_core.store.transactions.causes import StemCause, cause_chunk, causes_by_stem, merged_causes, stem_of
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from tests.store.acts import dead, ended, put, ran, started
from tests.store.engines import NOON, Engine


@pytest.fixture
def deaths(store: Engine) -> list[Job]:
    """Dead jobs of two queues, the latest to die first; some died at the same instant."""
    died = []
    for n in range(9):
        store.clock.now += n % 2
        died.append(dead(store, queue="ab"[n % 2]))
    ran(store)
    return died[::-1]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("text", ["", "queue:b", "state:dead"])
def test_windows_of_dead_jobs_follow_each_other_both_ways(
    store: Engine, deaths: list[Job], newest_first: bool, text: str
) -> None:
    filter, walked = parse_filter(text), list[Job]()
    after = (BEYOND_ALL, BEYOND_ALL) if newest_first else (0, 0)

    while more := store.run(dead_window(filter, after=after, newest_first=newest_first, limit=2)):
        walked += more
        after = (walked[-1].finished_at or 0, walked[-1].number)

    expected = [job for job in deaths if not filter.queues or job.queue in filter.queues]
    assert walked == (expected if newest_first else expected[::-1])


@pytest.mark.parametrize("newest_first", [True, False])
def test_who_died_after_the_list_was_frozen_is_not_shown(store: Engine, deaths: list[Job], newest_first: bool) -> None:
    after = (BEYOND_ALL, BEYOND_ALL) if newest_first else (0, 0)

    shown = store.run(dead_window(Filter(), after=after, newest_first=newest_first, limit=50, until_finished=NOON + 2))

    expected = [job for job in deaths if (job.finished_at or 0) <= NOON + 2]
    assert 0 < len(expected) < len(deaths)
    assert shown == (expected if newest_first else expected[::-1])


@pytest.mark.parametrize("text", ["", "queue:b"])
def test_who_died_after_an_instant_is_counted_as_far_as_is_asked(store: Engine, deaths: list[Job], text: str) -> None:
    filter = parse_filter(text)
    later = [
        job for job in deaths if (job.finished_at or 0) > NOON + 2 and (not filter.queues or job.queue in filter.queues)
    ]

    assert store.run(deaths_after(filter, NOON + 2)) == len(later) > 1
    assert store.run(deaths_after(filter, NOON + 2, limit=1)) == 1
    assert store.run(deaths_after(filter, BEYOND_ALL)) == 0


def test_dead_jobs_are_grouped_by_how_they_died_and_what_they_ran(store: Engine) -> None:
    def died(command: str, queue: str = "a") -> Job:
        put(store, command, queue=queue, max_retries=0)
        return ended(store, started(store, queue), Outcome.FAILED, exit_code=1, error="exit status 1")

    died("/usr/bin/send a")
    store.clock.now += 10
    latest = died("A=1 send b", "b")
    make = died("make")

    first, second = store.run(causes_by_stem())

    assert first == ("send", "exit status 1", 1, None, 2, NOON, NOON + 10, latest.number)
    assert (second.stem, second.jobs, second.newest) == ("make", 1, make.number)
    assert [(cause.stem, cause.jobs) for cause in store.run(causes_by_stem(Filter(queues=("b",))))] == [("send", 1)]


def test_causes_are_the_same_in_chunks_as_at_once(store: Engine, deaths: list[Job]) -> None:
    causes: list[StemCause] = []
    before, chunks = BEYOND_ALL, 0
    while chunks < 10:
        chunk = store.run(cause_chunk(before=before, limit=4))
        causes, chunks = merged_causes([*causes, *chunk.causes]), chunks + 1
        if chunk.next_before is None:
            break
        before = chunk.next_before

    assert chunks == 3
    assert causes == store.run(causes_by_stem())
    assert causes[0].jobs == len(deaths)


def test_no_dead_jobs_have_no_causes_by_stem(store: Engine) -> None:
    ran(store)

    assert store.run(causes_by_stem()) == []


@pytest.mark.parametrize(
    ("command", "stem"),
    [
        ("make all", "make"),
        ("/usr/bin/make", "make"),
        ("A=1 B=/x/y make", "make"),
        ("sudo -E env A=1 ./run.sh x", "run.sh"),
        ("nice", "nice"),
        ("-x", "-x"),
        ("bin/", "bin/"),
        ("  ", ""),
    ],
)
def test_a_command_is_known_by_the_program_it_runs(command: str, stem: str) -> None:
    assert stem_of(command) == stem
