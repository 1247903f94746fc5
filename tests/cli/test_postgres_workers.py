"""`queuectl worker list` where several hosts share a queue."""

from __future__ import annotations

import socket

from tests.cli.hosts import Host, hosts
from tests.postgres.fixtures import postgres

__all__ = ["hosts", "postgres"]


def test_each_worker_is_listed_with_its_host(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    with there.working("--queue", "reports"):
        [fields] = [line.split("\t") for line in here.done("worker", "list").splitlines()]

    assert fields[-2:] == ["reports", socket.gethostname()]
