"""A run that is ended before it ends itself: deadline, size of output; and what a run leaves behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import retry
from queuectl_core.store.transactions.jobs import tail
from tests.execution.pools import Gate, LiveQueue, lives, pids_in
from tests.execution.trees import SIZE, tree
from tests.execution.troubles import Trouble
from tests.execution.waiting import PATIENCE, eventually


def test_a_timeout_ends_the_command_and_all_that_it_started(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.set(kill_grace=0.2)
    job = queue.put(f"echo $$ >> {pids}; {tree(pids)} wait", timeout=1.5, max_retries=0)
    queue.drained()
    [run] = queue.runs(job)
    assert (run.outcome, run.signal) == (Outcome.TIMED_OUT, signal.SIGTERM)
    assert run.error == queue.job(job).error == "timed out after 1.5s"
    assert queue.job(job).state is JobState.DEAD
    assert not [pid for pid in pids_in(pids, SIZE + 1) if lives(pid)]


def test_the_timeout_of_the_settings_holds_where_a_job_has_none(queue: LiveQueue) -> None:
    queue.set(job_timeout=0.3)
    job = queue.put("sleep 1000", max_retries=0)
    queue.drained()
    assert queue.job(job).error == "timed out after 300ms"


def test_a_run_that_ignores_the_request_to_end_is_killed_after_its_grace(queue: LiveQueue) -> None:
    queue.set(kill_grace=0.5)
    job = queue.put("trap '' TERM; sleep 1000", timeout=0.3, max_retries=0)
    queue.drained()
    [run] = queue.runs(job)
    assert (run.outcome, run.signal) == (Outcome.TIMED_OUT, signal.SIGKILL)
    assert (run.duration_ms or 0) >= 800


def test_a_run_that_ends_well_after_its_deadline_has_timed_out_all_the_same(queue: LiveQueue) -> None:
    job = queue.put("trap 'echo tidied; exit 0' TERM; while :; do sleep 0.05; done", timeout=1.5, max_retries=0)
    queue.drained()
    [run] = queue.runs(job)
    assert (run.outcome, run.exit_code) == (Outcome.TIMED_OUT, 0)
    assert queue.output(job).endswith(b"tidied\n")


def test_a_stopped_command_is_ended_too(queue: LiveQueue) -> None:
    queue.set(kill_grace=0.1)
    job = queue.put("kill -STOP $$", timeout=0.2, max_retries=0)
    queue.drained()
    assert queue.outcomes(job) == [Outcome.TIMED_OUT]


def test_a_background_child_that_keeps_the_output_holds_up_nobody_and_is_left_alone(
    queue: LiveQueue, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    job = queue.put(f"sleep 1000 & echo $! > {pids}")
    queue.drained()
    [child] = pids_in(pids)
    try:
        assert queue.job(job).state is JobState.COMPLETED
        assert lives(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_what_a_failed_run_leaves_is_ended_before_its_job_runs_again(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.set(backoff_max=0)
    job = queue.put(f"""
        if [ -e {pids} ]; then
            for pid in $(cat {pids}); do kill -0 $pid 2> /dev/null && exit 3; done
            exit 0
        fi
        {tree(pids)}
        until [ $(wc -l < {pids}) -eq {SIZE} ]; do sleep 0.01; done
        exit 1
    """)
    queue.drained()
    assert queue.outcomes(job) == [Outcome.FAILED, Outcome.COMPLETED]


def test_what_a_run_left_on_purpose_is_ended_before_its_job_runs_again(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    job = queue.put(f"[ -e {pids} ] || {{ setsid sleep 1000 & echo $! > {pids}; }}")
    queue.drained()
    [child] = pids_in(pids)
    assert lives(child)
    queue.run(retry([job]))
    queue.drained()
    assert not lives(child)
    assert queue.outcomes(job) == [Outcome.COMPLETED, Outcome.COMPLETED]


def test_output_past_its_limit_ends_the_run_with_that_cause(queue: LiveQueue) -> None:
    queue.set(max_log_bytes=10_000, kill_grace=0.1)
    job = queue.put("while :; do echo more and more; done", max_retries=0)
    queue.drained()
    [run] = queue.runs(job)
    assert run.outcome is Outcome.FAILED
    assert run.error == queue.job(job).error == "output grew past max_log_bytes (10000 bytes)"
    assert (run.output_bytes or 0) > 10_000


def test_output_past_its_limit_is_charged_while_the_pool_is_stopping_too(queue: LiveQueue, gate: Gate) -> None:
    queue.set(max_log_bytes=1000, kill_grace=0.1)
    pool = queue.pool()
    job = queue.put(f"{gate.command}; while :; do echo more and more; done", max_retries=0)
    queue.once(job, JobState.PROCESSING)
    pool.signal(signal.SIGTERM)
    eventually(pool.notices)
    gate.open()
    assert pool.ended() == 0
    assert queue.outcomes(job) == [Outcome.FAILED]
    assert queue.job(job).state is JobState.DEAD


def test_a_run_that_floods_its_log_instead_of_ending_is_killed_at_once(queue: LiveQueue) -> None:
    queue.set(max_log_bytes=10_000, kill_grace=2 * PATIENCE)
    job = queue.put("trap '' TERM; head -c 200M /dev/zero; while :; do sleep 0.05; done", max_retries=0)
    queue.drained()
    [run] = queue.runs(job)
    assert (run.outcome, run.signal) == (Outcome.FAILED, signal.SIGKILL)


def test_the_end_of_the_output_is_stored_with_its_run(queue: LiveQueue) -> None:
    job = queue.put("head -c 10000 /dev/zero; printf 'the last words'; exit 1", max_retries=0)
    queue.drained()
    stored = queue.run(tail(queue.job(job).number, 1))
    assert len(stored) == 4096
    assert stored.endswith(b"\0the last words")
    assert queue.runs(job)[0].output_bytes == 10_014


@pytest.mark.parametrize(("exit_code", "state"), [(0, JobState.COMPLETED), (1, JobState.DEAD)])
def test_ended_strays_of_many_runs_do_not_pile_up(queue: LiveQueue, exit_code: int, state: JobState) -> None:
    stray = f"(setsid true &); exit {exit_code}"
    children = "$(cat /proc/$PPID/task/$PPID/children)"
    living = f"$(for pid in {children}; do grep -s '^State:.[^Z]' /proc/$pid/status; done | wc -l)"
    jobs = [queue.put(stray, max_retries=0) for _ in range(20)]
    # The worker, to which the strays come, is never idle between these.
    queue.put(f"until [ {living} -eq 1 ]; do sleep 0.01; done", priority=-1)
    watcher = queue.put(f"echo $$; echo {children}", priority=-2)
    queue.drained()
    assert {queue.job(job).state for job in jobs} == {state}
    itself, *others = queue.output(watcher).split()
    assert others == [itself]


@pytest.mark.parametrize("end", ["exit 1", "wait"], ids=["that failed", "whose time is over"])
def test_a_run_that_leaves_what_cannot_be_ended_says_so_once_and_waits_for_it(
    queue: LiveQueue, tmp_path: Path, end: str
) -> None:
    queue.set(kill_grace=0.1)
    pids = tmp_path / "pids"
    pool = queue.ready_pool(trouble=Trouble.UNKILLABLE)
    leave = f"setsid sh -c 'echo $$ >> {pids}; exec sleep 1000' & until [ -s {pids} ]; do :; done"
    job = queue.put(f"{leave}; {end}", timeout=1, max_retries=0)
    [left] = pids_in(pids, 1)
    said = f"worker {pool.name}-1: job {job} waits for processes of its run that cannot be ended: {left}"

    eventually(lambda: said in pool.notices(), what="it is told")
    assert queue.job(job).state is JobState.PROCESSING
    other = queue.put("true")
    os.kill(left, signal.SIGKILL)

    queue.once(other, JobState.COMPLETED)
    assert queue.job(job).state is JobState.DEAD
    assert pool.notices() == [said]
