"""The command `queuectl`: the options before a command, the table of commands, and how any of it ends.

A command's module is imported when that command is asked for, so that each pays for itself alone. All
errors end here, as one line and a status; what the commands do is in their modules.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click

from queuectl_core.cli import output
from queuectl_core.cli.context import Invocation
from queuectl_core.cli.exit_codes import DONE, status_of
from queuectl_core.model.cleaning import shown
from queuectl_core.model.errors import InvalidInput, QueueError
from queuectl_core.model.validation import check_path, nearest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETING = "_QUEUECTL_COMPLETE"
"""The variable by which a shell's completion asks."""

NO_DRIVER = "a postgresql:// store needs psycopg: install it with pip install 'psycopg[binary]>=3.2,<4'"


class Entry(NamedTuple):
    """A command: the module of this package and the function in it, and its line of help."""

    module: str
    function: str
    help: str


COMMANDS: dict[str, Entry] = {
    "init": Entry("init", "init", "Make the store, and say where it is."),
    "enqueue": Entry("enqueue", "enqueue", "Add a job, or many at once."),
    "list": Entry("listing", "list_jobs", "List jobs, the newest first."),
    "show": Entry("listing", "show", "Show one job and the history of its runs."),
    "logs": Entry("logs", "logs", "Print what a job wrote."),
    "wait": Entry("wait", "wait", "Wait until jobs have ended."),
    "cancel": Entry("changes", "cancel", "Cancel jobs that wait or run."),
    "retry": Entry("changes", "retry", "Send ended jobs back to their queues."),
    "delete": Entry("changes", "delete", "Remove ended jobs, their history and their logs."),
    "edit": Entry("edit", "edit", "Change a job that waits or is dead."),
    "purge": Entry("purge", "purge", "Forget ended jobs and their logs."),
    "status": Entry("status", "status", "Show counts, workers, throughput and durations."),
    "queue": Entry("queue", "queue", "List, pause and resume queues."),
    "worker": Entry("worker", "worker", "Start, stop, scale and list workers."),
    "dlq": Entry("dlq", "dlq", "Look into the dead letter queue, and send jobs back from it."),
    "config": Entry("config", "config", "List, get and set the settings."),
    "export": Entry("moving", "export", "Write the whole queue to a file."),
    "import": Entry("moving", "import_queue", "Bring an exported queue into an empty store."),
    "doctor": Entry("doctor", "doctor", "Check the store and its surroundings."),
    "completion": Entry("completion", "completion", "Print the completion script of a shell."),
    "tui": Entry("tui", "tui", "Open the console."),
}
"""Every command, in the order of the help."""


class Parsing(click.Context):
    """The context of any command, for what Click leaves to wish for while it reads the words of one."""

    @contextmanager
    def scope(self, cleanup: bool = True) -> Iterator[click.Context]:
        """As that of Click, which prints help in it. An error tells of which command it is."""
        try:
            with output.writing(), super().scope(cleanup) as context:
                yield context
        except click.UsageError as error:
            error.ctx = error.ctx or self  # which is missing where an option lacks its argument
            raise


class Commands(click.Group):
    """The group of all commands, none of them loaded before it is asked for."""

    context_class = Parsing

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Load one command; None where there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"queuectl_core.cli.{entry.module}"), entry.function)
        assert isinstance(command, click.Command)
        _take_global_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As a group does, with our sentence for a command that there is not."""
        name = args[0]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            hint = nearest(name, COMMANDS) or "see 'queuectl --help'"
            raise InvalidInput(f"no command {shown(name)}", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """The lines of help, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, and the options."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.help) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _keep_home(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.find_root().obj.home = check_path(value, "--home")


def _keep_url(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.find_root().obj.url = check_path(value, "--store")


def _keep_color(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        output.set_color(value)


def _global_options(*, hidden: bool) -> list[click.Parameter]:
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            type=click.Path(),
            hidden=hidden,
            expose_value=False,
            callback=_keep_home,
            help="The directory of the queue (else QUEUECTL_HOME, else the user's data directory).",
        ),
        click.Option(
            ["--store"],
            metavar="URL",
            hidden=hidden,
            expose_value=False,
            callback=_keep_url,
            help="A postgresql:// store (else QUEUECTL_STORE).",
        ),
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            hidden=hidden,
            expose_value=False,
            callback=_keep_color,
            help="When to use colour (auto: at a terminal, unless NO_COLOR is set).",
        ),
    ]


_AFTER_THE_COMMAND = _global_options(hidden=True)


def _take_global_options(command: click.Command) -> None:
    """Let a command, and the commands inside it, take the options of all after its name too."""
    if _AFTER_THE_COMMAND[0] in command.params:
        return
    command.context_class = Parsing
    command.params.extend(_AFTER_THE_COMMAND)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _take_global_options(inner)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    output.data(f"{output.PROGRAM} {version('queuectl-tui')}")
    ctx.exit()


def _help_alone() -> None:
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        output.lines(ctx.get_help())


group = Commands(
    name=output.PROGRAM,
    help="A durable queue of shell commands.",
    epilog="Each command tells more: queuectl COMMAND --help",
    callback=_help_alone,
    invoke_without_command=True,
    params=[
        *_global_options(hidden=False),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version.",
        ),
    ],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: name.replace("_", "-"),
    },
)


def main() -> NoReturn:
    """Run the command line that this process was given, and exit with its status."""
    if any(word.startswith("--store") for word in sys.argv):
        from queuectl_core.cli.hiding import hide_password

        hide_password()
    output.prepare()
    raise SystemExit(output.finish(run(sys.argv[1:])))


def script() -> NoReturn:
    """What is installed as `queuectl`: as `main`, but the process ends at once.

    An interpreter that takes itself apart first takes 5 ms longer, an eighth of a short command.
    """
    try:
        main()
    except SystemExit as end:
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else DONE)


def run(arguments: list[str]) -> int:
    """Run a command line without the program's name; returns its exit status, all errors told."""
    try:
        return _invoke(arguments)
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        output.abandon()  # the reader has what it wanted
        return DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nothing may end in a traceback
        if os.environ.get("QUEUECTL_DEBUG") == "1":
            output.traceback_of(error)
        output.error(_sentence(error))
        return status_of(error)


def _invoke(arguments: list[str]) -> int:
    output.set_color("auto")
    if instruction := os.environ.get(COMPLETING):
        from queuectl_core.cli.completion import answer

        return answer(group, output.PROGRAM, COMPLETING, instruction)
    with group.make_context(output.PROGRAM, list(arguments), obj=Invocation()) as ctx:
        try:
            status = group.invoke(ctx)
        except click.exceptions.NoArgsIsHelpError as wanted:
            output.lines(wanted.ctx.get_help())
            return DONE
    return status if isinstance(status, int) else DONE


def _sentence(error: BaseException) -> str:
    """What a person reads of an error."""
    match error:
        case QueueError():
            return str(error)
        case click.UsageError():
            return _usage_sentence(error)
        case click.ClickException():
            return error.format_message()
        case KeyboardInterrupt() | click.Abort():
            return "interrupted"
        case ModuleNotFoundError(name="psycopg"):
            return NO_DRIVER
        case OSError() if error.strerror:
            return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        case _:
            return f"internal error: {type(error).__name__}: {error}"


def _usage_sentence(error: click.UsageError) -> str:
    """Click's words, brought into the form of ours."""
    near: list[str] | None = getattr(error, "possibilities", None)
    said = " ".join((error.message if near else error.format_message()).split()).rstrip(".")
    said = said[:1].lower() + said[1:]
    if near:
        return f"{said}: did you mean {' or '.join(map(repr, near))}?"
    return f"{said}: see '{error.ctx.command_path if error.ctx else output.PROGRAM} --help'"
