"""What can be asked for by name: the actions that apply, and the themes. No widgets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from queuectl_tui.actions import PANE_ACTIONS, Action
from queuectl_tui.bindings import method_for
from queuectl_tui.looks import themes

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from queuectl_tui.pane import Pane

_PREFIX = "queuectl-"

THEMES: dict[str, str] = {name.removeprefix(_PREFIX): name for name in themes.NAMES}
"""The themes by their short names."""


def available(pane: Pane, node: DOMNode) -> list[Action]:
    """The actions that `node` can do now; motions last, for nobody searches for them first."""
    apply = pane.keys()
    known = [action for action in apply if action.name in PANE_ACTIONS or method_for(node, action) is not None]
    return sorted(known, key=lambda action: action.motion)


def title_of(action: Action) -> str:
    """How an action is called in a list of them."""
    return f"Go to {action.label}" if action.name in PANE_ACTIONS else action.label


def names_of(actions: Iterable[Action]) -> dict[str, Action]:
    """The words that one may type for each action: `retry-all`, `retry_all`, and `dlq` for `pane_dlq`."""
    words: dict[str, Action] = {}
    for action in actions:
        words[action.name.removeprefix("pane_").replace("_", "-")] = action
        words.setdefault(action.name, action)
    return words
