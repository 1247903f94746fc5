"""The lines of the detail as values: they fit the width there is, whatever jobs bring."""

from __future__ import annotations

import pytest

from queuectl_core.model.job import Attempt, Job, JobState, Outcome
from queuectl_tui.detail.dossier import Dossier
from queuectl_tui.detail.facts import fact_lines, wrapped
from queuectl_tui.detail.heading import hits
from queuectl_tui.detail.timeline import bar, timeline, window
from queuectl_tui.detail.words import moment, moment_and_age, size
from queuectl_tui.log.search import SearchStatus
from tests.store.engines import NOON

WIDTHS = (40, 58, 65, 78, 87, 118)
DAY = 86_400_000


def job(**fields: object) -> Job:
    """A dead job, all of whose fields are long."""
    known = Job(
        1, "n" * 128, "echo 日本語 " * 60, JobState.DEAD, "q" * 128, 1000, 10_001, 10_000, NOON, 86_400_000, "/d" * 400,
        {f"NAME_{number}": "value" for number in range(40)}, NOON - 400 * DAY, NOON, NOON - DAY, NOON, 1, None,
        "错误 " * 100, "w" * 60, 10_002, False,
    )  # fmt: skip
    return known._replace(**fields)  # type: ignore[arg-type]  # fields by name


def run(attempt: int, outcome: Outcome | None = Outcome.FAILED, **fields: object) -> Attempt:
    """A run that took a second."""
    known = Attempt(attempt, outcome, 1, None, None, NOON, NOON + 1000, 1000, "pool-1", 2048)
    return known._replace(**fields)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("width", WIDTHS)
def test_facts_fit_the_width(width: int) -> None:
    lines = fact_lines(Dossier(job(), gone=True), NOON, width)
    assert max(line.cell_length for line in lines) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_runs_fit_the_width(width: int) -> None:
    runs = [run(9_998, error="错误 " * 50), run(9_999, Outcome.TIMED_OUT, worker="w" * 60), run(10_000, None)]
    lines = timeline(runs, 1, NOON + 400 * DAY, width, 10)
    assert len(lines) == 4
    # What is narrower than the least that a run needs is cut by the widget, with an ellipsis.
    assert max(line.cell_length for line in lines) <= max(width, 76)


def test_the_run_that_is_shown_is_marked_by_a_sign() -> None:
    lines = timeline([run(1), run(2)], 0, NOON, 80, 10)
    assert [line.plain[0] for line in lines] == [" ", "▌", " "]


def test_a_bar_is_as_long_as_its_share_and_never_nothing() -> None:
    assert bar(1, 8) == "█" * 8
    assert bar(0.5, 8) == "████    "
    assert bar(0.0001, 8).strip()
    assert bar(0, 8) == " " * 8


@pytest.mark.parametrize("shown", [0, 1, 15, 28, 29])
def test_the_run_that_is_shown_is_among_those_in_sight(shown: int) -> None:
    places = window(30, shown, 5)
    assert len(places) == 5
    assert shown in places


def test_lines_of_a_command_stay_lines() -> None:
    assert wrapped("one\n\n  two", 20) == ("one", "", "  two")


def test_a_day_is_named_unless_it_is_today() -> None:
    assert len(moment(NOON, NOON)) == len("12:00:00")
    assert len(moment(NOON - 2 * DAY, NOON)) == len("2023-11-14 12:00:00")
    assert moment_and_age(NOON + 60_000, NOON).endswith("in 1m")
    assert moment(10**18, NOON) == "in the year 9999"


def test_sizes_are_short() -> None:
    assert [size(count) for count in (0, 999, 1536, 20_000, 5 * 1024**2)] == [
        "0 B", "999 B", "1.5 KiB", "20 KiB", "5.0 MiB",
    ]  # fmt: skip


def test_a_search_that_goes_on_does_not_claim_to_have_found_all() -> None:
    assert hits(SearchStatus("foo", 0, None, False)) == '"foo" searching'
    assert hits(SearchStatus("foo", 3, 1, False)) == '"foo" 1 of 3+ hits'
    assert hits(SearchStatus("foo", 17, 3, True)) == '"foo" 3 of 17 hits'
    assert hits(SearchStatus("f\x1b", 1, 1, True)) == r'"f\x1b" 1 of 1 hit'
