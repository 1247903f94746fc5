"""The example jobs: what is asked for, how long it takes, how it ends. What runs them are the `programs/`.

Past runs never ran: they are told here as the programs would have told them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from queuectl_core.model.job import NewJob, Outcome, Result

PROGRAMS = ("back-up", "fetch-feed", "make-thumb", "send-mail", "write-report")
"""The files in `programs/`, by which the commands of the examples start."""

_PEOPLE = ("ada", "grace", "edsger", "barbara", "niklaus", "leslie", "frances", "ken", "radia", "donald", "margaret")
_TEMPLATES = ("welcome", "receipt", "reminder", "digest", "reset-password")
_REPORTS = ("sales", "stock", "returns", "traffic")
_BACKUPS = ("photos", "wiki", "mailboxes", "metrics")
_SIZES = (160, 320, 640, 1280)
_GREEN, _RED, _YELLOW, _CYAN, _PLAIN = "\033[32m", "\033[31m", "\033[33m", "\033[36m", "\033[0m"


class Ending(NamedTuple):
    """How a run ends, after how many seconds, and what it has written by then."""

    seconds: float
    output: str
    exit_code: int | None = 0
    signal: int | None = None
    error: str | None = None
    outcome: Outcome = Outcome.COMPLETED

    def result(self) -> Result:
        """As a worker reports it."""
        written = self.output.encode()
        measured = round(self.seconds * 1000)
        return Result(self.outcome, self.exit_code, self.signal, self.error, measured, len(written), written[-4096:])


class Example(NamedTuple):
    """A job, and how its runs end; the last of `endings` is that of all further runs."""

    job: NewJob
    endings: tuple[Ending, ...]

    def ending(self, run: int) -> Ending:
        """How the run of that number (from 1) ends."""
        return self.endings[min(run, len(self.endings)) - 1]


def _failed(seconds: float, output: str, code: int) -> Ending:
    return Ending(seconds, output, code, None, f"exit status {code}", Outcome.FAILED)


def mail(chance: random.Random) -> Example:
    """Some are greylisted, which the second retry gets over; to nobody none ever gets."""
    fate = chance.choices(("fine", "slow", "nobody"), (92, 5, 3))[0]
    host = {"fine": "example.org", "slow": "slow.example", "nobody": "example.invalid"}[fate]
    to, template = f"{chance.choice(_PEOPLE)}@{host}", chance.choice(_TEMPLATES)
    job = NewJob(f"send-mail --to {to} --template {template}", queue="mail", priority=5, max_retries=2)
    said = f"rendering template '{template}' for <{to}>\nconnecting to mx.example.org:25 (TLS 1.3)\n"
    seconds = chance.uniform(0.6, 2.4)
    accepted = Ending(seconds, f"{said}{_GREEN}250 2.0.0{_PLAIN} accepted, message id <{template}@example.org>\n")
    if fate == "nobody":
        return Example(job, (_failed(seconds, f"{said}{_RED}550 5.1.1{_PLAIN} <{to}>: no such user here\n", 67),))
    greylisted = _failed(seconds, f"{said}{_YELLOW}451 4.7.1{_PLAIN} greylisted, try again later\n", 75)
    return Example(job, (accepted,) if fate == "fine" else (greylisted, greylisted, accepted))


def thumb(chance: random.Random) -> Example:
    """Formats that cannot be read fail for good, one of them by a signal."""
    kind = chance.choices(("jpg", "png", "heic", "tiff"), (62, 34, 3, 1))[0]
    file, width = f"img-{chance.randrange(1000, 9999)}.{kind}", chance.choice(_SIZES)
    job = NewJob(f"make-thumb {file} --width {width}", queue="thumbs", max_retries=1)
    if kind == "heic":
        said = f"{file}: {_RED}unsupported format{_PLAIN}: HEVC-coded still image\n"
        return Example(job, (_failed(0.02, said, 3),))
    if kind == "tiff":
        said = f"{file}: decoding 412 megapixels\n"
        return Example(job, (Ending(1.0, said, None, 11, "killed by signal 11 (SIGSEGV)", Outcome.FAILED),))
    bars = (f"\r{file}  {_CYAN}{'━' * n}\033[90m{'·' * (24 - n)}{_PLAIN} {n * 100 // 24:3}%" for n in range(1, 25))
    stem = file.partition(".")[0]
    said = f"{''.join(bars)}\nwrote thumbs/{stem}.webp, {width} px wide\n"
    return Example(job, (Ending(chance.uniform(0.9, 1.8), said),))


def report(chance: random.Random) -> Example:
    """The audit never ends by itself; the churn report loses its warehouse once."""
    name = chance.choices((*_REPORTS, "churn", "audit"), (20, 20, 20, 20, 14, 6))[0]
    week = chance.randrange(30, 48)
    job = NewJob(
        f"write-report {name} --week {week}",
        id=f"report-{name}-{week}-{chance.randrange(16**4):04x}",
        queue="reports",
        max_retries=1 if name == "audit" else 3,
        timeout=6.0 if name == "audit" else 30.0,
        env={"REPORT_FORMAT": chance.choice(("text", "pdf", "csv"))},
    )
    said = f"report \033[1m{name}{_PLAIN}, week {week}, as {(job.env or {})['REPORT_FORMAT']}\n\n"
    if name == "audit":
        waits = f"{said}waiting for the lock on table ledger …\n"
        return Example(job, (Ending(6.0, waits, None, 15, "timed out after 6s", Outcome.TIMED_OUT),))
    rows = (("north", 48210, 4.1), ("east", 39954, 0.7), ("south", 27803, -2.9), ("west", 61377, 6.0))
    table = f"  \033[4m{'REGION':<10} {'REVENUE':>9} {'CHANGE':>8}{_PLAIN}\n" + "".join(
        f"  {region:<10} {revenue:>9} {_GREEN if change > 0 else _RED}{change:>+7}%{_PLAIN}\n"
        for region, revenue, change in rows
    )
    done = Ending(2.9, f"{said}{table}\n{_GREEN}✓{_PLAIN} four regions, nothing missing\n")
    lost = _failed(0.1, f"{said}the warehouse has closed the connection\n", 69)
    return Example(job, (lost, done) if name == "churn" else (done,))


def backup(chance: random.Random) -> Example:
    """Long, with one line that is written over and over; the vault is full."""
    what, place = chance.choice(_BACKUPS), chance.choices(("attic", "vault"), (8, 2))[0]
    job = NewJob(f"back-up {what} --to {place}", queue="nightly", priority=-5, max_retries=2)
    parts = "".join(f"\r  part {part:2} of 20  {part * 137:5} MB" for part in range(1, 21))
    said = f"backing up {what} to {place}\n{parts}"
    if place == "vault":
        full = f"\n\033[1;31merror:{_PLAIN} write /{place}/{what}.09: no space left on device\n"
        return Example(job, (_failed(3.2, said[: said.index("\r  part 10")] + full, 28),))
    return Example(job, (Ending(8.1, f"{said}\nverified 20 parts, 2740 MB\n"),))


def feed(chance: random.Random) -> Example:
    """The old host is gone; the tides come at the second try."""
    host, path = chance.choices((("feeds", "weather"), ("feeds", "tides"), ("old", "news")), (78, 18, 4))[0]
    url = f"https://{host}.example.org/{path}.json"
    job = NewJob(f"fetch-feed {url}", max_retries=2)
    said = f"GET {url}\n"
    fine = Ending(0.9, f"{said}{_GREEN}HTTP 200{_PLAIN} OK, 214 entries, 3 new\n")
    if host == "old":
        return Example(job, (_failed(0.5, f"{said}{_RED}HTTP 410{_PLAIN} Gone\n", 22),))
    busy = _failed(0.5, f"{said}{_YELLOW}HTTP 503{_PLAIN} Service Unavailable, retry-after 5\n", 22)
    return Example(job, (busy, fine) if path == "tides" else (fine,))


def misspelt(chance: random.Random) -> Example:
    """A program that is not there."""
    job = NewJob(f"reindx --shard {chance.randrange(8)}", queue="search", max_retries=0)
    missing = "exit status 127 (command not found)"
    return Example(job, (Ending(0.01, "/bin/sh: 1: reindx: not found\n", 127, None, missing, Outcome.FAILED),))


_MIX: tuple[tuple[Callable[[random.Random], Example], float], ...] = (
    (mail, 40),
    (thumb, 30),
    (feed, 16),
    (report, 8),
    (backup, 4),
    (misspelt, 0.5),
)


def any_example(chance: random.Random) -> Example:
    """One of all kinds, as often as each comes."""
    makers, weights = zip(*_MIX, strict=True)
    maker: Callable[[random.Random], Example] = chance.choices(makers, weights)[0]
    return maker(chance)


def put_off(chance: random.Random, least: float, most: float) -> NewJob:
    """A job for a little later: for when between `least` and `most` seconds have passed."""
    return any_example(chance).job._replace(delay=chance.uniform(least, most))


def imports(chance: random.Random) -> NewJob:
    """A job of the queue that is paused."""
    url = f"https://feeds.example.org/partner-{chance.randrange(10, 60)}.json"
    return NewJob(f"fetch-feed {url}", queue="imports", priority=chance.choice((0, 0, 10)))
