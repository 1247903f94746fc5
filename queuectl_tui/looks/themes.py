"""The themes: dark, light, high contrast, and one whose states differ for colour-blind eyes.

Each gives every state a colour of its own, as the variable `$state-NAME`. The colours of the last are those of
Okabe and Ito, "Color Universal Design" (2008), which people with any colour vision can tell apart.
"""

from __future__ import annotations

from textual.theme import Theme

DEFAULT = "queuectl-dark"


def _variables(
    muted: str, pending: str, processing: str, completed: str, failed: str, dead: str, cancelled: str
) -> dict[str, str]:
    return {
        # Textual's own is `auto 60%`, which is full white where text is not coloured by a rule of its widget.
        "text-muted": muted,
        "state-pending": pending,
        "state-processing": processing,
        "state-completed": completed,
        "state-failed": failed,
        "state-dead": dead,
        "state-cancelled": cancelled,
    }


THEMES: tuple[Theme, ...] = (
    Theme(
        name="queuectl-dark",
        primary="#5fafd7",
        accent="#5fafd7",
        secondary="#87a7b8",
        warning="#d7af5f",
        error="#ff6b6b",
        success="#87c38a",
        foreground="#d8dee4",
        background="#14181c",
        surface="#14181c",
        panel="#1e252b",
        dark=True,
        variables=_variables("#8a8f94", "#8fa3b0", "#5fafd7", "#87c38a", "#d7af5f", "#ff6b6b", "#6c7a85"),
    ),
    Theme(
        name="queuectl-light",
        primary="#0b6aa2",
        accent="#0b6aa2",
        secondary="#48606f",
        warning="#8a5a00",
        error="#b3261e",
        success="#1f7a34",
        foreground="#1c2227",
        background="#fafbfc",
        surface="#fafbfc",
        panel="#e9eef2",
        dark=False,
        variables=_variables("#6a6f73", "#4d6473", "#0b6aa2", "#1f7a34", "#8a5a00", "#b3261e", "#6c7a85"),
    ),
    Theme(
        name="queuectl-high-contrast",
        primary="#00ffff",
        accent="#ffff00",
        secondary="#ffffff",
        warning="#ffff00",
        error="#ff5555",
        success="#00ff66",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#222222",
        dark=True,
        variables=_variables("#cccccc", "#ffffff", "#00ffff", "#00ff66", "#ffff00", "#ff5555", "#bbbbbb"),
    ),
    Theme(
        name="queuectl-colour-blind",
        primary="#56b4e9",
        accent="#56b4e9",
        secondary="#9fb3bf",
        warning="#f0e442",
        error="#e69f00",
        success="#009e73",
        foreground="#e4e8eb",
        background="#15181b",
        surface="#15181b",
        panel="#20262b",
        dark=True,
        variables=_variables("#919598", "#b0bec5", "#56b4e9", "#009e73", "#f0e442", "#e69f00", "#78858e"),
    ),
)

NAMES = tuple(theme.name for theme in THEMES)


def after(name: str) -> str:
    """The theme that follows, the first after the last."""
    return NAMES[(NAMES.index(name) + 1) % len(NAMES)] if name in NAMES else NAMES[0]
