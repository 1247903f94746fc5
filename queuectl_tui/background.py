"""Work that goes on while keys are answered: Textual's workers, begun in one way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, cast

from textual.dom import DOMNode
from textual.worker import Worker

P = ParamSpec("P")


def in_background(
    node: DOMNode,
    group: str,
    function: Callable[P, Coroutine[Any, Any, None]],
    *args: P.args,
    **keywords: P.kwargs,
) -> Worker[None]:
    """Run `function(*args)` beside `node`, and end it with the node.

    The function is handed over, not its coroutine: one that is cancelled before it begins would leave a coroutine that
    nobody has awaited, and a warning on the terminal.
    """
    work = cast("Callable[[], Coroutine[None, None, None]]", partial(function, *args, **keywords))
    return node.run_worker(work, group=group)


def latest_in_background(
    node: DOMNode,
    group: str,
    function: Callable[P, Coroutine[Any, Any, None]],
    *args: P.args,
    **keywords: P.kwargs,
) -> Worker[None]:
    """As `in_background`; what the group still runs is ended: only the latest counts."""
    work = cast("Callable[[], Coroutine[None, None, None]]", partial(function, *args, **keywords))
    return node.run_worker(work, group=group, exclusive=True)
