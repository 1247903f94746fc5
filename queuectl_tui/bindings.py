"""From the table of actions to Textual's bindings, and from a key that was pressed to a method."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from textual.binding import Binding, BindingType
from textual.worker import WorkerCancelled

from queuectl_core.model.errors import QueueError
from queuectl_tui.actions import BY_NAME, Action, Place, actions_in
from queuectl_tui.background import in_background

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.worker import Worker

    from queuectl_tui.app import QueueConsole


def bindings_for(place: Place) -> list[BindingType]:
    """The bindings of a place; the footer is ours, so none is shown by Textual's."""
    return [
        Binding(",".join(action.keys), f"do('{action.name}')", action.label, show=False) for action in actions_in(place)
    ]


def perform(node: DOMNode, app: QueueConsole, name: str) -> None:
    """Do the action of that name as `node`, one of its ancestors or the app does it.

    What takes its time goes on in the background, so that no key waits for it; what goes wrong is told, never
    raised. Nothing that writes is done in a console that is read-only. What is done to marked jobs is done once it is
    read which those are.
    """
    action = BY_NAME[name]
    settling = app.pane.settling
    if settling is not None and action.of_marks:
        in_background(app, "actions", _once_settled, settling, node, app, name)
        return
    if action.writes and app.session.read_only:
        app.tell(f"{action.label}: the console is read-only", error=True)
        return
    method = method_for(node, action)
    try:
        answer = method() if method is not None else None
    except QueueError as error:
        app.tell(str(error), error=True)
        return
    if inspect.isawaitable(answer):
        app.run_worker(app.telling(answer), group="actions")


async def _once_settled(settling: Worker[None], node: DOMNode, app: QueueConsole, name: str) -> None:
    """Do it as soon as `settling` has come to its end; not at all where that was left."""
    if await has_settled(settling):
        perform(node, app, name)


async def has_settled(settling: Worker[None]) -> bool:
    """Wait for its end; whether it came to it, and was not left."""
    with contextlib.suppress(WorkerCancelled):
        await settling.wait()
        return True
    return False


def method_for(node: DOMNode, action: Action) -> Any:
    """The method that does the action for `node`: its own, else that of the nearest ancestor; None where none does."""
    for owner in node.ancestors_with_self:
        method = getattr(owner, f"do_{action.name}", None)
        if method is not None:
            return method
    return None
