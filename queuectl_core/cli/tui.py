"""`queuectl tui`: becomes the console, which is a program of its own that this one never imports."""

from __future__ import annotations

import os
import shutil
import sys

import click

from queuectl_core.cli import context, output
from queuectl_core.model.errors import Refused

CONSOLE = "queuectl-tui"


@click.command(
    "tui",
    short_help="Open the console.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def tui(options: tuple[str, ...]) -> None:
    """Open the console; further options are its own, see 'queuectl-tui --help'."""
    asked = context.invocation()
    if asked.home is not None:
        os.environ["QUEUECTL_HOME"] = asked.home
    if asked.url is not None:
        os.environ["QUEUECTL_STORE"] = asked.url
    program = find_console()
    output.flush()
    try:
        os.execv(program, [CONSOLE, *options])
    except OSError as error:
        raise Refused(f"{program} cannot be started: {error.strerror}", f"install {CONSOLE} anew") from error


def find_console() -> str:
    """The console's script: beside this Python, where both were installed together, else on the PATH."""
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), CONSOLE)
    found = beside if os.access(beside, os.X_OK) else shutil.which(CONSOLE)
    if found is None:
        raise Refused(f"the console ({CONSOLE}) is not installed", f"install {CONSOLE}")
    return found
