"""Telling a widget for certain that it has come onto the screen, and how large it is there."""

from __future__ import annotations

from textual import events
from textual.widget import Widget


def tell_of_arrival(*widgets: Widget) -> None:
    """Have widgets that are being mounted sent `Resize` and `Show` once they have their places; they may come twice.

    Textual sends them to widgets that are new to its map of the screen. One whose size is asked for before the first
    layout, by the focus that it is given for instance, gets into the map by that and counts as known.
    """
    for widget in widgets:
        widget.call_after_refresh(_tell, widget)


def _tell(widget: Widget) -> None:
    if widget.is_attached and widget.size:
        widget.post_message(events.Resize(widget.size, widget.virtual_size))
        widget.post_message(events.Show())
