"""The editor of whoever sits at the terminal: it gets the screen and a private file, and gives back the text."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from textual.app import App, SuspendNotSupported

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import Refused

FALLBACKS = ("vi", "nano")
"""What is looked for where neither variable is set."""


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
    and goes with it. Raises Refused where there is no editor, or no terminal to give to it.
    """
    words = editor_command(os.environ)
    with TemporaryDirectory(prefix="queuectl-") as folder:
        file = Path(folder, "job.json")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writing:
            writing.write(text.encode(errors="surrogateescape"))
        wrong = _run(app, [*words, str(file)])
        return Edited(_text_in(file), wrong)


def _text_in(file: Path) -> str:
    """What is not UTF-8 is kept too, for the reader of the text to refuse and the person to mend."""
    try:
        return file.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return ""  # as good as emptied


def _run(app: App[Any], command: list[str]) -> str:
    try:
        with app.suspend(), _interrupts_left_to_the_child():
            status = subprocess.run(command, check=False).returncode
    except SuspendNotSupported:
        raise Refused("the editor needs a terminal of its own", "edit the job in the form instead, with e") from None
    except OSError as error:
        raise Refused(f"cannot run {clean(command[0])}: {error.strerror}", "see $VISUAL and $EDITOR") from None
    if status < 0:
        return f"the editor was ended by {signal.Signals(-status).name}"
    return f"the editor ended with status {status}" if status else ""


@contextmanager
def _interrupts_left_to_the_child() -> Iterator[None]:
    """A ctrl+c in the editor goes to every process at the terminal, and is not meant for the console.

    Handlers rather than SIG_IGN, which the editor would inherit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(*_: object) -> None:
    """Do nothing."""
