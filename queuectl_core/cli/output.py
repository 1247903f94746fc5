"""The one module that prints: data to stdout, messages to stderr, and whatever a terminal makes of them.

Data is aligned and coloured for a person at a terminal and plain for a pipe. All text is cleaned here
of what could act on a terminal, so that a caller may hand over whatever a job contained. What the
columns hold is the caller's; rich is imported for a terminal alone.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, NamedTuple, TextIO

from queuectl_core.cli.exit_codes import DONE, FAILED
from queuectl_core.model.cleaning import clean, clean_output, without_passwords
from queuectl_core.model.errors import InvalidInput, QueueError

PROGRAM = "queuectl"
ROWS_ALIGNED = 1000
"""How many rows of a table are aligned together."""
GAP, LEAST_CELLS = 2, 8
"""Cells between two columns of a table, and how many a wide one keeps."""
NOTHING = "-"
"""What stands in a table where there is no value."""

_color = "auto"


class Cell(NamedTuple):
    """A value as a pipe gets it, as a person sees it, and in which style (the words are those of rich)."""

    plain: str
    seen: str
    style: str = ""


class Column(NamedTuple):
    """A column of a table. Where a terminal has no room, text is cut in a column that is `wide`, and goes on
    in the next line in one that also `folds`."""

    title: str
    right: bool = False
    wide: bool = False
    folds: bool = False


# ---------------------------------------------------------------- the streams


def prepare() -> None:
    """Make the streams fit to write any text to, whatever the locale; a closed one leads nowhere."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number free, so that no file of ours does
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as above
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish(status: int) -> int:
    """Write what is still to be written; returns the exit status, which that may change."""
    try:
        flush()
    except BrokenPipeError:
        abandon()
        return DONE
    except QueueError as trouble:
        error(str(trouble))
        return status or FAILED
    return status


def abandon() -> None:
    """Let what was not yet written to stdout go nowhere: its reader is gone, or there is no room for it."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def flush() -> None:
    """Let a reader have what was written at once. Raises as `writing`."""
    with writing():
        sys.stdout.flush()


@contextmanager
def writing() -> Iterator[None]:
    """While stdout is written to. Raises BrokenPipeError, or QueueError where it cannot be."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as trouble:
        abandon()  # what is still buffered would fail, and be told, once more at the end
        raise QueueError(f"cannot write the output: {trouble.strerror or trouble}") from trouble


def set_color(when: str) -> None:
    """`always`, in a pipe too; `never`; or `auto`, on a terminal. NO_COLOR forbids colour in any case, not weight."""
    global _color
    _color = when


def at_terminal() -> bool:
    """Whether a person reads stdout, and not a program."""
    return sys.stdout.isatty()


def _styled(stream: TextIO) -> bool:
    """Whether a stream takes escape sequences."""
    if _color == "auto":
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    return _color == "always"


def _colored(stream: TextIO) -> bool:
    return _styled(stream) and not os.environ.get("NO_COLOR")


def stderr_is_colored() -> bool:
    """Whether messages may have colour, for those who write them without this module."""
    return _colored(sys.stderr)


# ---------------------------------------------------------------- data


def data(text: str) -> None:
    """One line of data, cleaned."""
    with writing():
        sys.stdout.write(f"{clean(text)}\n")


def lines(text: str) -> None:
    """Text of several lines, cleaned; ends with a newline."""
    with writing():
        sys.stdout.write(clean_output(text).rstrip("\n") + "\n")


def values(items: Iterable[object]) -> None:
    """Many values that need no cleaning, such as numbers or ids, one a line."""
    with writing():
        sys.stdout.writelines(f"{item}\n" for item in items)


def raw(content: bytes) -> None:
    """Bytes as they are, for a reader that is no terminal."""
    with writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)


def job_output(text: str) -> None:
    """Part of what a job wrote, for a terminal: cleaned, and no newline added."""
    with writing():
        sys.stdout.write(clean_output(text))


def json_document(value: object) -> None:
    """One JSON document. Printable ASCII alone, which no terminal and no locale can misread."""
    with writing():
        sys.stdout.write(_json(value, 2 if at_terminal() else None) + "\n")


def json_array(items: Iterable[object]) -> None:
    """One JSON array of as many items as there come, one a line, none of them kept in memory."""
    with writing():
        before = "[\n"
        for item in items:
            sys.stdout.write(before + _json(item))
            before = ",\n"
        sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def _json(value: object, indent: int | None = None) -> str:
    import json

    return json.dumps(value, indent=indent)


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]]) -> None:
    """Rows: aligned under titles at a terminal; in a pipe fields between tabs, without titles.

    Memory holds `ROWS_ALIGNED` of them at a time, however many there are.
    """
    if at_terminal():
        coming = iter(rows)
        while some := list(islice(coming, ROWS_ALIGNED)):
            _table_at_terminal(columns, some)
        return
    for row in rows:
        with writing():
            sys.stdout.write("\t".join(_plain(cell) for cell in row) + "\n")


def facts(pairs: Iterable[tuple[str, Cell | str]]) -> None:
    """Names with their values, one a line: aligned at a terminal, in a pipe with a tab between them."""
    given = list(pairs)
    width = max((len(name) for name, _ in given), default=0) if at_terminal() else 0
    for name, cell in given:
        value = _painted(_seen(cell), cell) if at_terminal() else _plain(cell)
        with writing():
            sys.stdout.write(f"{name:<{width}}  {value}\n" if at_terminal() else f"{name}\t{value}\n")


def heading(text: str) -> None:
    """A line above what follows, for a person; a pipe gets none."""
    if at_terminal():
        with writing():
            sys.stdout.write(f"\n{_painted(clean(text), Cell('', '', 'bold'))}\n")


def _seen(cell: Cell | str) -> str:
    return clean(cell if isinstance(cell, str) else cell.seen) or NOTHING


def _plain(cell: Cell | str) -> str:
    return _painted(clean(cell if isinstance(cell, str) else cell.plain) or NOTHING, cell)


def _painted(text: str, cell: Cell | str) -> str:
    if isinstance(cell, str) or not cell.style or not _styled(sys.stdout):
        return text
    from rich.style import Style

    style = Style.parse(cell.style)
    if not _colored(sys.stdout):
        style = style.without_color
    return style.render(text)


def _table_at_terminal(columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in columns:
        shown.add_column(
            column.title,
            justify="right" if column.right else "left",
            # Rich makes room in columns that may wrap, and in all alike only where that is not enough.
            no_wrap=not column.wide,
            overflow="fold" if column.folds else "ellipsis",
        )
    for row in rows:
        # As Text, since a plain str would be read as markup; that of a wide column is cut and not wrapped.
        styles = ("" if isinstance(cell, str) else cell.style for cell in row)
        texts = (
            Text(_seen(cell), style, no_wrap=not column.folds)
            for cell, style, column in zip(row, styles, columns, strict=True)
        )
        shown.add_row(*texts)
    console = _console(sys.stdout)
    # Rich would take from all columns alike, until names are gone: where there is no room, lines rather go on below.
    console.width = max(console.width, _least_width(columns, rows))
    with writing():
        console.print(shown)


def _least_width(columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]]) -> int:
    """The cells that a table needs without cutting more than what is `wide`."""
    from rich.cells import cell_len

    total = GAP * (len(columns) - 1)
    for index, column in enumerate(columns):
        texts = (column.title, *(_seen(row[index]) for row in rows))
        longest = max(map(cell_len, texts))
        total += min(longest, LEAST_CELLS) if column.wide else longest
    return total


def _console(stream: TextIO) -> Any:
    from rich.console import Console

    return Console(
        file=stream,
        force_terminal=_styled(stream),
        no_color=not _colored(stream),
        color_system="auto" if _styled(stream) else None,
        emoji=False,
        markup=False,
        highlight=False,
    )


# ---------------------------------------------------------------- messages


def note(text: str) -> None:
    """A message beside the data: one line on stderr, and no password of a URL in it."""
    _say(f"{PROGRAM}: {clean(without_passwords(text))}\n")


def error(text: str) -> None:
    """What went wrong: one line on stderr."""
    note(text)


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody is left to be told of it
        sys.stderr.write(text)
        sys.stderr.flush()


def traceback_of(trouble: BaseException) -> None:
    """Where an error came from, for who mends the program."""
    from traceback import format_exception

    _say(clean_output(without_passwords("".join(format_exception(trouble)))))


def need_an_answer(*, yes: bool) -> None:
    """Raise InvalidInput where there is no `--yes` and no terminal to ask at."""
    if not yes and not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput("this asks before it acts, and there is no terminal to ask at", "add --yes")


def confirm(question: str, *, yes: bool) -> bool:
    """Whether a person agrees, or did so beforehand with `--yes`. An empty answer means no.

    Raises InvalidInput where there is no terminal to ask at.
    """
    need_an_answer(yes=yes)
    if yes:
        return True
    _say(f"{clean(question)} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, if that is a terminal, while the block runs; yields what to tell of each step done."""
    if not _styled(sys.stderr) or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda more: bar.advance(task, more)
