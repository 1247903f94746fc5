"""The README's table of settings, made from the registry. Run it to bring the README up to date."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.model.settings import SETTINGS, Setting

README = Path(__file__).resolve().parents[2] / "README.md"
START = "<!-- settings: made by tests/architecture/readme_tables.py -->\n"
END = "<!-- end of settings -->\n"


def settings_table() -> str:
    """The table, a row a setting, in the order of the registry."""
    rows = [f"| `{s.key}` | {s.default} | {kind_of(s)} | {s.help} |" for s in SETTINGS.values()]
    return "\n".join(["| setting | default | kind | what it does |", "|---|---|---|---|", *rows]) + "\n"


def kind_of(setting: Setting) -> str:
    """What a setting takes, in words."""
    kind = " or ".join(f"`{choice}`" for choice in setting.choices) or str(setting.kind)
    return f"{kind}, or `none`" if setting.optional else kind


def with_table(text: str) -> str:
    """The README's text with the table as it should be. Raises ValueError where its marks are missing."""
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError("README.md has lost the marks around its table of settings")
    return before + START + settings_table() + END + after


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
