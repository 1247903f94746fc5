"""The URL of a store: what of it is for the server, and what is ours."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from queuectl_core.model.cleaning import without_passwords
from queuectl_core.model.errors import InvalidInput

SCHEMA = "queuectl"
"""Where the tables are, unless the URL says `?schema=`."""

PREPARED_AFTER = 5
"""How often a statement is sent before the server keeps it prepared; psycopg's own default."""

_PLACE = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
"""HOST or HOST:PORT, an IPv6 address in brackets."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Address(NamedTuple):
    """Where a store is. `conninfo` is the URL for libpq and may hold a password; `shown` is for people.

    `direct` is the same for the one connection of a pool that listens: another where transactions go through a pooler.
    `prepared_after` is how often a statement is sent before it is kept prepared, None: never; where `is_sure` is False
    nobody has said so, and it is never where a pooler is in between.
    """

    conninfo: str
    schema: str
    prepared_after: int | None
    is_sure: bool
    shown: str
    direct: str


def parse_address(url: str) -> Address:
    """The parts of a store's URL. Raises InvalidInput, without the URL's password, for what cannot be meant.

    Our own parameters are `schema`, `prepare_threshold` (a number, or `none`) and `listen` (HOST or HOST:PORT, for the
    connection that listens); all others are libpq's, as `sslmode` and `service` are.
    """
    try:
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise InvalidInput("the store's URL cannot be read", "write postgresql://user@host/database") from None
    own = {key: value for key, value in given if key in ("schema", "prepare_threshold", "listen")}
    rest = urlencode([(key, value) for key, value in given if key not in own], quote_via=quote)
    conninfo = _joined(parts._replace(query=rest))
    schema = own.get("schema", SCHEMA)
    if not _PLAIN.fullmatch(schema) or schema.startswith("pg_"):
        raise InvalidInput(f"schema '{schema}' is no plain name", "use small letters, digits and _")
    direct, is_sure = _direct(conninfo, own.get("listen")), "prepare_threshold" in own
    return Address(conninfo, schema, _threshold(own), is_sure, without_passwords(url), direct)


def _threshold(own: dict[str, str]) -> int | None:
    text = own.get("prepare_threshold", str(PREPARED_AFTER))
    if text in ("none", "0"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InvalidInput(f"prepare_threshold '{text}' is no number", "use none behind a pooler of transactions")
    return int(text)


def _direct(conninfo: str, listen: str | None) -> str:
    """The URL with another host, and another port where there is one, if a place for listening is given."""
    if not listen:
        return conninfo
    parts = urlsplit(conninfo)
    found = _PLACE.fullmatch(listen)
    if found is None:
        raise InvalidInput(f"listen '{listen}' is no host", "write listen=HOST or listen=HOST:PORT")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "," in f"{parts.netloc.rpartition('@')[2]}{given.get('host', '')}{given.get('port', '')}" and not found["port"]:
        raise InvalidInput(f"listen '{listen}' names no port, and the URL several hosts", "write listen=HOST:PORT")
    given.pop("hostaddr", None)
    given |= {"host": found["host"].strip("[]"), **({"port": found["port"]} if found["port"] else {})}
    return _joined(parts._replace(query=urlencode(given, quote_via=quote)))


def _joined(parts: SplitResult) -> str:
    """The URL of these parts."""
    url = urlunsplit(parts)
    # urlunsplit drops the slashes of an empty host.
    return url if parts.netloc or url.startswith(f"{parts.scheme}://") else url.replace(":", "://", 1)
