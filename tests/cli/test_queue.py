"""`queuectl queue`."""

from __future__ import annotations

from tests.cli.line import CommandLine
from tests.store.acts import dead, put, start
from tests.store.engines import Engine


def test_queues_are_listed_with_what_they_hold(queuectl: CommandLine, store: Engine) -> None:
    dead(store, queue="mail")
    put(store, queue="mail")
    put(store, queue="films")

    films, mail = queuectl.json("queue", "list")

    assert (films["name"], films["paused"], films["total"]) == ("films", False, 1)
    assert mail["jobs"] == {
        "pending": 1, "processing": 0, "completed": 0, "failed": 0, "dead": 1, "cancelled": 0,
    }  # fmt: skip


def test_in_a_pipe_a_queue_is_a_line_of_fields(queuectl: CommandLine, store: Engine) -> None:
    put(store, queue="films")

    assert queuectl("queue", "list").out == "films\topen\t1\t0\t0\t0\t0\t0\n"


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(queuectl: CommandLine, store: Engine) -> None:
    put(store, queue="mail")

    assert queuectl("queue", "pause", "mail") == (0, "", "")
    assert queuectl.json("queue", "list")[0]["paused"] is True
    assert start(store) is None

    assert queuectl("queue", "resume", "mail").status == 0
    assert start(store) is not None


def test_several_queues_are_paused_at_once_even_those_that_do_not_exist_yet(queuectl: CommandLine) -> None:
    assert queuectl("queue", "pause", "b", "a").status == 0

    assert [found["name"] for found in queuectl.json("queue", "list")] == ["a", "b"]


def test_a_bad_name_is_refused_and_none_is_paused(queuectl: CommandLine) -> None:
    ran = queuectl("queue", "pause", "good", "not good")

    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert queuectl.json("queue", "list") == []


def test_which_queue_has_to_be_said(queuectl: CommandLine) -> None:
    assert queuectl("queue", "pause").status == 2
