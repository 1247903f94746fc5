"""How what was measured is shown: as a line of a table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.measuring import Measure, Unmeasured

HEAD = ("what: ours | other side", "ours", "other", "unit", "ratio", "middle half", "goal", "want", "")
WIDTHS = (66, 10, 10, 6, 7, 15, 9, 9, 7)
LEFT = frozenset({0, 3, 6, 7, 8})
"""The columns of text, by their place."""


def facts_text(facts: Mapping[str, str]) -> str:
    """What the machine is, a line a fact."""
    return "\n".join(f"{name:12} {value}" for name, value in facts.items())


def line(cells: Sequence[str]) -> str:
    """One line of the table."""
    padded = (
        f"{cell:<{width}}" if at in LEFT else f"{cell:>{width}}"
        for at, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    )
    return "  ".join(padded).rstrip()


def cells(measure: Measure) -> tuple[str, ...]:
    """What stands in the line of a measure."""
    goal, unit = measure.goal, f" {measure.unit}" if measure.goal and measure.goal.of_ours else ""
    return (
        measure.what,
        _figure(measure.ours),
        "-" if measure.other is None else _figure(measure.other),
        measure.unit,
        "-" if measure.ratio is None else f"{measure.ratio:.2f}",
        "–".join(_figure(edge) for edge in measure.spread),
        "-" if goal is None else f"{goal}{unit}",
        "-" if goal is None or goal.want is None else f"{goal.text(goal.want)}{unit}",
        measure.verdict or "",
    )


def unmeasured_text(left_out: Sequence[Unmeasured]) -> str:
    """What a run left out, a line each."""
    if not left_out:
        return "not measured in this run: nothing"
    return "\n".join(["not measured in this run:", *(f"  {what}: {why}" for what, why in left_out)])


def seconds_text(seconds: Mapping[str, float]) -> str:
    """How long each benchmark took, and all of them."""
    each = " · ".join(f"{name} {took:.0f}" for name, took in seconds.items())
    return f"seconds: {each} · together {sum(seconds.values()):.0f}"


def as_json(name: str, measure: Measure) -> dict[str, Any]:
    """A measure of the benchmark of that name."""
    goal = measure.goal
    return {
        "benchmark": name,
        "what": measure.what,
        "unit": measure.unit,
        "ours": measure.ours,
        "other": measure.other,
        "ratio": measure.ratio,
        "middle_half": measure.spread,
        "goal": goal
        and {
            "of": "ours" if goal.of_ours else "ratio",
            "side": "at least" if goal.at_least else "at most",
            "limit": goal.limit,
            "want": goal.want,
            "verdict": measure.verdict,
        },
    }


def _figure(value: float) -> str:
    """Three significant digits, and no exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
