"""What a command line means. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from queuectl_core.model.cleaning import shown
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.validation import nearest
from queuectl_tui.actions import ACTIONS, Action
from queuectl_tui.palette.entries import THEMES, names_of

SHORT = {"q": "quit", "h": "help"}
"""What people type without thinking."""

_ALL = names_of(ACTIONS)


class Do(NamedTuple):
    """Do an action."""

    name: str


class Wear(NamedTuple):
    """Choose a theme."""

    theme: str


class Show(NamedTuple):
    """Show the job with this id; `sure` says that nothing else can be meant."""

    job_id: str
    sure: bool = False


Wish = Do | Wear | Show


def meaning(text: str, available: Iterable[Action]) -> Wish:
    """What is asked for; what is no action is a job's id. Raises InvalidInput.

    `id:NAME` is always a job, whatever it is called.
    """
    word, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if word.startswith("id:"):
        return Show(text.strip().removeprefix("id:").strip(), sure=True)
    name = SHORT.get(word, word)
    if name == "theme" and rest:
        return _theme(rest)
    if name not in _ALL:
        return Show(text.strip())
    if rest:
        raise InvalidInput(f"{name} takes nothing behind it", f"not {shown(rest)}")
    action = names_of(available).get(name)
    if action is None:
        places = ", ".join(place.value for place in _ALL[name].places)
        raise InvalidInput(f"{name} does not apply here", f"it is for: {places}")
    return Do(action.name)


def _theme(name: str) -> Wear:
    if name not in THEMES:
        hint = nearest(name, THEMES) or f"themes: {', '.join(THEMES)}"
        raise InvalidInput(f"there is no theme {shown(name)}", hint)
    return Wear(THEMES[name])


def unknown(word: str) -> InvalidInput:
    """What to say where a word is neither an action nor a job."""
    return InvalidInput(f"there is no action and no job {shown(word)}", nearest(word, _ALL) or "")


def words_for(text: str, available: Iterable[Action]) -> list[str]:
    """What `text` may become: names of actions that apply, and of themes behind `theme`."""
    names = [name for name in names_of(available) if "_" not in name]
    lines = [*names, *(f"theme {short}" for short in THEMES)]
    return [line for line in lines if line.startswith(text.lstrip()) and line != text.strip()]
