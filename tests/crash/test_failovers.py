"""The server is lost at once, and another that followed it takes its place: what was acknowledged is there."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from queuectl_core.model.job import NewJob, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.opening import open_home
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.crash.blows import any_job
from tests.crash.busy import closed_gate
from tests.crash.hosts import hosts_on, outcomes, wrong_of
from tests.crash.ledger import Word
from tests.crash.storm import Storm
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.fixtures import GIVEN
from tests.postgres.server import with_parameter
from tests.postgres.standby import Pair, server_with_standby

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(GIVEN in os.environ, reason=f"is about servers that we start, not that of {GIVEN}"),
]

SEED = int(os.environ.get("QUEUECTL_CRASH_SEED", "1"))
PRODUCER = "producer"
MOST = 100_000
LEASE = 30
"""Seconds, for which the queue may be without a server, and what runs goes on."""


@pytest.fixture
def pair(alone: None) -> Iterator[Pair]:
    """A server, and one that follows it."""
    with server_with_standby() as pair:
        yield pair


class Producer:
    """Somebody who enqueues one job after the other, whatever becomes of the server, until they leave."""

    def __init__(self, storm: Storm) -> None:
        self._storm = storm
        url = with_parameter(str(storm.home.url), f"application_name={PRODUCER}")
        self._home = Home(f"{storm.home.path}-of-producer", url)
        self._stop = threading.Event()
        self.acknowledged: list[str] = []
        self._thread = threading.Thread(target=self._produce)
        self._thread.start()

    def _produce(self) -> None:
        folder, command = str(Path(self._home.path).parent), self._storm.ledger.command()
        with open_home(self._home) as store:
            while not self._stop.is_set():
                self.acknowledged.append(store.run(enqueue(NewJob(command, cwd=folder))).id)

    def more(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        goal = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) >= goal, 2 * PATIENCE, what=f"{count} more jobs are enqueued")

    def leave(self) -> None:
        """Enqueue no more; the storm knows of all of them then."""
        self._stop.set()
        self._thread.join(2 * PATIENCE)
        self._storm.acknowledged += self.acknowledged
        self.acknowledged.clear()


@contextmanager
def load(folder: Path, pair: Pair) -> Iterator[tuple[Storm, Producer]]:
    """Two hosts in the midst of work, and somebody who enqueues more."""
    rng = random.Random(SEED)
    with hosts_on(folder, pair.url, 2, lease=LEASE) as storm:
        for host in storm.hosts:
            storm.start_pool(2, host=host)
        storm.put_all([any_job(storm.ledger, rng) for _ in range(60)])
        producer = Producer(storm)
        try:
            producer.more(20)
            storm.let_work_go_on(200)
            yield storm, producer
        finally:
            producer.leave()


def all_is_well(storm: Storm) -> None:
    """Finish all work, and see that no promise was broken: each job is there that was acknowledged, and no other."""
    storm.drain(2)
    assert wrong_of(storm) == []
    assert sorted(storm.acknowledged, key=int) == sorted((job.id for job in storm.store.run(page(limit=MOST))), key=int)


def test_work_goes_on_at_the_server_that_takes_the_place_of_one_that_was_lost(tmp_path: Path, pair: Pair) -> None:
    with load(tmp_path, pair) as (storm, producer):
        gate = closed_gate(storm)
        held = storm.put(storm.ledger.command(gate=gate), priority=2)
        eventually(lambda: storm.ledger.has(held, Word.START), what=f"it has begun; {storm.said()[-2000:]}")

        pair.lose_the_first()
        gate.touch()
        eventually(lambda: storm.ledger.has(held, Word.END), what="the command comes to its end meanwhile")
        pair.promote_the_second()

        producer.more(20)
        producer.leave()
        all_is_well(storm)
        assert outcomes(storm, held) == [Outcome.COMPLETED]


def test_what_the_lost_server_had_committed_and_not_answered_is_not_done_again(tmp_path: Path, pair: Pair) -> None:
    with load(tmp_path, pair) as (storm, producer):
        with pair.silence_of_the_second():
            eventually(lambda: pair.owes_an_answer(PRODUCER), what="somebody waits for the answer to a commit")
            pair.lose_the_first()
        pair.promote_the_second()

        producer.more(20)
        producer.leave()
        all_is_well(storm)
