"""A line to type into that takes its keys in the order in which they come."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class TypedInput(Input):
    """An Input whose own keys, such as ctrl+u and Enter, act at once.

    An Input lets the keys it binds go up to the app, from where they come back as actions. Letters that were typed
    or pasted right behind them are taken before that: `ctrl+u 5` would leave nothing, `5 Enter j` submit `5j`.
    """

    async def _on_key(self, event: events.Key) -> None:
        bound = self._bindings.key_to_bindings.get(event.key)
        if bound is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(bound[0].action)
