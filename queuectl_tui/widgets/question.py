"""A question at the foot of the screen, answered with `y` or `n`; Enter means no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class Question(ModalScreen[bool]):
    """Asks, and answers with True for yes alone."""

    DEFAULT_CSS = """
    Question { align: left bottom; background: transparent; }
    Question Static { width: 1fr; height: auto; max-height: 50%; padding: 0 1; background: $panel; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,enter,escape,q,ctrl+c", "answer(False)", "No", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        """The question, and the keys that answer it."""
        yield Static(Content.assemble(self.text, " ", ("[y/N]", "$accent")), markup=False)

    def action_answer(self, yes: bool) -> None:
        """Leave with the answer."""
        self.dismiss(yes)
