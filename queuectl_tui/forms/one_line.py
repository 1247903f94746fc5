"""An input of one line that takes only what it can show as it is."""

from __future__ import annotations

from textual.events import Paste
from textual.message import Message

from queuectl_core.model.cleaning import clean
from queuectl_tui.widgets.typed import TypedInput


class OneLine(TypedInput):
    """As `TypedInput`, but what is pasted comes in whole or not at all: no line is dropped, no escape drawn."""

    DEFAULT_CSS = """
    OneLine, OneLine:focus { width: 1fr; height: 1; border: none; padding: 0 1; background: $surface; }
    OneLine:focus { background: $boost; }
    OneLine:disabled { color: $text-muted; }
    """

    class Unfit(Message):
        """What should have come in has several lines, or characters that a line cannot show."""

        def __init__(self, input: OneLine) -> None:
            super().__init__()
            self.input = input

        @property
        def control(self) -> OneLine:
            """The input."""
            return self.input

    def replace(self, text: str, start: int, end: int) -> None:
        """Put text in the place of some, unless it cannot be shown."""
        if clean(text) != text:
            self.post_message(self.Unfit(self))
            return
        super().replace(text, start, end)

    def _on_paste(self, event: Paste) -> None:
        event.stop()
        event.prevent_default()
        self.replace(event.text.rstrip("\r\n"), *self.selection)
