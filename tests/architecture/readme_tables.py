"""The README's tables of settings and keys, made from the registries. Run it to bring the README up to date."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.model.settings import SETTINGS, Setting
from queuectl_tui.actions import ACTIONS, PANE_ACTIONS, PANES, Action, Place, key_sign

README = Path(__file__).resolve().parents[2] / "README.md"
MADE = "made by tests/architecture/readme_tables.py"


def settings_table() -> str:
    """The table, a row a setting, in the order of the registry."""
    rows = [f"| `{s.key}` | {s.default} | {kind_of(s)} | {s.help} |" for s in SETTINGS.values()]
    return "\n".join(["| setting | default | kind | what it does |", "|---|---|---|---|", *rows]) + "\n"


def kind_of(setting: Setting) -> str:
    """What a setting takes, in words."""
    kind = " or ".join(f"`{choice}`" for choice in setting.choices) or str(setting.kind)
    return f"{kind}, or `none`" if setting.optional else kind


def keys_table() -> str:
    """The table of the console's keys, a row an action: by the place where it applies first."""
    order = (*PANES, Place.DETAIL, Place.EVERYWHERE)
    by_place = sorted(ACTIONS, key=lambda action: (action.motion, min(map(order.index, action.places))))
    rows = [f"| {_keys(action)} | {_where(action)} | {_what(action)} |" for action in by_place]
    return "\n".join(["| keys | where | what it does |", "|---|---|---|", *rows]) + "\n"


def _keys(action: Action) -> str:
    return " ".join(f"`{key_sign(key)}`" for key in action.keys)


def _where(action: Action) -> str:
    return ", ".join("everywhere" if place is Place.EVERYWHERE else place.value for place in action.places)


def _what(action: Action) -> str:
    pane = f"{action.label}: " if action.name in PANE_ACTIONS else ""
    return f"{pane}{action.help}{'; it asks first' if action.asks else ''}"


TABLES = {"settings": settings_table, "keys": keys_table}


def with_table(text: str) -> str:
    """The README's text with the tables as they should be. Raises ValueError where the marks of one are missing."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name}: {MADE} -->\n", f"<!-- end of {name} -->\n"
        before, begun, rest = text.partition(start)
        _, ended, after = rest.partition(end)
        if not begun or not ended:
            raise ValueError(f"README.md has lost the marks around its table of {name}")
        text = before + start + table() + end + after
    return text


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
