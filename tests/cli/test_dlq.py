"""`queuectl dlq`."""

from __future__ import annotations

import os

import pytest

from queuectl_core.cli import dlq as dlq_module
from queuectl_core.model.job import Job, JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.jobs import find
from tests.cli.line import CommandLine, at_terminal
from tests.store.acts import dead, ended, look, put, ran, started
from tests.store.engines import Engine


def three_dead(store: Engine) -> list[Job]:
    """Three jobs that died one after the other, a second apart; the second in another queue."""
    died = []
    store.clock.now -= 10_000
    for queue in ("default", "mail", "default"):
        store.clock.now += 1000
        died.append(dead(store, queue=queue))
    return died


# Listing


def test_the_latest_to_die_comes_first(queuectl: CommandLine, store: Engine) -> None:
    three_dead(store)
    put(store)

    assert [job["id"] for job in queuectl.json("dlq", "list")] == ["3", "2", "1"]
    assert [job["id"] for job in queuectl.json("dlq", "list", "--queue", "default")] == ["3", "1"]
    assert [job["id"] for job in queuectl.json("dlq", "list", "--limit", "1")] == ["3"]


def test_the_list_goes_on_past_one_chunk(queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlq_module, "CHUNK", 2)
    for _ in range(5):
        dead(store)

    assert len(queuectl("dlq", "list", "--all").out.splitlines()) == 5


def test_in_a_pipe_a_dead_job_is_a_line_with_its_cause(queuectl: CommandLine, store: Engine) -> None:
    job = put(store, "exit 3", max_retries=0)
    ended(store, started(store), Outcome.FAILED, exit_code=3)

    [line] = queuectl("dlq", "list").out.splitlines()

    assert line.split("\t")[:3] == [job.id, "default", "1"]
    assert line.split("\t")[4:] == ["exit 3", "exit 3"]


def test_a_list_without_a_limit_is_short_and_tells_of_the_rest(
    queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dlq_module, "FIRST_FEW", 2)
    three_dead(store)

    few = queuectl("dlq", "list")

    assert len(few.out.splitlines()) == 2
    assert "1 more" in few.err


def test_jobs_that_died_alike_are_counted_by_cause(queuectl: CommandLine, store: Engine) -> None:
    for exit_code in (1, 2, 2):
        put(store, max_retries=0)
        ended(store, started(store), Outcome.FAILED, exit_code=exit_code)
    put(store, max_retries=0, id="late")
    ended(store, started(store), Outcome.TIMED_OUT, error="timed out after 2s", signal=9)

    found = queuectl.json("dlq", "list", "--by-cause")

    assert found[0]["jobs"] == 2
    assert (found[0]["exit_code"], found[0]["newest"]) == (2, "3")
    assert {cause["error"]: cause["newest"] for cause in found}["timed out after 2s"] == "late"


def test_all_and_limit_exclude_each_other(queuectl: CommandLine) -> None:
    assert queuectl("dlq", "list", "--all", "--limit", "2").status == 2
    assert queuectl("dlq", "list", "--limit", "0").status == 2


# Showing


def test_a_dead_job_is_shown_with_its_runs_and_the_end_of_its_output(queuectl: CommandLine, store: Engine) -> None:
    put(store, max_retries=0)
    ended(store, started(store), Outcome.FAILED, exit_code=3, tail=b"one\nno such file \x1b[31m\n")

    found = queuectl.json("dlq", "show", "1")
    shown = queuectl("dlq", "show", "1").out

    assert [run["outcome"] for run in found["history"]] == ["failed"]
    assert found["tail"] == "one\nno such file \x1b[31m\n"
    assert shown.endswith("one\nno such file \\x1b[31m\n")


def test_a_job_that_is_not_dead_is_not_shown(queuectl: CommandLine, store: Engine) -> None:
    ran(store, Outcome.COMPLETED)

    refused = queuectl("dlq", "show", "1")

    assert (refused.status, refused.out) == (1, "")
    assert "completed, not dead" in refused.err
    assert queuectl("dlq", "show", "99").status == 1


# Sending back


def test_dead_jobs_are_sent_back_uncharged_and_their_ids_printed(queuectl: CommandLine, store: Engine) -> None:
    first, second, _ = three_dead(store)

    assert queuectl("dlq", "retry", "2", "1") == (0, "2\n1\n", "")
    assert {look(store, job).state for job in (first, second)} == {JobState.PENDING}
    assert look(store, first).attempts == 0


def test_one_that_is_not_dead_leaves_all_as_they_were(queuectl: CommandLine, store: Engine) -> None:
    job = dead(store)
    put(store)

    assert queuectl("dlq", "retry", "1", "2").status == 1
    assert look(store, job).state is JobState.DEAD


def test_all_are_sent_back_in_chunks(queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlq_module, "CHUNK", 2)
    three_dead(store)

    sent = queuectl("dlq", "retry", "--all", "--yes")

    assert (sent.status, sorted(sent.out.split())) == (0, ["1", "2", "3"])
    assert queuectl.json("dlq", "list") == []


def test_all_of_one_queue_leaves_the_others(queuectl: CommandLine, store: Engine) -> None:
    three_dead(store)

    assert queuectl("dlq", "retry", "--all", "--queue", "mail", "--yes").out == "2\n"


def test_all_asks_and_without_a_terminal_needs_yes(queuectl: CommandLine, store: Engine) -> None:
    job = dead(store)

    assert queuectl("dlq", "retry", "--all").status == 2
    assert look(store, job).state is JobState.DEAD


@pytest.mark.parametrize("command", [("retry", "--all"), ("purge",)])
@pytest.mark.parametrize("answer", ["n", "", "yess"])
def test_anything_but_yes_means_no(home: Home, store: Engine, command: tuple[str, ...], answer: str) -> None:
    job = dead(store)

    ran = at_terminal(home, "dlq", *command, typed=f"{answer}\n")

    assert ran.status == 1
    assert "1 dead job" in ran.out
    assert "[y/N]" in ran.out
    assert look(store, job).state is JobState.DEAD


def test_yes_means_yes(home: Home, store: Engine) -> None:
    job = dead(store)

    assert at_terminal(home, "dlq", "retry", "--all", typed="y\n").status == 0
    assert look(store, job).state is JobState.PENDING


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="nothing said"),
        pytest.param(("1", "--all"), id="ids and all"),
        pytest.param(("1", "--queue", "default"), id="ids and a queue"),
        pytest.param(("--queue", "default"), id="a queue alone"),
    ],
)
def test_which_jobs_has_to_be_said_in_one_way(queuectl: CommandLine, store: Engine, arguments: tuple[str, ...]) -> None:
    job = dead(store)

    assert queuectl("dlq", "retry", *arguments, "--yes").status == 2
    assert look(store, job).state is JobState.DEAD


def test_an_empty_dlq_is_no_error(queuectl: CommandLine) -> None:
    for command in (("list",), ("list", "--by-cause"), ("retry", "--all", "--yes")):
        found = queuectl("dlq", *command)
        assert (found.status, found.out) == (0, "")
    assert queuectl("dlq", "purge", "--yes").out == "0\n"
    assert queuectl.json("dlq", "list") == []


# Forgetting


def test_the_dead_are_forgotten_with_their_logs(queuectl: CommandLine, store: Engine) -> None:
    job = dead(store)
    log = queuectl.home.log(job.number, 1)
    os.makedirs(os.path.dirname(log))
    with open(log, "w", encoding="utf-8") as file:
        file.write("said")

    assert queuectl("dlq", "purge", "--yes").status == 0
    assert queuectl("show", job.id).status == 1
    assert not os.path.exists(log)


def test_only_those_old_enough_and_of_the_queue_are_forgotten(queuectl: CommandLine, store: Engine) -> None:
    now = store.clock.now
    for queue, age in (("mail", 10_000), ("mail", 0), ("films", 10_000)):
        store.clock.now = now - age * 1000
        dead(store, queue=queue)

    assert queuectl("dlq", "purge", "--older-than", "1h", "--queue", "mail", "--yes").status == 0

    assert [job["id"] for job in queuectl.json("dlq", "list")] == ["2", "3"]


def test_the_living_are_not_forgotten(queuectl: CommandLine, store: Engine) -> None:
    job = put(store)
    ran(store, Outcome.COMPLETED, queue="other")

    queuectl("dlq", "purge", "--yes")

    assert len(store.run(find(["1", "2"]))) == 2
    assert look(store, job).state is JobState.PENDING
