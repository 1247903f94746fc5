"""The palette: Textual's, with our actions, panes, themes and jobs, which are found by typing a part of their name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from textual import on
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.fuzzy import FuzzySearch
from textual.message import Message
from textual.widgets import Input, OptionList

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import QueueError
from queuectl_core.store.transactions.jobs import ids_starting_with
from queuectl_tui.actions import keys_of
from queuectl_tui.filtering.going import show_job
from queuectl_tui.looks.cells import cut
from queuectl_tui.palette.entries import THEMES, available, title_of

if TYPE_CHECKING:
    from queuectl_tui.app import QueueConsole

MOST_JOBS = 20
"""How many jobs are offered for the beginning of an id."""

_TITLE_WIDTH, _KEYS_WIDTH = 16, 9
_AROUND = 9
"""Cells of the screen beside what is said of an entry: margins, padding, the bar."""

_JOB, _THIS_JOB = 0.5, 1000.0
"""Scores of jobs: after the actions, unless the whole id was typed."""


class Entry(NamedTuple):
    """One thing to choose: how it is called, its keys, what it does in words, and what does it."""

    title: str
    keys: str
    meaning: str
    command: Callable[[], object]


class QueueProvider(Provider):
    """Finds them. All that is shown is handed on as content, never as markup: ids may hold anything."""

    @property
    def console(self) -> QueueConsole:
        """The app."""
        return cast("QueueConsole", self.app)

    def _entries(self) -> Iterator[Entry]:
        console = self.console
        palette = console.screen
        node = palette.node if isinstance(palette, QueuePalette) else console.pane
        for action in available(console.pane, node):
            yield Entry(title_of(action), keys_of(action), action.help, partial(console.do, node, action.name))
        for short, name in THEMES.items():
            yield Entry(f"Theme {short}", "", "colours of the console", partial(console.choose_theme, name))

    async def discover(self) -> Hits:
        """Everything but jobs, in the order of the table."""
        for entry in self._entries():
            yield DiscoveryHit(self._drawn(entry), entry.command, text=entry.title)

    async def search(self, query: str) -> Hits:
        """What matches in its name or, farther down, in its words; and jobs whose ids begin so."""
        fuzzy = FuzzySearch()
        for entry in self._entries():
            score, offsets = fuzzy.match(query, entry.title)
            if not score and query.lower() in entry.meaning.lower():
                score = 1.0
            if score:
                yield Hit(score, self._drawn(entry, tuple(offsets)), entry.command, text=entry.title)
        async for hit in self._jobs(query):
            yield hit

    async def _jobs(self, query: str) -> Hits:
        try:
            ids = await self.console.session.read(ids_starting_with(query, MOST_JOBS))
        except QueueError:
            return
        for job_id in ids:
            shown = clean(job_id)
            score = _THIS_JOB if job_id == query else _JOB
            entry = Entry(f"Job {shown}", "", "show it in the list", partial(self._show, job_id))
            yield Hit(score, self._drawn(entry), entry.command, text=entry.title)

    def _show(self, job_id: str) -> None:
        console = self.console
        console.run_worker(console.telling(show_job(console, job_id)), group="actions")

    def _drawn(self, entry: Entry, found: tuple[int, ...] = ()) -> Content:
        title = Content(entry.title)
        for offset in found:
            title = title.stylize(self.match_style or "bold", offset, offset + 1)
        title = title.pad_right(max(1, _TITLE_WIDTH - title.cell_length))
        keys = cut(entry.keys, _KEYS_WIDTH)
        room = self.app.size.width - _AROUND - title.cell_length - len(keys)
        return Content.assemble(
            title, (keys, "not bold $accent"), (cut(entry.meaning, max(0, room)).rstrip(), "not bold $text-muted")
        )


class QueuePalette(CommandPalette):
    """The palette on behalf of `node`, the part of a pane that had the keys."""

    DEFAULT_CSS = """
    QueuePalette { background: $background 60%; }
    QueuePalette > Vertical { margin: 2 2; background: $panel; }
    QueuePalette:dark > Vertical { background: $panel; }
    QueuePalette #--input { border: none; height: 3; background: $panel; }
    QueuePalette SearchIcon { color: $accent; }
    QueuePalette CommandList { border: none; background: $panel; padding: 0 0 1 0; }
    QueuePalette CommandList > .option-list--option {
        padding: 0 1; text-style: none; text-wrap: nowrap; text-overflow: ellipsis;
    }
    QueuePalette CommandList > .option-list--option-highlighted { background: $primary 25%; color: $foreground; }
    QueuePalette LoadingIndicator { border: none; }
    """

    def __init__(self, node: DOMNode) -> None:
        super().__init__([QueueProvider], placeholder="an action, a pane, a theme, or a job's id")
        self.node = node

    def on_mount(self) -> None:
        """A sign that every terminal draws one cell wide."""
        from textual.command import SearchIcon

        self.query_one(SearchIcon).icon = "›"

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _take_one_choice(self, message: Message) -> None:
        """Nothing is chosen any more once it is left: an Enter right behind would do it twice."""
        if not self.is_current:
            message.stop()
            message.prevent_default()
