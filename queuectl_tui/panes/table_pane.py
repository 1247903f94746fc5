"""A pane that is a short list with its motions, and below it what there is to say of the row under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from queuectl_tui.pane import Pane
from queuectl_tui.widgets.rows import Column, Row, RowTable


class TablePane(Pane):
    """Such a pane: a subclass says which columns fit, and hands rows to `show_rows`."""

    DEFAULT_CSS = """
    TablePane > .foot { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
    TablePane > .nothing { height: 1fr; padding: 1 2; color: $text-muted; display: none; }
    TablePane.-empty > .nothing { display: block; }
    TablePane.-empty > RowTable { height: 1; }
    TablePane.-empty > .foot { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.table = RowTable(self.columns)
        # Held, since they are told of what was read even while the console is taken apart, when a query finds nothing.
        self._nothing = Static("", classes="nothing", markup=False)
        self._foot = Static("", classes="foot", markup=False)
        self._said: dict[Static, Content] = {}

    def columns(self, width: int) -> Sequence[Column]:
        """The columns that a width in cells has room for."""
        raise NotImplementedError

    def foot(self) -> Content:
        """What is said below the list of the row under the cursor."""
        return Content("")

    def nothing(self) -> Content:
        """What is said where the list is empty."""
        return Content("")

    def compose(self) -> ComposeResult:
        """The list and its foot."""
        yield self.table
        yield self._nothing
        yield self._foot

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows; where there are none, what to do about it."""
        self.table.show(rows)
        self.set_class(not rows, "-empty")
        if not rows:
            self._say(self._nothing, self.nothing())
        self.tell_of_row()

    @on(RowTable.Moved)
    def tell_of_row(self) -> None:
        """Say below the list, and in the footer, what there is to say of the row."""
        self._say(self._foot, self.foot())
        self.console.show_status()

    def _say(self, where: Static, content: Content) -> None:
        if self._said.get(where) != content:
            self._said[where] = content
            where.update(content)

    # ---------------------------------------------------------------- motions

    def do_down(self) -> None:
        """The next row."""
        self.table.move_to(self.table.cursor + 1)

    def do_up(self) -> None:
        """The row before."""
        self.table.move_to(self.table.cursor - 1)

    def do_top(self) -> None:
        """The first row."""
        self.table.move_to(0)

    def do_bottom(self) -> None:
        """The last row."""
        self.table.move_to(len(self.table.rows) - 1)

    def do_half_down(self) -> None:
        """Half a page down."""
        self.table.move_to(self.table.cursor + max(1, self.table.page // 2))

    def do_half_up(self) -> None:
        """Half a page up."""
        self.table.move_to(self.table.cursor - max(1, self.table.page // 2))

    def do_page_down(self) -> None:
        """A page down."""
        self.table.move_to(self.table.cursor + self.table.page)

    def do_page_up(self) -> None:
        """A page up."""
        self.table.move_to(self.table.cursor - self.table.page)
