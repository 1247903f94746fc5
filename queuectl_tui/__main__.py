"""The `queuectl-tui` command: its options, its one-line errors and its exit statuses."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from queuectl_core.cli.hiding import hide_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queuectl_core.store.home import Home

PROGRAM = "queuectl-tui"

_PICTURES_A_SECOND = "120"
"""How often Textual draws at most; a key should not wait for the next of only 60 times a second."""

_SETTLED = 1.0
"""Seconds after which the start is over."""

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that end the console as `q` does, with the exit status of a process that they ended."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the command line does."""

    def error(self, message: str) -> NoReturn:
        """Exit with the status of a wrong usage."""
        from queuectl_core.model.cleaning import clean, without_passwords

        sys.stderr.write(f"{PROGRAM}: {clean(without_passwords(message))}: see '{PROGRAM} --help'\n")
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM, description="The console of a queue of shell commands.", add_help=False, allow_abbrev=False
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this help")
    parser.add_argument("--home", metavar="DIR", help="the directory of the queue (else QUEUECTL_HOME)")
    parser.add_argument("--store", metavar="URL", help="a postgresql:// store (else QUEUECTL_STORE)")
    parser.add_argument("--read-only", action="store_true", help="look, and change nothing")
    parser.add_argument("--demo", action="store_true", help="open a private queue filled with living example work")
    parser.add_argument("--version", action="store_true", help="show the version")
    return parser


def main() -> int:
    """Run the console, and return the exit status."""
    # While modules load there is no garbage; looking for it all the same takes an eighth of the start.
    gc.disable()
    hide_password()
    options = _parser().parse_args()
    if options.help:
        return _print(_parser().format_help())
    if options.version:
        from importlib.metadata import version

        return _print(f"{PROGRAM} {version('queuectl-tui')}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(f"{PROGRAM}: the console needs a terminal: use 'queuectl' in scripts\n")
        return 1
    if not sys.stderr.isatty():
        sys.stderr.write(f"{PROGRAM}: the console is drawn on stderr, which is no terminal: do not redirect it\n")
        return 1
    return _guarded(options)


def _print(text: str) -> int:
    """Print it, and return the exit status."""
    from queuectl_core.cli import output
    from queuectl_core.model.errors import QueueError

    try:
        output.lines(text)
        output.flush()
    except BrokenPipeError:
        output.abandon()  # the reader has what it wanted
    except QueueError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return 1
    return 0


def _guarded(options: argparse.Namespace) -> int:
    from queuectl_core.model.errors import QueueError

    try:
        with contextlib.ExitStack() as stack:
            return _run(_home(options, stack), read_only=options.read_only, demo=options.demo)
    except QueueError as error:
        from queuectl_core.cli.exit_codes import status_of
        from queuectl_core.model.cleaning import clean, without_passwords

        sys.stderr.write(f"{PROGRAM}: {clean(without_passwords(str(error)))}\n")
        return status_of(error)
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        from queuectl_core.cli.main import NO_DRIVER

        sys.stderr.write(f"{PROGRAM}: {NO_DRIVER}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _home(options: argparse.Namespace, stack: contextlib.ExitStack) -> Home:
    from queuectl_core.store.home import find_home

    if options.demo:
        from queuectl_tui.demo.living import living_demo

        return stack.enter_context(living_demo())
    return find_home(options.home, options.store)


def _run(home: Home, *, read_only: bool, demo: bool) -> int:
    import asyncio

    with _in_environment("TEXTUAL_FPS", _PICTURES_A_SECOND):  # read when Textual is imported; pools do not inherit it
        from queuectl_tui.app import QueueConsole
    from queuectl_tui.enduring import EnduringDriver
    from queuectl_tui.remembered import Memory, choices_file
    from queuectl_tui.session import Session

    async def run() -> int:
        session = Session(home, read_only=read_only)
        await session.open()
        try:
            app = QueueConsole(session, memory=Memory(choices_file()), demo=demo)
            app.driver_class = EnduringDriver
            await app.read_ahead(shutil.get_terminal_size().lines)
            loop = asyncio.get_running_loop()
            for number in _ENDING:
                loop.add_signal_handler(number, app.exit, 128 + number)
            loop.call_later(_SETTLED, _collect_garbage_again)
            status = await app.run_async()
        finally:
            await session.close()
        return status or app.return_code or 0

    return asyncio.run(run())


@contextlib.contextmanager
def _in_environment(name: str, value: str) -> Iterator[None]:
    """A variable that is set for a while, unless it is set already."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _collect_garbage_again() -> None:
    """What the start has made stays to the end: it need not be looked through each time, while a key waits."""
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    sys.exit(main())
