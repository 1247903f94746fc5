"""The line above a list in which its filter is typed, and read while it holds. It knows no list and no store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from queuectl_core.model.errors import QueueError
from queuectl_core.model.filters import KEYS, Filter, FilterError
from queuectl_tui.filtering.completing import FilterSuggester, brief, choices, last_word
from queuectl_tui.widgets.typed import TypedInput

REST = 0.15
"""Seconds without a key after which the list is narrowed."""

_HINTS = "⏎ keep · esc as before · tab complete · ↑ earlier filters"


class _Marking(Highlighter):
    """Marks the word that is wrong."""

    def __init__(self, line: FilterInput) -> None:
        self._line = line

    def highlight(self, text: Text) -> None:
        """Underline it in the colour of errors."""
        if self._line.wrong is not None:
            text.stylize(self._line.get_component_rich_style("filter-input--wrong", partial=True), *self._line.wrong)


class FilterInput(TypedInput):
    """The input of a filter: tab completes, up and down go through earlier ones."""

    DEFAULT_CSS = """
    FilterInput, FilterInput:focus { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
    FilterInput > .filter-input--wrong { color: $error; text-style: underline; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"filter-input--wrong"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "earlier(1)", show=False),
        Binding("down", "earlier(-1)", show=False),
        Binding("tab", "complete", show=False),
        Binding("escape,ctrl+c", "leave", show=False),
    ]

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, suggester: FilterSuggester) -> None:
        super().__init__(select_on_focus=False, suggester=suggester)
        self.highlighter = _Marking(self)
        self.wrong: tuple[int, int] | None = None
        self.earlier: Sequence[str] = ()
        self._place = -1
        self._draft = ""

    def begin(self, text: str, earlier: Sequence[str]) -> None:
        """Start with this text; `earlier` are the filters that were used before, the newest first."""
        self.earlier, self._place = [one for one in earlier if one != text], -1
        self.value = text
        self.cursor_position = len(text)

    def mark(self, wrong: tuple[int, int] | None) -> None:
        """Mark a word as wrong, or none."""
        if wrong != self.wrong:
            self.wrong = wrong
            self.refresh()

    def action_earlier(self, step: int) -> None:
        """Show an earlier filter, or one that is less early; at the end, what was typed."""
        place = min(self._place + step, len(self.earlier) - 1)
        if place < -1 or place == self._place:
            return
        if self._place == -1:
            self._draft = self.value
        self._place = place
        self.value = self._draft if place == -1 else self.earlier[place]
        self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Take the completion, if there is one; the line is not left by it."""
        self.cursor_position = len(self.value)
        if self._suggestion:
            self.action_cursor_right()

    def action_leave(self) -> None:
        """Leave the line as it was before."""
        self.post_message(self.Left())


class FilterLine(Widget):
    """Shown while a filter is typed or holds.

    Posts `Typed` once a filter that can be meant has rested, `Entered` when it is to be kept, and `Left` when all
    should be as before. `parse` reads a filter, or raises FilterError.
    """

    DEFAULT_CSS = """
    FilterLine { height: auto; layout: vertical; background: $surface; }
    FilterLine > Horizontal { height: 1; padding: 0 1; }
    FilterLine .slash { width: 2; color: $accent; text-style: bold; }
    FilterLine .hint { width: auto; color: $text-muted; }
    FilterLine .said { height: auto; max-height: 3; padding: 0 1 0 3; color: $text-muted; }
    FilterLine .said.-wrong { color: $error; }
    """

    class Typed(Message):
        """This filter was typed and has rested."""

        def __init__(self, filter: Filter) -> None:
            self.filter = filter
            super().__init__()

    class Entered(Message):
        """This filter is to be kept."""

        def __init__(self, text: str, filter: Filter) -> None:
            self.text, self.filter = text, filter
            super().__init__()

    class Left(Message):
        """The filter is to be what it was before."""

    class Begun(Message):
        """The line was given the keys by the mouse."""

    def __init__(self, parse: Callable[[str], Filter]) -> None:
        super().__init__()
        self._parse = parse
        self._suggester = FilterSuggester()
        self._timer: Timer | None = None
        self.input = FilterInput(self._suggester)
        self._hint = Static("esc clears", classes="hint", markup=False)
        self._said = Static("", classes="said", markup=False)
        self.editing = False
        self.display = False

    def compose(self) -> ComposeResult:
        """The filter, and below it what is said of it while it is typed."""
        with Horizontal():
            yield Static("/", classes="slash", markup=False)
            yield self.input
            yield self._hint
        yield self._said

    def begin(self, text: str, earlier: Sequence[str]) -> None:
        """Take the keys, starting with this text."""
        self.editing, self.display = True, True
        self._hint.display = False
        self._said.display = True
        self.input.begin(text, earlier)
        self._say_of(text)
        self.screen.set_focus(self.input)

    def show(self, text: str) -> None:
        """Show the filter that holds; no text, no line. Nothing changes under the hands of one who types."""
        if self.editing:
            return
        self._stop_timer()
        with self.prevent(Input.Changed):
            self.input.value = text
        self.input.mark(None)
        self._hint.display = True
        self._said.display = False
        self.display = bool(text)

    def end(self) -> None:
        """No more is typed; `show` says what stays."""
        self.editing = False
        self._stop_timer()

    def know(self, queues: Sequence[str]) -> None:
        """These queues exist."""
        self._suggester.queues = queues
        if self.editing and not self._said.has_class("-wrong"):  # what is wrong stays to be read
            self._say_of(self.input.value)

    def say_wrong(self, error: QueueError) -> None:
        """Say what is wrong with the filter."""
        self.input.mark((error.start, error.end) if isinstance(error, FilterError) else None)
        self._say(str(error), wrong=True)

    # ---------------------------------------------------------------- typing

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.editing:
            return
        self._stop_timer()
        if self._say_of(event.value) is not None:
            self._timer = self.set_timer(REST, self._rested)

    def _rested(self) -> None:
        wanted = self._say_of(self.input.value)
        word = last_word(self.input.value).lower()
        if word and any(key.startswith(word) for key in KEYS):
            return  # what may become `state:` is not looked for as a word while it is typed: nothing would match
        if self.editing and wanted is not None:
            self.post_message(self.Typed(wanted))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            wanted = self._parse(event.value)
        except FilterError as error:
            self.say_wrong(error)
        else:
            self.post_message(self.Entered(event.value.strip(), wanted))

    @on(FilterInput.Left)
    def _left(self, event: FilterInput.Left) -> None:
        event.stop()
        self.post_message(self.Left())

    def on_descendant_focus(self) -> None:
        """The mouse has given it the keys."""
        if not self.editing:
            self.post_message(self.Begun())

    def on_descendant_blur(self) -> None:
        """Left by the mouse: what can be meant is kept. A terminal that is left is no such thing."""
        if not self.editing or not self.app.app_focus or self.screen.focused is self.input:
            return
        text, wanted = self.input.value, self._say_of(self.input.value)
        self.post_message(self.Left() if wanted is None else self.Entered(text.strip(), wanted))

    # ---------------------------------------------------------------- saying

    def _say_of(self, text: str) -> Filter | None:
        """Say what the text may become, or what is wrong with it; the filter, where it can be meant."""
        may_become = choices(text, self._suggester.queues)
        try:
            wanted = self._parse(text)
        except FilterError as error:
            # A word that is still being typed is not yet a mistake.
            if error.end == len(text) and may_become and last_word(text):
                self.input.mark(None)
                self._say("  ".join(map(brief, may_become)))
            else:
                self.say_wrong(error)
            return None
        self.input.mark(None)
        self._say("  ".join(map(brief, may_become)) if may_become and (last_word(text) or not text) else _HINTS)
        return wanted

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self._said.update(Content(text))
        self._said.set_class(wrong, "-wrong")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def on_unmount(self, _event: events.Unmount) -> None:
        """No timer outlives the line."""
        self._stop_timer()
