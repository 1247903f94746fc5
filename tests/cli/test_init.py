"""`queuectl init`."""

from __future__ import annotations

import os
import stat

from tests.cli.line import CommandLine


def test_it_makes_the_store_and_says_where_it_is(queuectl: CommandLine) -> None:
    ran = queuectl("init")

    assert ran == (0, f"{queuectl.home.database}\n", "")
    assert stat.S_IMODE(os.stat(queuectl.home.database).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(queuectl.home.path).st_mode) == 0o700


def test_it_leaves_a_store_that_is_there_as_it_is(queuectl: CommandLine) -> None:
    queuectl("config", "set", "max_retries", "7")

    assert queuectl("init").status == 0
    assert queuectl("config", "get", "max_retries").out == "7\n"
