"""The command line: an action's name, or a job's id, typed at the foot of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.suggester import Suggester
from textual.widgets import Input

from queuectl_core.model.errors import NoSuchJob, QueueError
from queuectl_core.store.transactions.jobs import find, ids_starting_with
from queuectl_tui.actions import Action
from queuectl_tui.background import latest_in_background
from queuectl_tui.bindings import perform
from queuectl_tui.filtering.going import show_job
from queuectl_tui.palette.entries import available
from queuectl_tui.palette.words import Do, Show, Wear, Wish, meaning, unknown, words_for
from queuectl_tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from queuectl_tui.app import QueueConsole


class _WordSuggester(Suggester):
    """Completes names of actions first, then ids of jobs."""

    def __init__(self, console: QueueConsole, actions: Sequence[Action]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._console, self._actions = console, actions

    async def get_suggestion(self, value: str) -> str | None:
        """The first that begins so."""
        word = value.strip()
        if not word:
            return None
        words = words_for(value, self._actions)
        if words:
            return value[: len(value) - len(value.lstrip())] + words[0]
        try:
            ids = await self._console.session.read(ids_starting_with(word, 2))
        except QueueError:
            return None
        return next((value[: -len(word)] + job_id for job_id in ids if job_id != word and job_id.isprintable()), None)


class CommandPrompt(Prompt):
    """The prompt: what is typed is checked when it is entered, for half a word is no mistake."""

    def __init__(self, console: QueueConsole, actions: Sequence[Action]) -> None:
        super().__init__(":", suggester=_WordSuggester(console, actions))
        self._actions = actions
        self.wish: Wish | None = None

    def on_input_changed(self, event: Input.Changed) -> None:
        """What was wrong is being mended."""
        event.prevent_default()
        self._say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave with a wish that can be granted."""
        event.prevent_default()
        if not event.value.strip():
            self.leave_with(None)
            return
        try:
            wish = meaning(event.value, self._actions)
        except QueueError as error:
            self._say(str(error))
            return
        if isinstance(wish, Show):
            latest_in_background(self, "look-up", self._look_up, wish, event.value)
        else:
            self._grant(wish, event.value)

    def _grant(self, wish: Wish, text: str) -> None:
        self.wish = wish
        self.leave_with(text)

    async def _look_up(self, wish: Show, text: str) -> None:
        console = cast("QueueConsole", self.app)
        try:
            await console.session.read(find([wish.job_id]))
        except NoSuchJob as error:
            self._say(str(error if wish.sure else unknown(wish.job_id)))
        except QueueError as error:
            self._say(str(error))
        else:
            self._grant(wish, text)


def ask_for_command(console: QueueConsole, node: DOMNode) -> None:
    """Ask for a command on behalf of `node`, the part of the pane that has the keys, and carry it out.

    The prompt is there at once: what is typed ahead must not reach the list, as keys.
    """
    prompt = CommandPrompt(console, available(console.pane, node))
    console.push_screen(prompt, lambda _text: _carry_out(console, node, prompt.wish))


def _carry_out(console: QueueConsole, node: DOMNode, wish: Wish | None) -> None:
    match wish:
        case Do(name):
            console.do(node, name)
        case Wear(theme):
            console.choose_theme(theme)
        case Show(job_id):
            console.run_worker(console.telling(_show(console, job_id)), group="actions")
        case None:
            return


async def _show(console: QueueConsole, job_id: str) -> None:
    await show_job(console, job_id)
    perform(console.pane, console, "detail")
