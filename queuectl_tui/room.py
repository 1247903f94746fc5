"""Whether the terminal has room for the console; where it has not, one line says so, and nobody has the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size

if TYPE_CHECKING:
    from textual.widget import Widget

    from queuectl_tui.app import QueueConsole

SMALLEST = (60, 15)
"""Columns and rows below which one line says that there is no room."""

_NO_ROOM = "-too-small"


class Room:
    """Hides the console where there is no room for it, and shows it as it was once there is."""

    def __init__(self, console: QueueConsole) -> None:
        self._console = console
        self._had_the_keys: Widget | None = None

    def fit(self, size: Size) -> str:
        """Show the console, or hide it; what is said where it is hidden."""
        frame = self._console.frame
        small, was_small = size.width < SMALLEST[0] or size.height < SMALLEST[1], frame.has_class(_NO_ROOM)
        frame.set_class(small, _NO_ROOM)
        if small and not was_small:
            # Textual takes the keys from what is hidden, but only later: it might be in sight again by then.
            self._had_the_keys = frame.focused
            frame.set_focus(None)
        elif was_small and not small and frame.focused is None:
            self._give_the_keys_back()
        return f"no room: {size.width}×{size.height}, the console needs {SMALLEST[0]}×{SMALLEST[1]}"

    def _give_the_keys_back(self) -> None:
        """To the part that had them, unless another pane was asked for meanwhile."""
        part, pane = self._had_the_keys, self._console.pane
        if part is not None and pane in part.ancestors:
            self._console.frame.set_focus(part)
        else:
            pane.focus_first()
