"""The pane of the settings: each with its value and its help, edited in place, checked as it is typed."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content

from queuectl_core.execution.roster import WorkerState
from queuectl_core.model.cleaning import clean
from queuectl_core.model.settings import NONE, SETTINGS, Setting, canonical
from queuectl_core.store.transactions.settings import StoredSettings, change_setting, settings, undo_setting
from queuectl_tui.acting.undo import Change
from queuectl_tui.actions import Action, Place
from queuectl_tui.background import latest_in_background
from queuectl_tui.bindings import bindings_for, perform
from queuectl_tui.panes.table_pane import TablePane
from queuectl_tui.pools.reading import Crew, look_again, read_crew
from queuectl_tui.widgets.prompt import Prompt
from queuectl_tui.widgets.rows import Cell, Column, Look, Row, RowTable

Doing = Coroutine[None, None, None]

WIDE = 110
"""Cells from which the help of every setting has a column of its own."""

_NARROW = (
    Column("SETTING", 15),
    Column("VALUE", 0),
    Column("DEFAULT", 10),
    Column("UNIT", 7),
    Column("SET", 5),
)
_WITH_HELP = (
    Column("SETTING", 15),
    Column("VALUE", 14),
    Column("DEFAULT", 10),
    Column("UNIT", 7),
    Column("SET", 5),
    Column("WHAT IT IS", 0),
)


class ConfigPane(TablePane):
    """Every setting, in the order of the model."""

    PLACE = Place.CONFIG
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.CONFIG)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.stored = StoredSettings(0, {})
        self.crew = Crew()

    # ---------------------------------------------------------------- what is shown

    def columns(self, width: int) -> Sequence[Column]:
        """The help is a column where there is room for one."""
        return _WITH_HELP if width >= WIDE else _NARROW

    def foot(self) -> Content:
        """The help of the setting under the cursor, and what it may be."""
        setting = self.setting
        if setting is None:
            return Content("")
        return Content.assemble((setting.key, "bold $foreground"), f": {setting.help}\n{expected(setting)}")

    def status(self) -> Content:
        """Whether the workers go by the latest change."""
        return Content(taken_up(self.stored.version, self.crew))

    def allows(self, action: Action) -> bool:
        """Only what was set can be unset."""
        return action.name != "unset_setting" or (self.setting is not None and self.setting.key in self.stored.texts)

    async def refresh_from_store(self) -> None:
        """Read the settings, and by which of their versions workers go."""
        self.stored = await self.session.read(settings())
        self.crew = await read_crew(self.session)
        self.show_rows(rows_of(self.stored))

    def second(self) -> None:
        """Workers may have died, which tells no store."""
        latest_in_background(self, "signs", self._look)

    async def _look(self) -> None:
        crew = self.crew
        looked = await look_again(self.session.home, crew)
        if crew is self.crew:
            self.crew = looked
            self.console.show_status()

    # ---------------------------------------------------------------- actions

    @property
    def setting(self) -> Setting | None:
        """The setting under the cursor."""
        return SETTINGS[self.table.row.key] if self.table.row else None

    @on(RowTable.Opened)
    def _opened(self) -> None:
        perform(self, self.console, "edit_setting")

    def do_edit_setting(self) -> Doing | None:
        """Type another value."""
        return self._edit(self.setting) if self.setting else None

    async def _edit(self, setting: Setting) -> None:
        key = setting.key
        present = clean(self.stored.texts.get(key, setting.default))
        typed = await self.app.push_screen_wait(Prompt(f"{key}:", present, check=lambda text: canonical(key, text)))
        if typed is not None and typed != present:
            await self._change(key, typed)

    def do_unset_setting(self) -> Doing | None:
        """Back to the default."""
        setting = self.setting
        return self._change(setting.key, None) if setting and setting.key in self.stored.texts else None

    async def _change(self, key: str, text: str | None) -> None:
        change = await self.session.write(change_setting(key, text))

        async def back() -> str:
            await self.session.write(undo_setting(change))
            return _told(key, change.before)

        self.console.undo.add(Change(f"{key} was changed", back))
        self.console.tell(_told(key, change.after))
        self.console.look_again()


def _told(key: str, text: str | None) -> str:
    return f"{key} is now {SETTINGS[key].default}, its default" if text is None else f"{key} is now {clean(text)}"


def rows_of(stored: StoredSettings) -> list[Row]:
    """A row for every setting. Pure."""
    return [_row(setting, stored.texts.get(setting.key)) for setting in SETTINGS.values()]


def _row(setting: Setting, text: str | None) -> Row:
    return Row(
        setting.key,
        {
            "SETTING": Cell(setting.key),
            "VALUE": Cell(setting.default, Look.MUTED) if text is None else Cell(clean(text), Look.STRONG),
            "DEFAULT": Cell(setting.default, Look.MUTED),
            "UNIT": Cell(setting.unit, Look.MUTED),
            "SET": Cell("" if text is None else "● set", Look.GOOD),
            "WHAT IT IS": Cell(setting.help, Look.MUTED),
        },
    )


def expected(setting: Setting) -> str:
    """What a setting may be, in words."""
    what = " or ".join(setting.choices) if setting.choices else f"a {setting.kind}"
    return f"{what}{f', or {NONE}' if setting.optional else ''} · default {setting.default}"


def taken_up(version: int, crew: Crew) -> str:
    """How many of the living workers go by the latest change of the settings."""
    alive = {view.id for view in crew.views if view.state is not WorkerState.LOST}
    took = sum(worker.settings_version >= version for worker in crew.known.workers if worker.id in alive)
    if not alive:
        return "no pool runs: the next one goes by these settings"
    if took < len(alive):
        return f"the latest change is taken up by {took} of {len(alive)} workers"
    if len(alive) == 1:
        return "the only worker has taken up the latest change"
    return f"all {len(alive)} workers have taken up the latest change"
