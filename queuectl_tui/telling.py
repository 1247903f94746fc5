"""What the console tells and asks: messages that come and go, and make room for what is asked."""

from __future__ import annotations

from collections.abc import Awaitable

from textual.app import App
from textual.notifications import Notify
from textual.screen import Screen
from textual.widgets._toast import ToastRack

from queuectl_core.model.errors import QueueError
from queuectl_tui.widgets.prompt import Check, Prompt
from queuectl_tui.widgets.question import Question


class Telling(App[int]):
    """An app that tells and asks."""

    def on_mount(self) -> None:
        """Look out for what is asked."""
        self.screen_change_signal.subscribe(self, self._make_room, immediate=True)

    def _make_room(self, opened: Screen[object]) -> None:
        """Messages lie where questions are asked: take them away. Back on the first screen they may stay."""
        if opened is self.screen_stack[0]:
            return
        self.clear_notifications()
        for screen in self.screen_stack:  # that below shines through
            for rack in screen.query(ToastRack):
                rack.show(self._notifications)

    def on_notify(self, event: Notify) -> None:
        """What is told again is in sight once: the earlier message goes."""
        for told in list(self._notifications):
            if told.message == event.notification.message:
                self._unnotify(told, refresh=False)

    def tell(self, text: str, *, error: bool = False) -> None:
        """Tell the person at the console something that happened."""
        self.notify(text, severity="error" if error else "information", timeout=8 if error else 4, markup=False)

    async def ask(self, question: str) -> bool:
        """Ask; only `y` means yes. To be awaited where actions are done."""
        return await self.push_screen_wait(Question(question))

    async def prompt(self, label: str, text: str = "", *, check: Check | None = None) -> str | None:
        """Ask for a text, checked as it is typed; None where it was left. To be awaited where actions are done."""
        return await self.push_screen_wait(Prompt(label, text, check=check))

    async def telling(self, doing: Awaitable[object]) -> None:
        """Do something, and tell what went wrong, if anything did."""
        try:
            await doing
        except QueueError as error:
            self.tell(str(error), error=True)
