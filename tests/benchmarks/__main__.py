"""`python -m tests.benchmarks [NAME...] [--json]`: measures, and prints what came out. It judges nothing."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.measuring import Measure
from tests.benchmarks.options import Options

NAMES = ("drain", "enqueue_process", "bulk", "scale", "latency", "idle", "console", "console_log")
HEAD = ("what: ours | other side", "ours", "other", "unit", "ratio", "middle half", "goal", "")
WIDTHS = (62, 10, 10, 6, 7, 15, 7, 7)


def main() -> None:
    """Run the benchmarks that are named, all where none is."""
    asked = _arguments()
    options = Options(asked.jobs, asked.count)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that homes and pools are cleaned up
    facts = machine.facts()
    names = [name for name in NAMES if name in asked.names] or NAMES
    if asked.json:
        measures = [_as_json(name, measure) for name in names for measure in _measures(name, options)]
        print(json.dumps({"machine": facts, "measures": measures}, indent=2, ensure_ascii=False))
        return
    print("\n".join(f"{name:12} {value}" for name, value in facts.items()), end="\n\n")
    print(_line(HEAD), flush=True)
    for name in names:
        for measure in _measures(name, options):
            print(_line(_cells(measure)), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure; wants a quiet machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--jobs", type=int, default=Options().jobs, help="how many 'drain' runs (%(default)s)")
    parser.add_argument(
        "--count",
        type=int,
        default=Options().many,
        help="lines of 'bulk', large store of 'scale' (%(default)s)",
    )
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"no benchmark {' '.join(sorted(unknown))}: there are {' '.join(NAMES)}")
    return asked


def _measures(name: str, options: Options) -> Iterator[Measure]:
    found: Iterator[Measure] = import_module(f"tests.benchmarks.{name}").measure(options)
    return found


def _cells(measure: Measure) -> tuple[str, ...]:
    return (
        measure.what,
        _figure(measure.ours),
        "-" if measure.other is None else _figure(measure.other),
        measure.unit,
        "-" if measure.ratio is None else f"{measure.ratio:.2f}",
        "–".join(_figure(edge) for edge in measure.spread),
        f"{measure.goal}{f' {measure.unit}' if measure.goal.of_ours else ''}",
        "reached" if measure.reached else "missed",
    )


def _figure(value: float) -> str:
    """Three significant digits, and no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: tuple[str, ...]) -> str:
    what, ours, other, unit, *rest = (
        f"{cell:<{width}}" if at in (0, 3, 6, 7) else f"{cell:>{width}}"
        for at, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    )
    return "  ".join((what, ours, other, unit, *rest)).rstrip()


def _as_json(name: str, measure: Measure) -> dict[str, Any]:
    goal = measure.goal
    return {
        "benchmark": name,
        "what": measure.what,
        "unit": measure.unit,
        "ours": measure.ours,
        "other": measure.other,
        "ratio": measure.ratio,
        "middle_half": measure.spread,
        "goal": {"of": "ours" if goal.of_ours else "ratio", "text": str(goal), "reached": measure.reached},
    }


if __name__ == "__main__":
    main()
