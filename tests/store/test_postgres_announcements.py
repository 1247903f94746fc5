"""What is announced to who listens: one announcement a change, however large, and none where there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.postgres.folding import fold
from queuectl_core.store.postgres.leases import renew
from queuectl_core.store.postgres.requests import channel, understood
from queuectl_core.store.statements import Wake
from queuectl_core.store.transactions.changes import retry
from queuectl_core.store.transactions.claims import Ask, Held, take_turn, take_turns, unclaim
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.workers import Lease, register_pool
from tests.execution.waiting import PATIENCE
from tests.postgres.raising import SERIALIZATION_FAILURE, When, raising
from tests.store.acts import ask, ended, fresh_token, put, put_many, report, started
from tests.store.engines import ON_SERVER, Engine

MANY = 1000
NOTHING = "nothing more"
"""An announcement of ours, behind those that are looked at: they come in the order of the commits."""


class Listener:
    """Somebody who hears what is announced."""

    def __init__(self, url: str) -> None:
        self.session = psycopg.connect(url, autocommit=True)
        self.session.execute(f'LISTEN "{channel("queuectl")}"'.encode())

    def heard(self) -> list[Wake | None]:
        """Whom all that was committed since the last call is said to wake."""
        self.session.execute("SELECT pg_notify(%s, %s)", (channel("queuectl"), NOTHING))
        heard: list[Wake | None] = []
        for note in self.session.notifies(timeout=PATIENCE):
            if note.payload == NOTHING:
                return heard
            heard.append(understood(note.payload))
        raise AssertionError(f"our own announcement did not come; before it {heard}")


@pytest.fixture(params=ON_SERVER)
def engine(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Engine]:
    """The blocking and the awaited store in turn."""
    with ON_SERVER[request.param](tmp_path / "home", url) as opened:
        yield opened


@pytest.fixture
def listener(url: str) -> Iterator[Listener]:
    listener = Listener(url)
    yield listener
    listener.session.close()


def woken(*queues: str) -> Wake:
    """Who serves one of these queues."""
    return Wake(queues=frozenset(queues))


def test_a_job_that_comes_is_announced_once(engine: Engine, listener: Listener) -> None:
    put(engine, queue="mail")

    assert listener.heard() == [woken("mail")]


def test_a_thousand_jobs_that_come_together_are_announced_once(engine: Engine, listener: Listener) -> None:
    # The server itself announces the same only once: so the batches are for different queues.
    put_many(engine, *(NewJob("true", queue=f"q{n * 3 // MANY}") for n in range(MANY)), batch=100)

    assert listener.heard() == [woken("q0", "q1", "q2")]


def test_a_change_that_had_to_be_made_again_is_announced_once(engine: Engine, listener: Listener, url: str) -> None:
    with raising(url, SERIALIZATION_FAILURE, "INSERT ON queuectl.jobs", 3, When.AT_COMMIT):
        put(engine, queue="mail")

    assert listener.heard() == [woken("mail")]


def test_claims_and_successes_are_not_announced(engine: Engine, listener: Listener) -> None:
    put_many(engine, *[NewJob("true")] * 20)
    listener.heard()

    first = engine.run(take_turns([], [Ask("pool-1", fresh_token()) for _ in range(8)]))
    assert first.claimed
    ended(engine, started(engine))
    engine.run(take_turn(None, Ask("pool-1", fresh_token())))

    assert listener.heard() == []


def test_looks_in_vain_and_signs_of_life_are_not_announced(engine: Engine, listener: Listener) -> None:
    engine.run(register_pool("abc", "here", 1, 1, Lease("site", 60_000)))
    listener.heard()

    ask(engine)
    engine.run(page())
    engine.run(renew(60_000, ["abc-1"], ["abc"]))
    engine.run(fold())

    assert listener.heard() == []


def test_a_failure_that_will_be_tried_again_is_announced_so_that_the_idle_know_when_to_look(
    engine: Engine, listener: Listener
) -> None:
    put(engine, queue="mail", max_retries=1)
    for waits, announced in ((JobState.FAILED, [woken("mail")]), (JobState.DEAD, [])):
        engine.clock.now += 3_600_000
        run = started(engine)
        listener.heard()

        assert ended(engine, run, Outcome.FAILED).state is waits
        assert listener.heard() == announced


def test_failures_that_are_reported_together_are_announced_once(engine: Engine, listener: Listener) -> None:
    put_many(engine, *(NewJob("false", queue=f"q{n % 2}") for n in range(8)))
    runs = [started(engine) for _ in range(8)]
    listener.heard()

    engine.run(take_turns([report(run, Outcome.FAILED) for run in runs], []))

    assert listener.heard() == [woken("q0", "q1")]


def test_what_is_given_back_or_sent_back_together_is_announced_once(engine: Engine, listener: Listener) -> None:
    jobs = [put(engine, queue=f"q{n}") for n in range(3)]
    held = [Held(run.token, run.job) for run in (started(engine) for _ in jobs)]
    listener.heard()
    engine.run(unclaim(held))
    assert listener.heard() == [woken("q0", "q1", "q2")]

    for _ in jobs:
        ended(engine, started(engine))
    engine.run(retry([job.id for job in jobs]))
    assert listener.heard() == [woken("q0", "q1", "q2")]
