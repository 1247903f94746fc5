"""kill -9 in named phases of a pool's work; each kill is counted by whoever dies, in the phase it died in."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from queuectl_core.model.job import Outcome
from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.transactions.claims import token_of_run
from queuectl_core.store.transactions.jobs import history
from tests.crash.hosts import hosts_on, wrong_of
from tests.crash.rigged import ODDS, Phase, Rig, begun_file, struck
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually
from tests.postgres.server import Databases

pytestmark = pytest.mark.crash

TIMES = 5
"""How many kills land in each phase, at the least."""

A_POOL = 2
"""How many land in one pool: it pauses longer with each child that dies."""

PATIENCE = 150
"""Seconds after which an attack should have reached its phase so often, on a machine that has other work, too."""

ALONE = [
    Phase.CLAIM_WRITTEN,
    Phase.CLAIMED,
    Phase.RESULT_WRITTEN,
    Phase.REPORTED,
    Phase.HANDED_BACK,
    Phase.SPAWNED,
    Phase.EXITED,
    Phase.RECOVERING,
    Phase.GIVING_ON,
    Phase.RECOVERED,
    Phase.CHECKPOINTING,
    Phase.IN_CHECKPOINT,
    Phase.CHECKPOINTED,
]
WITH_THE_POOL = [Phase.CLAIMED, Phase.REPORTED, Phase.SPAWNED, Phase.EXITED, Phase.RECOVERING, Phase.RECOVERED]

RECOVERIES = (Phase.RECOVERING, Phase.GIVING_ON, Phase.RECOVERED)
CHECKPOINTS = (Phase.CHECKPOINTING, Phase.IN_CHECKPOINT, Phase.CHECKPOINTED)


class Attack:
    """A storm whose pools are rigged."""

    def __init__(self, storm: Storm, folder: Path, phase: Phase, *, with_pool: bool = False) -> None:
        self.storm = storm
        self.phase = phase
        lost, odds = (6 * TIMES, 0.7) if phase in RECOVERIES else (0, ODDS)
        self.rig = Rig(phase, TIMES, with_pool, str(folder / "struck"), lost, phase in CHECKPOINTS, odds)
        self._rng = random.Random(str(phase))
        self._pools = 0

    def landed(self) -> int:
        """How many kills have landed in the phase."""
        return struck(self.rig.struck, self.phase)

    def strike(self) -> None:
        """Let rigged pools work, each until it has died or enough were struck, with enough to do for them."""
        program = ("-m", "tests.crash.rigged", json.dumps(self.rig._asdict()))
        until = time.monotonic() + PATIENCE
        while self.landed() < TIMES:
            pool = self.storm.start_pool(2, program=program)
            self._pools += 1
            enough = min(TIMES, self.landed() + A_POOL)
            while not self._is_over(pool, enough):
                # Jobs that all end without a kill begin this anew, so what bounds one wait does not bound them all.
                assert time.monotonic() < until, self._reached()
                self._top_up()
                eventually(
                    lambda pool=pool, enough=enough: self._idle() or self._is_over(pool, enough),  # type: ignore[misc]
                    60,
                    what=f"{enough} kills {self.phase}; {self._reached()}",
                )
            self.storm.kill_pool(pool, with_children=False)

    def _reached(self) -> str:
        """How far it came: what the jobs are drawn from, too, so that the same may be tried again."""
        storm = self.storm
        return (
            f"{self.landed()} of {TIMES} kills landed {self.phase}, in {self._pools} pools, over "
            f"{len(storm.acknowledged)} jobs drawn from the seed {str(self.phase)!r}, {storm.unfinished()} of which "
            f"had not ended; {storm.said()[-2000:]}"
        )

    def _is_over(self, pool: Pool, enough: int) -> bool:
        return pool.process.poll() is not None or self.landed() >= enough

    def _top_up(self) -> None:
        if self._idle():
            for _ in range(12):
                beats, last = self._rng.choice(((0, "exit 0"), (0, "exit 0"), (0, "exit 1"), (3, "exit 0")))
                self.storm.put(self.storm.ledger.command(beats, then=last), max_retries=self._rng.choice((1, 5)))

    def _idle(self) -> bool:
        return self.storm.unfinished() < 4


@pytest.mark.parametrize("phase", ALONE)
def test_a_kill_in_any_phase_breaks_no_promise(storm: Storm, tmp_path: Path, phase: Phase) -> None:
    attack = Attack(storm, tmp_path, phase)
    attack.strike()
    storm.drain(2)
    assert storm.wrong() == []
    assert attack.landed() >= TIMES
    assert never_begun_but_charged(attack) == []


@pytest.mark.parametrize("phase", WITH_THE_POOL)
def test_a_kill_of_a_pool_and_of_its_child_in_any_phase_breaks_no_promise(
    storm: Storm, tmp_path: Path, phase: Phase
) -> None:
    attack = Attack(storm, tmp_path, phase, with_pool=True)
    attack.strike()
    storm.drain(2)
    assert storm.wrong() == []
    assert attack.landed() >= TIMES
    assert never_begun_but_charged(attack) == []


@pytest.mark.parametrize("phase", [Phase.CLAIM_WRITTEN, Phase.CLAIMED, Phase.RESULT_WRITTEN, Phase.REPORTED])
def test_a_kill_around_the_commit_on_a_server_breaks_no_promise(
    postgres: Databases, alone: None, tmp_path: Path, phase: Phase
) -> None:
    with postgres.database() as url, hosts_on(tmp_path, url, 1, lease=30) as storm:
        attack = Attack(storm, tmp_path, phase)
        attack.strike()
        storm.drain(2)
        assert wrong_of(storm) == []
        assert attack.landed() >= TIMES
        assert never_begun_but_charged(attack) == []


def never_begun_but_charged(attack: Attack) -> list[tuple[str, int]]:
    """Runs that count as lost though no command was started for them: job and attempt.

    A command may be killed before it comes to say that it starts, so it is the workers that tell.
    """
    storm = attack.storm
    begun = set(Path(begun_file(attack.rig.struck)).read_text().splitlines())
    return [
        (job.id, run.attempt)
        for job in map(storm.job, storm.acknowledged)
        for run in storm.store.run(history(job.number))
        if run.outcome is Outcome.LOST and storm.store.run(token_of_run(job.number, run.attempt)) not in begun
    ]


def test_a_failpoint_does_nothing() -> None:
    assert [failpoints.reached(point, object()) for point in Failpoint] == [None] * len(Failpoint)  # type: ignore[func-returns-value]
    code = failpoints.reached.__code__
    assert (code.co_names, code.co_freevars, code.co_cellvars) == ((), (), ())
