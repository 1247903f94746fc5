"""The lines of an export as `import` reads them, and every check of a line.

How they are written is `moved_tally.py`. No store and no file is opened here. Instants are ms since the epoch.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from queuectl_core.cli.moved_tally import FORMAT, Tally
from queuectl_core.model.cleaning import shown
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import ENDED, Attempt, Job, JobState, Outcome
from queuectl_core.model.moved import MovedJob, Ran
from queuectl_core.model.settings import SETTINGS
from queuectl_core.model.validation import check_command, check_env_of_stored, check_id, check_queue, check_text

LARGEST, LARGEST_SMALL = 2**63 - 1, 2**31 - 1
"""What every engine has room for: in instants, lengths of time and sizes; in all else."""
LARGEST_NUMBER = 10**18 - 1
NEWER = "import it with a version of queuectl that is as new as the one that made it"

Check = Callable[[Any], bool]


class Header(NamedTuple):
    """What is said first: when the export began, and the highest number that it may hold."""

    exported_at: int
    last_number: int


def parse_line(line: bytes, number: int) -> tuple[str, Any]:
    """What a line is, and its value, which is not checked yet. Raises InvalidInput, naming the line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # bytes that are no UTF-8 among them
        damaged(number, "it is not valid JSON")
    if not isinstance(found, dict) or len(found) != 1:
        damaged(number, "it is not an object of one member")
    [(kind, value)] = found.items()
    return kind, value


def damaged(number: int, why: str) -> NoReturn:
    """Refuse a line."""
    raise InvalidInput(f"line {number} is damaged: {why}", "get the file anew, and import it again")


def read_header(line: bytes) -> Header:
    """The first line. Raises InvalidInput where the file is no export, or one of a newer format."""
    try:
        kind, value = parse_line(line, 1)
    except InvalidInput:
        kind, value = "", None
    if kind != "header" or not isinstance(value, dict):
        raise InvalidInput("this is no export of a queue: its first line is no header", "make one: queuectl export")
    if value.get("format") != FORMAT:
        raise InvalidInput(f"its format is {shown(value.get('format'))}, and {FORMAT} is known here", NEWER)
    _check_fields({name: value.get(name) for name in _HEADER}, _HEADER, 1, "the header")
    return Header(value["exported_at"], value["last_number"])


def read_setting(value: Any, number: int) -> tuple[str, str]:
    """The key and the text of a setting. Raises InvalidInput."""
    _check_fields(value, _SETTING, number, "the setting")
    if value["key"] not in SETTINGS:
        raise InvalidInput(f"line {number}: there is no setting {shown(value['key'])}", NEWER)
    return value["key"], value["value"]


def read_queue(value: Any, number: int) -> str:
    """The name of a paused queue. Raises InvalidInput."""
    if not _passes(check_queue)(value):
        damaged(number, "the name of a queue is none")
    return str(value)


def read_job(value: Any, number: int, last: int) -> MovedJob:
    """A job with its history, both as a store can hold them; its number is at most `last`. Raises InvalidInput."""
    _check_fields(value, _JOB, number, "the job")
    fields = dict(value)
    history = tuple(_read_run(run, number) for run in fields.pop("history"))
    command = fields["command"] if isinstance(fields["command"], str) else tuple(fields["command"])
    job = Job(**{**fields, "command": command, "state": JobState(fields["state"])})
    if why := _unsound(job, history, last):
        damaged(number, why)
    return MovedJob(job, history)


def _read_run(value: Any, number: int) -> Ran:
    _check_fields(value, _RUN, number, "a run")
    fields = dict(value)
    try:
        tail = base64.b64decode(fields.pop("tail"), validate=True)
    except (binascii.Error, ValueError):
        damaged(number, "the output of a run is not base64")
    outcome = fields["outcome"]
    return Ran(Attempt(**{**fields, "outcome": Outcome(outcome) if outcome else None}), tail)


def _unsound(job: Job, history: tuple[Ran, ...], last: int) -> str:
    """What no store would hold of a job, as its constraints have it; empty where all is well."""
    runs = [ran.attempt for ran in history]
    running = job.state is JobState.PROCESSING
    rules = {
        "its number is above the highest of the header": job.number > last,
        "it has ended, or has not, and its state says otherwise": (job.state in ENDED) == (job.finished_at is None),
        "it has more attempts than runs": job.attempts > job.runs,
        "it has more attempts than it may": job.attempts > job.max_retries + 1 and job.finished_at is None,
        "it is being cancelled, and does not run": job.cancelling and not running,
        "its runs are not in order": any(a.attempt >= b.attempt for a, b in pairwise(runs)),
        "it has a run above the number of its runs": bool(runs) and runs[-1].attempt > job.runs,
        "a run has ended, or has not, and its outcome says otherwise": any(
            (run.outcome is None) != (run.finished_at is None) for run in runs
        ),
        "a run goes on that cannot": any(
            run.outcome is None and not (running and run.attempt == job.runs) for run in runs
        ),
        "a run completed without exit code 0": any(
            run.outcome is Outcome.COMPLETED and run.exit_code != 0 for run in runs
        ),
    }
    return next((why for why, broken in rules.items() if broken), "")


_CHECKSUMS = {"sha256": "the checksum", "contents": "the checksum of the contents"}


def read_footer(value: Any, number: int, tally: Tally) -> None:
    """Hold the footer against what the lines before it held. Raises InvalidInput where they differ.

    The checksum of the contents is younger than the format: a file that was written without it lacks it.
    """
    if not isinstance(value, Mapping):
        damaged(number, "the footer is no object")
    for name, held in tally.facts().items():
        said = value.get(name, held if name == "contents" else None)
        if said != held:
            what = _CHECKSUMS.get(name, f"the number of {name}")
            told = "" if isinstance(held, dict) else f": {shown(said)}, and it is {held}"
            damaged(number, f"{what} in the footer is not that of the lines{told}")


# ---------------------------------------------------------------- checks of fields


def _check_fields(value: Any, checks: Mapping[str, Check], number: int, what: str) -> None:
    """Refuse an object that has not exactly these fields. No value is repeated: one may be a secret."""
    if not isinstance(value, dict):
        damaged(number, f"{what} is no object")
    if value.keys() != checks.keys():
        for name in value.keys() - checks.keys():
            damaged(number, f"{what} has a field {shown(name)}, which is unknown")
        for name in checks.keys() - value.keys():
            damaged(number, f"{what} has no {name}")
    for name, check in checks.items():
        if not check(value[name]):
            damaged(number, f"{what} has an unfit {name}")


def _whole(lowest: int = -LARGEST, highest: int = LARGEST) -> Check:
    return lambda value: type(value) is int and lowest <= value <= highest


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _among(words: Iterable[str]) -> Check:
    known = frozenset(str(word) for word in words)
    return lambda value: isinstance(value, str) and value in known


def _is_a(kind: type) -> Check:
    return lambda value: isinstance(value, kind)


def _passes(check: Callable[[Any], object]) -> Check:
    """Whether the model has nothing against a value."""

    def passes(value: Any) -> bool:
        try:
            check(value)
        except InvalidInput:
            return False
        return True

    return passes


_TEXT = _passes(lambda value: check_text(value, ""))
_NATURAL, _CODE = _whole(0, LARGEST_SMALL), _maybe(_whole(-LARGEST_SMALL, LARGEST_SMALL))
_HEADER: dict[str, Check] = {"exported_at": _whole(), "last_number": _whole(0, LARGEST_NUMBER)}
_SETTING: dict[str, Check] = {"key": _TEXT, "value": _TEXT}
_JOB: dict[str, Check] = {
    "number": _whole(1, LARGEST_NUMBER),
    "name": _maybe(_passes(check_id)),
    "command": _passes(check_command),
    "state": _among(JobState),
    "queue": _passes(check_queue),
    "priority": _whole(-1000, 1000),
    "attempts": _NATURAL,
    "max_retries": _whole(0, LARGEST_SMALL - 1),  # a constraint adds one to it
    "due": _whole(),
    "timeout_ms": _maybe(_whole(1)),
    "cwd": _TEXT,
    "env": _passes(check_env_of_stored),
    "created_at": _whole(),
    "updated_at": _whole(),
    "started_at": _maybe(_whole()),
    "finished_at": _maybe(_whole()),
    "exit_code": _CODE,
    "signal": _CODE,
    "error": _maybe(_TEXT),
    "worker": _maybe(_TEXT),
    "runs": _NATURAL,
    "cancelling": _is_a(bool),
    "history": _is_a(list),
}
_RUN: dict[str, Check] = {
    "attempt": _whole(1, LARGEST_SMALL),
    "outcome": _maybe(_among(Outcome)),
    "exit_code": _CODE,
    "signal": _CODE,
    "error": _maybe(_TEXT),
    "started_at": _whole(),
    "finished_at": _maybe(_whole()),
    "duration_ms": _maybe(_whole(0)),
    "worker": _TEXT,
    "output_bytes": _maybe(_whole()),
    "tail": _TEXT,
}
