"""The form of a job: a column of lines at the foot of the screen, checked as they are typed.

What the lines mean is `fields.py`; what storing does is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import IdTaken, InvalidInput, QueueError
from queuectl_core.model.job import NewJob
from queuectl_tui.background import in_background
from queuectl_tui.forms import variables
from queuectl_tui.forms.drafts import Draft
from queuectl_tui.forms.fields import Field, Reading, fields_of, locked, read, texts_of
from queuectl_tui.forms.one_line import OneLine
from queuectl_tui.widgets.question import Question

Store = Callable[[NewJob], Awaitable[None]]
"""Stores what was filled in, and tells so. Raises a QueueError; then the form stays."""

Clock = Callable[[], datetime]
"""The present instant."""

_LOCKED = "a line cannot show this as it is: edit the job as JSON, with ctrl+e in the list"
_UNFIT = "what was pasted has several lines or hidden characters, and was left out"


class JobForm(ModalScreen[bool]):
    """Asks for a job, and answers with True once it is stored."""

    DEFAULT_CSS = """
    JobForm { align: left bottom; background: transparent; }
    JobForm > VerticalScroll { height: auto; max-height: 100%; background: $surface; }
    JobForm .title { width: 1fr; height: 1; padding: 0 1; background: $panel; color: $accent; text-style: bold; }
    JobForm Horizontal { height: 1; }
    JobForm .label { width: 14; padding: 0 1; color: $text-muted; text-align: right; }
    JobForm Horizontal:focus-within .label { color: $accent; text-style: bold; }
    JobForm .wrong { width: 1fr; height: auto; padding: 0 1 0 15; color: $error; display: none; }
    JobForm .wrong.-shown { display: block; }
    JobForm .keys { width: 1fr; height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave", "Leave", show=False),
        Binding("ctrl+s", "store", "Store", show=False),
        Binding("ctrl+r", "reveal", "Show values", show=False),
        # At once, so that what is typed next goes to the next line; the others come after what was typed before them.
        Binding("enter", "enter", "Store, or next", show=False, priority=True),
        Binding("down,tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("up,shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    def __init__(self, draft: Draft, queues: Suggester, store: Store, clock: Clock) -> None:
        super().__init__()
        self._draft, self._queues, self._store, self._clock = draft, queues, store, clock
        self._first = texts_of(draft)
        self._revealed = False
        self._tried = False
        self._storing = False

    def compose(self) -> ComposeResult:
        """A line for each field, with room below it for what is wrong."""
        kept = locked(self._draft)
        with VerticalScroll(can_focus=False):
            yield Static(Content(self._draft.title), classes="title", markup=False)
            for field in fields_of(self._draft):
                with Horizontal():
                    yield Static(Content(field.label), classes="label", markup=False)
                    yield self._line(field, editable=field.name not in kept)
                yield Static(Content(_LOCKED), id=f"wrong-{field.name}", classes="wrong", markup=False)
            yield Static("", id="wrong", classes="wrong", markup=False)
            yield Static(self._keys(), classes="keys", markup=False)

    def _line(self, field: Field, *, editable: bool) -> OneLine:
        suggester = self._queues if field.name == "queue" else None
        text = self._first[field.name]
        line = OneLine(text, field.hint, id=field.name, suggester=suggester, select_on_focus=False)
        line.disabled = not editable
        return line

    def _keys(self) -> Content:
        reveal = ("^r", "shows values") if self._draft.before.env else ("", "")
        hints = [("⏎", "next"), ("^s", "stores"), reveal, ("esc", "leaves")]
        parts = [Content.assemble((key, "bold $accent"), " ", word) for key, word in hints if key]
        return Content("  ").join(parts)

    def on_mount(self) -> None:
        """Say why a line cannot be edited."""
        for name in locked(self._draft):
            self._say(_LOCKED, name)

    # ---------------------------------------------------------------- what is typed

    def texts(self) -> dict[str, str]:
        """What the lines say now."""
        return {field.name: self.query_one(f"#{field.name}", OneLine).value for field in fields_of(self._draft)}

    @property
    def _typed(self) -> bool:
        """Whether anything differs from what was there at first; showing a value is no change."""
        now, before = self.texts(), dict(self._first)
        if self._revealed:
            before["env"] = variables.one_line(self._draft.before.env or {}, revealed=True)
        return now != before

    @on(Input.Changed)
    def _check(self) -> None:
        """Say at once what is wrong; an empty line is not yet a mistake."""
        self._show_wrong(self._read())

    def _read(self) -> Reading:
        return read(self.texts(), self._draft, self._clock())

    def _show_wrong(self, reading: Reading) -> None:
        texts, kept = self.texts(), locked(self._draft)
        for name, text in texts.items():
            wrong = reading.wrong.get(name, "") if text.strip() or self._tried else ""
            self._say(_LOCKED if name in kept else wrong, name)
        self._say("")

    def _say(self, wrong: str, name: str = "") -> None:
        line = self.query_one(f"#wrong-{name}" if name else "#wrong", Static)
        line.update(Content(clean(wrong)))
        line.set_class(bool(wrong), "-shown")

    @on(OneLine.Unfit)
    def _say_unfit(self, event: OneLine.Unfit) -> None:
        self._say(_UNFIT, event.input.id or "")

    # ---------------------------------------------------------------- storing and leaving

    def action_enter(self) -> None:
        """Store from the command; elsewhere go to the next line."""
        if self.focused is self.query_one("#command"):
            self.action_store()
        else:
            self.focus_next(OneLine)

    def action_store(self) -> None:
        """Store what is filled in, if it can be meant."""
        if not self._storing:
            self._storing = True
            in_background(self, "store", self._store_what_is_typed)

    async def _store_what_is_typed(self) -> None:
        try:
            await self._all_is_in()
            self._tried = True
            reading = self._read()
            self._show_wrong(reading)
            if reading.job is None:
                self.query_one(f"#{next(iter(reading.wrong))}").focus()
            else:
                await self._store(reading.job)
                self.dismiss(True)
        except QueueError as error:
            self._say(str(error), "id" if isinstance(error, IdTaken) else "")
        finally:
            self._storing = False

    async def _all_is_in(self) -> None:
        """Wait until each line has taken in the keys that came before this moment."""
        for line in self.query(OneLine):
            taken_in = asyncio.Event()
            line.call_later(taken_in.set)
            await taken_in.wait()

    def action_reveal(self) -> None:
        """Show the values of the environment, or hide those that are as they were."""
        env, line = self._draft.before.env or {}, self.query_one("#env", OneLine)
        if line.disabled or not env:
            return
        try:
            line.value = (variables.hidden if self._revealed else variables.revealed)(line.value, env)
        except InvalidInput:
            return  # it is said below the line
        self._revealed = not self._revealed

    def action_leave(self) -> None:
        """Leave; where something was typed, only if that is meant. What is being stored is waited for."""
        if self._storing:
            return
        if self._typed:
            self.app.push_screen(Question("Leave what you have typed?"), self._leave_if)
        else:
            self.dismiss(False)

    def _leave_if(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(False)
