"""A line to type at the foot of the screen: checked as it is typed, stored with Enter, left with esc."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from queuectl_core.model.errors import QueueError
from queuectl_tui.widgets.typed import TypedInput

Check = Callable[[str], object]
"""Raises a QueueError for text that cannot be taken."""


class Prompt(ModalScreen[str | None]):
    """Asks for a text, and answers with it, or with None where it was left."""

    DEFAULT_CSS = """
    Prompt { align: left bottom; background: transparent; }
    Prompt > Horizontal { height: 1; background: $panel; padding: 0 1; }
    Prompt .label { width: auto; color: $accent; text-style: bold; }
    Prompt Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    Prompt .wrong { width: 1fr; height: auto; color: $error; background: $panel; padding: 0 1; display: none; }
    Prompt .wrong.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "leave", "Leave", show=False, priority=True)]

    def __init__(
        self, label: str, text: str = "", *, check: Check | None = None, suggester: Suggester | None = None
    ) -> None:
        super().__init__()
        self._label, self._text, self._check, self._suggester = label, text, check, suggester

    def compose(self) -> ComposeResult:
        """What is wrong with the text, above it."""
        yield Static("", classes="wrong", markup=False)
        with Horizontal():
            yield Static(Content(f"{self._label} "), classes="label", markup=False)
            yield TypedInput(self._text, select_on_focus=False, suggester=self._suggester, compact=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say at once what is wrong; an empty line is not yet a mistake."""
        self._say(self._wrong_with(event.value) if event.value.strip() else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave with the text, if it can be taken."""
        wrong = self._wrong_with(event.value)
        if wrong:
            self._say(wrong)
        else:
            self.leave_with(event.value)

    def action_leave(self) -> None:
        """Leave without a text."""
        self.leave_with(None)

    def leave_with(self, answer: str | None) -> None:
        """Leave, once: an Enter right behind the one that answered would take away the screen that came next."""
        if self.is_current:
            self.dismiss(answer)

    def _wrong_with(self, text: str) -> str:
        if self._check is None:
            return ""
        try:
            self._check(text)
        except QueueError as error:
            return str(error)
        return ""

    def _say(self, wrong: str) -> None:
        line = self.query_one(".wrong", Static)
        line.update(Content(wrong))
        line.set_class(bool(wrong), "-shown")
