"""What the metrics pane says in words: the lines above the charts, and what stands there when there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration
from queuectl_tui.metrics.series import Totals, Window

_UNKNOWN = "–"
_APART = "   "

Pair = tuple[str, str]


def scope_line(window: Window, queue: str | None, queues: Sequence[str], depth: int, oldest_ms: int | None) -> Content:
    """Of what the pane tells: the queue and its place among all, the window, and what waits at this moment."""
    name = "all queues" if queue is None else f"queue {clean(queue)}"
    place = f" ({queues.index(queue) + 1} of {len(queues)})" if queue in queues and queue is not None else ""
    waits = [] if oldest_ms is None else [("oldest waits", format_duration(oldest_ms / 1000, parts=1))]
    scope = Content.assemble((f"{name}{place}", "bold"), f" · last {window}")
    return Content(_APART).join([scope, *_pairs([("depth", f"{depth:,}"), *waits])])


def figures_line(totals: Totals) -> Content:
    """The whole window in figures."""
    share = _UNKNOWN if totals.failed_share is None else f"{totals.failed_share * 100:.1f} %"
    return Content(_APART).join(
        _pairs(
            [
                ("ended", f"{totals.ended:,}"),
                ("rate", rate(totals.per_minute)),
                ("runs failed", share),
                ("p50", _length(totals.duration_p50)),
                ("p95", _length(totals.duration_p95)),
            ]
        )
    )


def rate(per_minute: float) -> str:
    """Events a minute in words, a second where they are many: `80.2/min`, `20.5/s`."""
    return f"{per_minute / 60:,.1f}/s" if per_minute >= 600 else f"{per_minute:.3g}/min"


def nothing_yet(window: Window, queue: str | None) -> Content:
    """Two lines: what will be shown, and how to come by it."""
    whose = "" if queue is None else f" of queue {clean(queue)}"
    return Content.assemble(
        f"\nNothing{whose} in the last {window}: rates, failures, durations and depth show here.\n",
        ("Enqueue with: queuectl enqueue -- COMMAND; start workers in pane 3.", "$foreground-muted"),
    )


def _pairs(pairs: Sequence[Pair]) -> list[Content]:
    return [Content.assemble((f"{name} ", "$foreground-muted"), value) for name, value in pairs]


def _length(ms: float | None) -> str:
    return _UNKNOWN if ms is None else format_duration(ms / 1000, parts=2)
