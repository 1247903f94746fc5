"""The named statements as psycopg takes them."""

from __future__ import annotations

import os
import re

from queuectl_core.store.statements import read_queries

SERVER_CLOCK = "floor(extract(epoch FROM transaction_timestamp()) * 1000)::bigint"
"""The instant at which the transaction began, by the server's clock (ms): the same for all of its statements."""

BOUND_CLOCK = "%(now)s::bigint"
"""The instant as the store was given it, where a test sets the clock."""

_VALUE = re.compile(r"(?<![:\w]):([a-z_]+)")
"""A value by its name; two colons are a cast."""


def compiled(text: str, clock: str) -> str:
    """A statement in psycopg's notation, its instants by `clock`."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        return clock if name == "now" else f"%({name})s"

    lines = (line for line in text.replace("%", "%%").splitlines() if not line.lstrip().startswith("--"))
    return _VALUE.sub(value, "\n".join(lines))


COPIES = "COPY"
"""How a statement begins into which rows are copied; `Many` hands them in."""

_WRITTEN = read_queries(os.path.dirname(__file__))
QUERIES = {name: compiled(text, SERVER_CLOCK) for name, text in _WRITTEN.items()}
TEST_QUERIES = {name: compiled(text, BOUND_CLOCK) for name, text in _WRITTEN.items()}
