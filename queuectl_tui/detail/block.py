"""Lines of content as one widget, made for the width there is and drawn again only when they differ."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.visual import VisualType
from textual.widget import Widget


class Block(Widget):
    """As high as its lines are many. A subclass says in `lines` what they are; none is read as markup."""

    DEFAULT_CSS = """
    Block { width: 1fr; height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._drawn: list[Content] = []

    def lines(self, width: int) -> list[Content]:
        """The lines for a width in cells."""
        raise NotImplementedError

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """One row a line."""
        return len(self.lines(width))

    def render(self) -> VisualType:
        """The lines."""
        self._drawn = self.lines(self.size.width)
        return Content("\n").join(self._drawn)

    def look_again(self) -> None:
        """Draw the lines again if they have changed."""
        lines = self.lines(self.size.width)
        if len(lines) != len(self._drawn):
            self.refresh(layout=True)
        elif not all(one.is_same(other) for one, other in zip(lines, self._drawn, strict=True)):
            self.refresh()
