"""`python -m tests.benchmarks [NAME...] [--json]`: measures, and prints what came out. It judges nothing."""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module

from queuectl_core.model.errors import QueueError
from tests.benchmarks import machine, report
from tests.benchmarks.measuring import Finding, Measure, Unmeasured
from tests.benchmarks.options import Options

NAMES = (
    "drain",
    "peers",
    "sleepers",
    "enqueue_process",
    "latency",
    "handover",
    "contention",
    "idle",
    "starting",
    "pages",
    "bulk",
    "scale",
    "pg_drain",
    "pg_hosts",
    "pg_bulk",
    "pg_claims",
    "pg_latency",
)
"""What is run where nothing is named. Large stores come late: behind them, others were slower."""

MORE = ("budget", "console", "console_log", "pg_status")
"""What is run where it is named: it takes some minutes more."""

ALL = (*NAMES, *MORE)
FAILURES = (QueueError, ImportError, OSError, RuntimeError, sqlite3.Error, subprocess.SubprocessError)
"""What keeps one benchmark from its end and is no reason to leave out the others."""


def main() -> int:
    """Run the benchmarks that are named, all where none is; 1 where one of them could not be run to its end."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that homes and pools are cleaned up
    options = Options(asked.jobs, asked.count, asked.huge, asked.peers)
    run = Run(options, asked.names or NAMES)
    facts = machine.facts()
    if asked.json:
        measures = [report.as_json(name, measure) for name, measure in run.measures()]
        left_out = [entry._asdict() for entry in run.left_out]
        document = {"machine": facts, "measures": measures, "not_measured": left_out, "seconds": run.seconds}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return int(run.failed)
    print(report.facts_text(facts), report.line(report.HEAD), sep="\n\n", flush=True)
    for _, measure in run.measures():
        print(report.line(report.cells(measure)), flush=True)
    print("", report.unmeasured_text(run.left_out), "", report.seconds_text(run.seconds), sep="\n")
    return int(run.failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure; wants a quiet machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{' '.join(ALL)}, or all")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    usual = Options()
    for flag, default, what in (
        ("--jobs", usual.jobs, "how many 'drain' runs"),
        ("--count", usual.many, "lines of 'bulk', large store of 'scale' and 'console'"),
        ("--huge", usual.huge, "the largest store of 'scale', 0 for none"),
    ):
        parser.add_argument(flag, type=int, default=default, metavar="N", help=f"{what} ({default})")
    parser.add_argument("--peers", action="store_true", help="install what 'peers' lacks, in an environment of its own")
    asked = parser.parse_args()
    if unknown := set(asked.names) - {*ALL, "all"}:
        parser.error(f"no benchmark {' '.join(sorted(unknown))}: there are {' '.join(ALL)}")
    asked.names = [name for name in ALL if {name, "all"} & set(asked.names)]
    return asked


class Run:
    """The benchmarks of these names, one after the other; what they leave out, and the seconds they took."""

    def __init__(self, options: Options, names: tuple[str, ...] | list[str]) -> None:
        self.left_out = [Unmeasured(name, "not asked for") for name in ALL if name not in names]
        self.seconds: dict[str, float] = {}
        self.failed = False
        self._options = options
        self._names = names

    def measures(self) -> Iterator[tuple[str, Measure]]:
        """Each measure as it is made, with the name of its benchmark."""
        for name in self._names:
            began = time.perf_counter()
            for finding in self._findings(name):
                if isinstance(finding, Measure):
                    yield name, finding
                else:
                    self.left_out.append(finding)
            self.seconds[name] = round(time.perf_counter() - began, 1)

    def _findings(self, name: str) -> Iterator[Finding]:
        try:
            yield from import_module(f"tests.benchmarks.{name}").measure(self._options)
        except FAILURES as error:
            self.failed = True
            yield Unmeasured(name, f"not to its end: {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
