"""The editor of whoever sits at the terminal: it gets the screen and a private file, and gives back the text."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, NamedTuple

from textual.app import App, SuspendNotSupported

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import Refused

FALLBACKS = ("vi", "nano")
"""What is looked for where neither variable is set."""

_FROM_THE_KEYBOARD = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What goes to every process at the terminal, and is the editor's to act on."""

_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What ends the console, and its editor before."""


class Edited(NamedTuple):
    """The text as the editor left it, and what was wrong with the editor itself, if anything."""

    text: str
    wrong: str = ""


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The words of $VISUAL or $EDITOR, else a common editor that is there. Raises Refused where there is none."""
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environment.get(name, ""))
        except ValueError:
            raise Refused(f"${name} cannot be read", "it has a quotation mark that is not closed") from None
        if words:
            return words
    for program in FALLBACKS:
        if shutil.which(program, path=environment.get("PATH")):
            return [program]
    raise Refused("no editor is set", "name one in $VISUAL or $EDITOR")


def edit_text(app: App[Any], text: str) -> Edited:  # Any: whatever the app returns
    """Let a person edit the text while the console is away from the screen; nothing else goes on meanwhile.

    The text lies in a directory that nobody else can enter, so that what the editor keeps beside it is as private,
    and goes with it. Raises Refused where there is no editor, or no terminal to give to it, or where the console is
    told to end meanwhile; what was typed is kept then.
    """
    words = editor_command(os.environ)
    with TemporaryDirectory(prefix="queuectl-") as folder:
        file = Path(folder, "job.json")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writing:
            writing.write(text.encode(errors="surrogateescape"))
        lent = _Lent()
        wrong = _run(app, lent, [*words, str(file)])
        if lent.told_to_end:
            typed = _text_in(file) != text or len(os.listdir(folder)) > 1
            app.exit(128 + lent.told_to_end, message=f"what you wrote is kept in {_kept(folder)}" if typed else None)
            raise Refused("the console was told to end")
        return Edited(_text_in(file), wrong)


def _kept(folder: str) -> str:
    """A copy of the folder that stays: of the text, and of what the editor saved beside it as it ended."""
    return shutil.copytree(folder, mkdtemp(prefix="queuectl-kept-"), dirs_exist_ok=True)


def _text_in(file: Path) -> str:
    """What is not UTF-8 is kept too, for the reader of the text to refuse and the person to mend."""
    try:
        return file.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return ""  # as good as emptied


def _run(app: App[Any], lent: _Lent, command: list[str]) -> str:
    try:
        with app.suspend():
            status = lent.run(command)
    except SuspendNotSupported:
        raise Refused("the editor needs a terminal of its own", "edit the job in the form instead, with e") from None
    except OSError as error:
        raise Refused(f"cannot run {clean(command[0])}: {error.strerror}", "see $VISUAL and $EDITOR") from None
    if status < 0:
        return f"the editor was ended by {signal.Signals(-status).name}"
    return f"the editor ended with status {status}" if status else ""


class _Lent:
    """A terminal that is an editor's for a while."""

    def __init__(self) -> None:
        self.told_to_end = 0
        """The signal that told the console to end meanwhile; 0 for none."""
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str]) -> int:
        """Run the editor to its end; its status. Raises OSError where it cannot be run.

        The event loop, which would act on each signal once the editor has ended, hears of none. Handlers rather than
        SIG_IGN, which the editor would inherit.
        """
        before = {number: signal.signal(number, _ignore) for number in _FROM_THE_KEYBOARD}
        before |= {number: signal.signal(number, self._end) for number in _ENDING}
        woken = signal.set_wakeup_fd(-1)
        try:
            self._child = subprocess.Popen(command)
            if self.told_to_end:  # Before we knew whom to tell.
                self._end(self.told_to_end, None)
            return _ended(self._child)
        finally:
            signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, _: object) -> None:
        """Have the editor end. At a hang-up editors save what they hold, even those that do not at SIGTERM."""
        self.told_to_end = number
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGHUP)


def _ended(child: subprocess.Popen[bytes]) -> int:
    """Wait until the editor has ended; its status. While it is stopped, so are we: a shell waits for all of its job."""
    changes = os.WUNTRACED | os.WCONTINUED
    _, status = os.waitpid(child.pid, changes)
    while os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
        if os.WIFSTOPPED(status):
            os.kill(0, signal.SIGSTOP)
            found, status = os.waitpid(child.pid, changes | os.WNOHANG)
            if found:
                continue  # told to go on with us, and perhaps stopped again already: that is not to be undone
            os.kill(child.pid, signal.SIGCONT)
        _, status = os.waitpid(child.pid, changes)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode


def _ignore(*_: object) -> None:
    """Do nothing."""
