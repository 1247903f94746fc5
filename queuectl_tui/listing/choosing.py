"""Which columns a list shows: chosen by their titles, in the order in which they are named, and remembered."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence

from textual import on
from textual.events import Mount

from queuectl_core.model.cleaning import shown
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.validation import nearest
from queuectl_tui.listing.columns import Column
from queuectl_tui.listing.job_list import JobList


def columns_named(text: str, columns: Sequence[Column]) -> list[Column]:
    """The columns that a text names by their titles, each once; all of them where it names none.

    Raises InvalidInput for a title that there is not.
    """
    by_title = {column.title.lower(): column for column in columns}
    chosen: dict[str, Column] = {}
    for word in text.replace(",", " ").lower().split():
        if word not in by_title:
            hint = nearest(word, by_title) or f"there are {' '.join(by_title)}"
            raise InvalidInput(f"there is no column {shown(word)}", hint)
        chosen[word] = by_title[word]
    return list(chosen.values()) or list(columns)


def titles_of(columns: Sequence[Column]) -> str:
    """The titles of columns, as `columns_named` reads them."""
    return " ".join(column.title.lower() for column in columns)


class Chosen(JobList):
    """A list whose columns can be chosen."""

    def do_columns(self) -> Coroutine[None, None, None]:
        """Ask which columns to show; an empty answer means all."""
        return self._choose()

    async def _choose(self) -> None:
        text = await self.console.prompt(
            "columns:", titles_of(self.table.columns), check=lambda typed: columns_named(typed, self.COLUMNS)
        )
        if text is None:
            return
        self.table.choose(columns_named(text, self.COLUMNS))
        all_of_them = list(self.table.columns) == list(self.COLUMNS)
        await self.console.memory.showing(self.PLACE, "" if all_of_them else titles_of(self.table.columns))

    @on(Mount)
    def _as_the_last_time(self) -> None:
        """Show the columns that were chosen the last time; what is remembered may be from another version."""
        try:
            self.table.choose(columns_named(self.console.memory.choices.columns_in(self.PLACE), self.COLUMNS))
        except InvalidInput:
            return
