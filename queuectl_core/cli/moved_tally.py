"""A queue as JSON Lines, as `export` writes it, and what is counted and digested of it.

Each line is an object of one member, whose name says what it is: first the header, then settings, paused queues and
jobs, each with its whole history, and the footer. How lines are read and checked is `moved_lines.py`. No store and no
file is opened here. Instants are ms since the epoch.

The footer has two checksums: `sha256` of the lines of the file as they are, `contents` of what a store holds once the
file was imported. The second tells whether two stores hold the same, whichever engines they are.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from queuectl_core.model.moved import MovedJob
from queuectl_core.store.transactions.moving import Counts, Head

FORMAT = 1
"""What a footer may lack, or have beyond what is read, is no other format."""

BEGINNING = b'{"header":{"format":'
"""What every export begins with."""

MOST_PLACES = 1000
"""How many digests of its beginnings are kept of the contents of a store, at most."""

_json = json.JSONEncoder(separators=(",", ":")).encode


class Contents:
    """What a store holds of a queue, as far as it was read: counts, and a digest over the lines that tell it.

    At some places on the way the digest is noted, so that a difference can be placed: at each job, and once there are
    `MOST_PLACES`, at every second, and so on.
    """

    def __init__(self) -> None:
        self.jobs = self.runs = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.places: list[tuple[int, str]] = []
        """Numbers of jobs, and the digest up to each."""
        self._stride = 1
        self._sha = hashlib.sha256()

    def begin(self, settings: Mapping[str, str], paused: Sequence[str]) -> None:
        """Add what stands before the jobs."""
        for line in (*map(setting_line, sorted(settings.items())), *map(paused_line, sorted(paused))):
            self._sha.update(line)

    def job(self, moved: MovedJob, line: bytes) -> None:
        """Add a job, and its line."""
        self.jobs += 1
        self.runs += len(moved.history)
        self.counts[moved.job.queue, moved.job.state.value] += 1
        self._sha.update(line)
        if self.jobs % self._stride == 0:
            self.places.append((moved.job.number, self.digest))
            if len(self.places) == MOST_PLACES:
                del self.places[::2]
                self._stride *= 2

    @property
    def digest(self) -> str:
        """The SHA-256 of all that was added so far."""
        return self._sha.hexdigest()


class Tally:
    """What the lines of a file have held so far; the digest is over all of their bytes.

    `contents` is what a store holds once these lines were imported, if it has room for all of each run's output.
    """

    def __init__(self) -> None:
        self.jobs = self.runs = self.settings = self.paused = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.contents = Contents()
        self._sha = hashlib.sha256()

    def line(self, line: bytes) -> bytes:
        """Add a line, and give it back."""
        self._sha.update(line)
        return line

    def job(self, moved: MovedJob) -> None:
        """Count a job, as it stands in the file."""
        self.jobs += 1
        self.runs += len(moved.history)
        self.counts[moved.job.queue, moved.job.state.value] += 1

    @property
    def digest(self) -> str:
        """The SHA-256 of the lines so far."""
        return self._sha.hexdigest()

    def facts(self) -> dict[str, Any]:
        """What the footer says."""
        return {
            "jobs": self.jobs,
            "runs": self.runs,
            "settings": self.settings,
            "paused": self.paused,
            "counts": by_queue(self.counts),
            "contents": self.contents.digest,
            "sha256": self.digest,
        }


def by_queue(counts: Counts) -> dict[str, dict[str, int]]:
    """Counts as a file has them."""
    nested: dict[str, dict[str, int]] = {}
    for (queue, state), n in sorted(counts.items()):
        nested.setdefault(queue, {})[state] = n
    return nested


def line_of(kind: str, value: object) -> bytes:
    """One line; printable ASCII alone."""
    return _json({kind: value}).encode() + b"\n"


def header_line(head: Head, version: str) -> bytes:
    """The first line."""
    facts = {
        "format": FORMAT,
        "program": f"queuectl {version}",
        "exported_at": head.now,
        "last_number": head.last_number,
        "counts_at_start": by_queue(head.counts),
    }
    return line_of("header", facts)


def setting_line(setting: tuple[str, str]) -> bytes:
    """A setting: its key and its text."""
    key, text = setting
    return line_of("setting", {"key": key, "value": text})


def paused_line(queue: str) -> bytes:
    """A queue that is paused."""
    return line_of("paused", queue)


def job_line(moved: MovedJob) -> bytes:
    """A job and its history. The token of a run that goes on is no part of it."""
    history = [{**ran.attempt._asdict(), "tail": base64.b64encode(ran.tail).decode("ascii")} for ran in moved.history]
    return line_of("job", {**moved.job._asdict(), "history": history})
