"""What is searched for in a log view is marked, counted and gone to."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.console.log.host import WIDTH, host_of, numbered, source
from tests.console.until import until

LOG = numbered(500) + b"a needle and a needle\n" + numbered(500, first=501) + b"Needle\n"


@pytest.fixture(autouse=True)
async def shown(pilot: Pilot[None], path: Path) -> None:
    """The log is shown."""
    path.write_bytes(LOG)
    host_of(pilot).view.show(source(path), live=False)


async def found(pilot: Pilot[None], position: int | None, matches: int) -> None:
    host = host_of(pilot)

    def is_found() -> bool:
        search = host.view.status().search
        return search is not None and search.done and (search.position, search.matches) == (position, matches)

    await until(pilot, is_found, what=f"match {position} of {matches}")


async def test_the_first_match_is_gone_to_and_marked_apart_from_the_others(pilot: Pilot[None]) -> None:
    host = host_of(pilot)

    host.view.search("needle")

    await found(pilot, 1, 3)
    assert "a needle and a needle" in host.shown()
    current, other = host.drawn_as("needle")
    assert all("reverse" in style and "underline" in style for style in (current, other))
    assert ("bold" in current, "bold" in other) == (True, False)


async def test_an_upper_case_letter_makes_case_count(pilot: Pilot[None]) -> None:
    host_of(pilot).view.search("Needle")

    await found(pilot, 1, 1)


async def test_matches_are_gone_through_and_round_the_end(pilot: Pilot[None]) -> None:
    view = host_of(pilot).view
    view.search("needle")
    await found(pilot, 1, 3)

    for move, position in ((view.next_match, 2), (view.next_match, 3), (view.next_match, 1), (view.previous_match, 3)):
        move()
        await found(pilot, position, 3)
    assert "Needle" in host_of(pilot).shown()


@pytest.mark.parametrize(
    ("keys", "position"), [("nn", 3), ("nnn", 1), ("nnnnn", 3), ("N", 3), ("NN", 2), ("nnN", 2), ("Nn", 1)]
)
async def test_each_of_a_burst_of_keys_goes_one_match_on(pilot: Pilot[None], keys: str, position: int) -> None:
    view = host_of(pilot).view

    view.search("needle")
    for key in keys:
        view.next_match() if key == "n" else view.previous_match()

    await found(pilot, position, 3)


async def test_a_search_that_finds_nothing_stays_where_it_is(pilot: Pilot[None]) -> None:
    host = host_of(pilot)

    host.view.search("absent")

    await found(pilot, None, 0)
    assert host.shown()[0] == "line 1"


async def test_nothing_is_marked_once_the_search_has_ended(pilot: Pilot[None]) -> None:
    host = host_of(pilot)
    host.view.search("needle")
    await found(pilot, 1, 3)

    host.view.clear_search()

    assert host.drawn_as("needle") == []
    assert host.view.status().search is None


async def test_a_match_far_to_the_right_is_brought_into_sight(pilot: Pilot[None], tmp_path: Path) -> None:
    host = host_of(pilot)
    path = tmp_path / "2.1.log"
    path.write_bytes(b"x" * 500 + b"needle" + b"x" * 500)
    host.view.show(source(path), live=False)

    host.view.search("needle")

    await found(pilot, 1, 1)
    assert "needle" in host.shown()[0]


async def test_a_match_in_a_wrapped_line_is_brought_into_sight(pilot: Pilot[None], tmp_path: Path) -> None:
    host = host_of(pilot)
    path = tmp_path / "2.1.log"
    path.write_bytes(b"x" * (WIDTH - 1) * 100 + b"needle\n" + numbered(50))
    host.view.show(source(path), live=False)
    host.view.wrap = True

    host.view.search("needle")

    await found(pilot, 1, 1)
    assert "needle" in host.shown()


async def test_what_comes_later_is_searched_too(pilot: Pilot[None], tmp_path: Path) -> None:
    host = host_of(pilot)
    path = tmp_path / "2.1.log"
    path.write_bytes(b"needle\n")
    host.view.show(source(path), live=True)
    host.view.search("needle")
    await found(pilot, 1, 1)

    with path.open("ab") as file:
        file.write(b"needle\n" * 3)

    await found(pilot, 1, 4)
