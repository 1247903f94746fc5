"""What is asked when the console is left while pools that it started still run."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from queuectl_core.store.transactions.workers import Orders
from queuectl_tui.pools.reading import living, workers_among
from queuectl_tui.pools.stopping import ask_of

if TYPE_CHECKING:
    from queuectl_tui.app import QueueConsole


class Leave(StrEnum):
    """What becomes of a pool, and of us."""

    RUNNING = "running"
    DRAINED = "drained"
    NOT = "not"


class Leaving(ModalScreen[Leave]):
    """Asks what becomes of a pool when its console goes."""

    DEFAULT_CSS = """
    Leaving { align: left bottom; background: transparent; }
    Leaving Static { width: 1fr; height: auto; max-height: 50%; padding: 0 1; background: $panel; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('running')", "Leave it running", show=False),
        Binding("n", "answer('drained')", "Drain it", show=False),
        Binding("escape,enter,q,ctrl+c", "answer('not')", "Stay", show=False),
    ]

    def __init__(self, pool: str, workers: int) -> None:
        super().__init__()
        crew = f"{workers:,} worker{'' if workers == 1 else 's'}"
        self.text = f"Pool {pool} runs on with {crew}. Leave it running?"

    def compose(self) -> ComposeResult:
        """The question, and the keys that answer it."""
        yield Static(Content.assemble(self.text, " ", ("[y] yes  [n] drain it  [esc] stay", "$accent")), markup=False)

    def action_answer(self, answer: str) -> None:
        """Leave with the answer."""
        self.dismiss(Leave(answer))


async def may_leave(console: QueueConsole) -> bool:
    """Ask about each pool that the console started and that still lives; False where the person would rather stay.

    Nothing is drained unless the console is left. Raises what keeps a pool from being asked to drain.
    """
    alive = await living(console.session.home)
    drained = []
    for pool in sorted(console.pools_started & alive):
        match await console.push_screen_wait(Leaving(pool, workers_among(alive, pool))):
            case Leave.NOT:
                return False
            case Leave.DRAINED:
                drained.append(pool)
    for pool in sorted(await living(console.session.home) & set(drained)):
        await ask_of(console.session, pool, Orders.DRAIN)
    return True
