"""The screen that shows the help; what it says is in `text.py`."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from queuectl_tui.actions import Place
from queuectl_tui.help.text import laid_out, sections

_MARGIN = 4
"""Cells left and right of the text, the bar at its side included."""


class HelpScreen(ModalScreen[None]):
    """Every key by place, those of the place where help was asked for first."""

    DEFAULT_CSS = """
    HelpScreen { background: $background; }
    HelpScreen .title { height: 1; padding: 0 1; background: $panel; color: $accent; text-style: bold; }
    HelpScreen VerticalScroll { height: 1fr; padding: 1 1 0 2; scrollbar-size-vertical: 1; background: $background; }
    HelpScreen .text { height: auto; }
    HelpScreen .foot { height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,escape,q,ctrl+c", "leave", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,ctrl+f,space", "page(1.0)", show=False),
        Binding("pageup,ctrl+b", "page(-1.0)", show=False),
        Binding("ctrl+d", "page(0.5)", show=False),
        Binding("ctrl+u", "page(-0.5)", show=False),
        Binding("g,home", "end(-1)", show=False),
        Binding("G,end", "end(1)", show=False),
    ]

    def __init__(self, here: Place, *, read_only: bool) -> None:
        super().__init__()
        self._parts = sections(here, read_only=read_only)
        self._read_only = read_only
        self._width = 0

    def compose(self) -> ComposeResult:
        """A title, the text, and how to leave."""
        only = ", as far as they apply in a console that is read-only" if self._read_only else ""
        yield Static(Content(f"queuectl · keys{only}"), classes="title", markup=False)
        with VerticalScroll():
            yield Static("", classes="text", markup=False)
        yield Static(Content("j k pgdn pgup scroll · ? or esc leaves"), classes="foot", markup=False)

    def on_mount(self) -> None:
        """The text takes the keys."""
        self.set_focus(self.query_one(VerticalScroll))

    def on_resize(self) -> None:
        """Lay the text out for the width."""
        width = self.size.width - _MARGIN
        if width != self._width:
            self._width = width
            self.query_one(".text", Static).update(Content("\n").join(laid_out(self._parts, width)))

    # ---------------------------------------------------------------- keys

    def action_leave(self) -> None:
        """Back to the console."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_page(self, pages: float) -> None:
        """Scroll by some pages."""
        text = self.query_one(VerticalScroll)
        text.scroll_relative(y=round(pages * text.size.height), animate=False)

    def action_end(self, direction: int) -> None:
        """Go to one of the ends."""
        text = self.query_one(VerticalScroll)
        text.scroll_to(y=0 if direction < 0 else text.max_scroll_y, animate=False)
