"""Whatever ends a run ends its whole tree of processes, and nothing but what is meant to be ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, Outcome
from tests.crash.busy import KILL_GRACE, PATIENCE, STUBBORN, assert_nobody_is_left, outcomes, runs
from tests.crash.evidence import processes_of
from tests.crash.storm import Storm
from tests.execution.pools import lives, pids_in
from tests.execution.trees import SIZE, tree
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

WHOLE = SIZE + 3
"""How many processes `planting` notes."""


def planting(storm: Storm, pids: Path) -> str:
    """A command whose first run leads a whole tree, noted in `pids`, until it is ended; a later run completes where
    nobody of that tree lives, and fails where somebody does.

    Beside the usual tree: two that also hold no file of the run, which lost their parents, one of them before it left
    its session; and a child that is stopped.
    """
    nothing = "< /dev/null > /dev/null 2>&1 9>&-"
    first = f"""
        {tree(pids)}
        (env -i setsid sleep 1000 {nothing} & note $!)
        (env -i setsid sh -c '(sleep 1000 & echo $! >> {pids})' {nothing} &)
        sh -c 'echo $$ >> {pids}; kill -STOP $$' &
        wait; sleep 1000
    """
    # Of those that came to init some may have ended, and not have been collected.
    check = f"for pid in $(cat {pids}); do grep -qs '^State:.[^ZX]' /proc/$pid/status && exit 3; done"
    later = f"{check}; {storm.ledger.command()}"
    return f"if [ -e {pids} ]; then {later}; else {storm.ledger.command(then=first)} fi"


def test_every_way_to_end_a_run_ends_its_whole_tree(storm: Storm, tmp_path: Path) -> None:
    storm.queuectl("config", "set", "kill_grace", f"{KILL_GRACE}s")
    files = {name: tmp_path / name for name in ("timed-out", "cancelled", "lost", "released")}
    pool = storm.start_pool(4)
    jobs = {
        name: storm.put(planting(storm, path), max_retries=1, timeout=2.0 if name == "timed-out" else None)
        for name, path in files.items()
    }
    trees = {name: pids_in(path, WHOLE) for name, path in files.items()}

    def living() -> set[str]:
        return {name for name, pids in trees.items() if any(map(lives, pids))}

    # A cancellation returns when the tree has ended; a worker's death is found out by who is left.
    storm.queuectl("cancel", jobs["cancelled"])
    assert "cancelled" not in living()
    storm.strike(storm.worker_of(pool, jobs["lost"]))
    eventually(lambda: living() == {"released"}, what=f"one tree alone is left; {living()}; {storm.said()[-2000:]}")
    eventually(lambda: storm.unfinished() == 1, what="the others have run again")
    storm.queuectl("worker", "stop", "--now")
    assert not living()
    assert pool.process.wait(PATIENCE) == 0
    assert_nobody_is_left(storm)
    storm.drain(2)
    assert storm.wrong() == []
    assert {name: outcomes(storm, job) for name, job in jobs.items()} == {
        "timed-out": [Outcome.TIMED_OUT, Outcome.COMPLETED],
        "cancelled": [Outcome.CANCELLED],
        "lost": [Outcome.LOST, Outcome.COMPLETED],
        "released": [Outcome.RELEASED, Outcome.COMPLETED],
    }


def test_the_tree_of_a_pool_that_died_whole_is_ended_by_the_next(storm: Storm, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pool = storm.start_pool(2)
    job = storm.put(planting(storm, pids), max_retries=1)
    tree_pids = pids_in(pids, WHOLE)
    storm.kill_pool(pool, with_children=True)
    assert [pid for pid in tree_pids if not lives(pid)] == []
    storm.drain(2)
    assert [pid for pid in tree_pids if lives(pid)] == []
    assert storm.wrong() == []
    assert outcomes(storm, job) == [Outcome.LOST, Outcome.COMPLETED]


def test_what_a_success_leaves_on_purpose_is_left_alone_and_holds_up_nobody(storm: Storm, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pool = storm.start_pool(1)
    leaves = f"sleep 1000 & echo $! >> {pids}; (setsid sleep 1000 & echo $! >> {pids}); "
    # One worker alone: the later ones run only when the first has let it go.
    left = [storm.put(leaves + storm.ledger.command()), *(storm.put(storm.ledger.command()) for _ in range(20))]
    eventually(lambda: not storm.unfinished(), what="nobody waits for what stays")
    children = pids_in(pids, 2)
    pool.process.terminate()
    assert pool.process.wait(PATIENCE) == 0
    try:
        assert sorted(processes_of(storm.home)) == sorted(children)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
    assert [outcomes(storm, job) for job in left] == [[Outcome.COMPLETED]] * len(left)
    storm.drain(1)
    assert storm.wrong() == []


def test_what_does_not_go_is_killed_after_its_grace_and_not_before(storm: Storm) -> None:
    """A job that ignores TERM, one that is stopped, and one that writes too much and ignores TERM, too."""
    storm.queuectl("config", "set", "kill_grace", f"{KILL_GRACE}s")
    storm.queuectl("config", "set", "max_log_bytes", "50000")
    began = storm.ledger.command(then="")
    stays = "while :; do sleep 0.05; done"
    late = [
        storm.put(STUBBORN + began + stays, timeout=0.3, max_retries=0),
        storm.put(STUBBORN + began + "kill -STOP $$; " + stays, timeout=0.3, max_retries=0),
    ]
    loud = storm.put(STUBBORN + began + "while :; do echo more and more; done", max_retries=0)
    goes = storm.put(began + stays, timeout=0.3, max_retries=0)
    storm.drain(4)
    assert storm.wrong() == []
    for job in late:
        [run] = runs(storm, job)
        assert (run.outcome, run.signal, run.error) == (Outcome.TIMED_OUT, signal.SIGKILL, "timed out after 300ms")
        assert (run.duration_ms or 0) >= 300 + KILL_GRACE * 1000
    [run] = runs(storm, loud)
    assert (run.outcome, run.signal) == (Outcome.FAILED, signal.SIGKILL)
    assert run.error == storm.job(loud).error == "output grew past max_log_bytes (50000 bytes)"
    assert (run.duration_ms or 0) >= KILL_GRACE * 1000
    [run] = runs(storm, goes)
    assert (run.outcome, run.signal) == (Outcome.TIMED_OUT, signal.SIGTERM)
    assert {storm.job(job).state for job in (*late, loud, goes)} == {JobState.DEAD}


# Each ignores TERM, soon starts another in its place, in a session of its own, and leaves. After some twenty that went
# before it, one stays.
BOMB = """
trap '' TERM
echo $$ >> {pids}
sleep 0.1
while [ $1 -eq 0 ]; do sleep 1; done
setsid sh {bomb} $(($1 - 1)) &
"""


def test_two_hundred_processes_that_start_others_in_their_place_are_ended(storm: Storm, tmp_path: Path) -> None:
    storm.queuectl("config", "set", "kill_grace", "0")
    bomb, pids = tmp_path / "bomb.sh", tmp_path / "pids"
    bomb.write_text(BOMB.format(bomb=bomb, pids=pids))
    start = f"n=0; while [ $n -lt 200 ]; do sh {bomb} 20 & n=$((n + 1)); done; wait; sleep 1000"
    pool = storm.start_pool(2)
    job = storm.put(storm.ledger.command(then=start))
    pids_in(pids, 300)
    others = [storm.put(storm.ledger.command()) for _ in range(20)]
    # It returns when all have ended, those that would stay included.
    storm.queuectl("cancel", job)
    assert [pid for pid in pids_in(pids) if lives(pid) and str(bomb) in command_of(pid)] == []
    pool.process.terminate()
    assert pool.process.wait(PATIENCE) == 0
    storm.drain(2)
    assert storm.wrong() == []
    assert outcomes(storm, job) == [Outcome.CANCELLED]
    assert {storm.job(other).state for other in others} == {JobState.COMPLETED}


def command_of(pid: int) -> str:
    """The words of a process; empty where it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
