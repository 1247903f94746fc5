"""The other side of `bulk.py`, as a process: rows from a generator into a table of ours, and nothing else.

Usage: python -m tests.benchmarks.bare_insert DATABASE COUNT
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from typing import Any

from queuectl_core.store.sqlite.connecting import QUERIES


def command_of(i: int) -> str:
    """The command of the ith job."""
    return f"convert input/{i:07}.png output/{i:07}.jpg"


def rows(n: int) -> Iterator[tuple[Any, ...]]:
    """`n` rows in the order of the columns of `insert_jobs`."""
    now, here = time.time_ns() // 1_000_000, os.getcwd()
    for i in range(n):
        yield (i + 1, None, command_of(i), 0, "default", 0, 3, now, True, None, here, None, now, now)


def main(database: str, n: int) -> None:
    """Insert `n` rows in one transaction."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(QUERIES["insert_jobs"], rows(n))
    connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
