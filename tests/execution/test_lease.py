"""The arithmetic of a lease: when it is renewed, when what runs has to end, when it is lost. The clock is ours."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl_core.execution import lease as lease_module
from queuectl_core.execution.lease import Lease
from queuectl_core.model.errors import StoreError
from queuectl_core.model.settings import Settings

USUAL = Settings.from_texts({"lease": "30", "heartbeat": "5"})


class Server:
    """What a renewal meets: an answer, or none."""

    def __init__(self) -> None:
        self.knows_us = True
        self.is_away = False
        self.takes = 0.0
        self.asked = 0
        self.now = 1000.0

    def renew(self) -> bool:
        """Answer one renewal."""
        self.asked += 1
        self.now += self.takes
        if self.is_away:
            raise StoreError("away")
        return self.knows_us


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server, whose `now` is also the instant on our clock (s)."""
    server = Server()
    monkeypatch.setattr(lease_module, "_now", lambda: server.now)
    return server


def beat(lease: Lease) -> None:
    """Renew where it is time, as workers do."""
    if lease.due:
        try:
            lease.beat()
        except StoreError:
            return


def test_a_lease_is_renewed_at_each_heartbeat(server: Server) -> None:
    lease = Lease("here", USUAL, server.renew)
    for _ in range(40):
        server.now += 1
        beat(lease)

    assert server.asked == 8
    assert not lease.over


def test_a_heartbeat_that_is_too_long_for_its_lease_is_shortened(server: Server) -> None:
    lease = Lease("here", Settings.from_texts({"lease": "4", "heartbeat": "5"}), server.renew)

    assert lease.heartbeat == 1


def test_what_runs_has_to_end_after_two_thirds_and_to_be_gone_after_five_sixths(server: Server) -> None:
    lease = Lease("here", USUAL, server.renew)
    server.is_away = True
    seen = []
    for seconds in (19.9, 0.1):
        server.now += seconds
        beat(lease)
        seen.append(lease.over)

    assert seen == [False, True]
    assert lease.until_gone == pytest.approx(5)
    server.now += 7
    assert lease.until_gone == 0


def test_a_renewal_counts_from_when_it_was_sent(server: Server) -> None:
    lease = Lease("here", USUAL, server.renew)
    server.now += 5
    server.takes = 4
    beat(lease)

    assert lease.left == pytest.approx(20 - 4)


def test_who_comes_back_late_and_is_still_known_goes_on(server: Server) -> None:
    lease = Lease("here", USUAL, server.renew)
    server.now += 100
    assert lease.over
    beat(lease)

    assert not lease.over


def test_who_was_given_up_has_lost_it_until_it_registers_anew(server: Server) -> None:
    lease = Lease("here", USUAL, server.renew)
    server.knows_us = False
    server.now += 5
    beat(lease)
    assert (lease.lost, lease.over, lease.until_gone, lease.due) == (True, True, 0, False)
    lease.begin()

    assert not lease.over


def test_a_lease_that_is_shortened_holds_from_the_next_renewal_on(server: Server) -> None:
    lease = Lease("here", USUAL, server.renew)
    lease.adopt(Settings.from_texts({"lease": "3"}))
    assert lease.lease_ms == 3000
    server.now += 4
    assert not lease.over, "the others still go by the longer one"
    beat(lease)
    server.now += 2

    assert lease.over


def test_where_nobody_shares_the_queue_there_is_nothing_to_renew(server: Server) -> None:
    lease = Lease("", USUAL, server.renew)
    server.now += 1e9
    facts: list[Any] = [lease.due, lease.over, lease.lease_ms]

    assert facts == [False, False, 0]
