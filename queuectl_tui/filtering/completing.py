"""Completing a filter as it is typed: what the last word may become. Pure, but for the adapter to Textual's input."""

from __future__ import annotations

from collections.abc import Sequence

from textual.suggester import Suggester

from queuectl_core.model.filters import complete_filter


def last_word(text: str) -> str:
    """The word that a completion of `text` replaces; what is completed holds no blanks."""
    return "" if not text or text[-1].isspace() else text.split()[-1]


def choices(text: str, queues: Sequence[str]) -> list[str]:
    """What the last word of `text` may become, each a whole word; nothing where it is one of them already."""
    word = last_word(text)
    found = complete_filter(text, len(text), queues)
    return [] if found == [word] else found


def completed(text: str, queues: Sequence[str]) -> str | None:
    """`text` with its last word completed by the first choice; None where there is none, or no word yet."""
    word = last_word(text)
    found = choices(text, queues) if word else []
    first = next((choice for choice in found if choice != word), None)
    return None if first is None else text[: len(text) - len(word)] + first


def brief(choice: str) -> str:
    """A choice as it is listed: without its key, and without what stands before the last comma."""
    key, colon, value = choice.partition(":")
    return value.rpartition(",")[2] if value else key + colon


class FilterSuggester(Suggester):
    """Hands `completed` to an input. `queues` may be set once they are known."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.queues: Sequence[str] = ()

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text, completed."""
        return completed(value, self.queues)
