"""Names of queues as somebody types one: completed from those that the store knows."""

from __future__ import annotations

from textual.suggester import Suggester

from queuectl_core.model.errors import QueueError
from queuectl_core.store.transactions.queues import queues
from queuectl_tui.session import Session


class QueueNames(Suggester):
    """Suggests the first queue, by name, that begins as what was typed; none while the store cannot be read."""

    def __init__(self, session: Session) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._session = session
        self._known: list[str] | None = None

    async def get_suggestion(self, value: str) -> str | None:
        """The name, or None."""
        if self._known is None:
            try:
                self._known = [queue.name for queue in await self._session.read(queues())]
            except QueueError:
                return None
        return next((name for name in self._known if name.startswith(value)), None)
