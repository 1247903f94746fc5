"""One log as it is shown: opened, waited for or replaced by its stored end, and what is said of that. No widget.

What was read of a file that is removed stays readable, as the file is kept open.
"""

from __future__ import annotations

from enum import StrEnum

from queuectl_core.execution.logs import why_unreadable
from queuectl_tui.log.files import Fate, LogFile, LogSource
from queuectl_tui.log.lines import LineIndex
from queuectl_tui.log.pieces import Bytes, Cached, Stored

WAITING = "no output yet"
EMPTY = "no output"
GONE = "the log file is gone; nothing of it was kept"
ONLY_END = "the log file is gone; this is its end"
CUT = "the log file was cut short; this is what is left"
REPLACED = "the log file was replaced; this is the new one"
REMOVED = "the log file was removed; this is what it held"


class Change(StrEnum):
    """What a look at a log found."""

    NOTHING = "nothing"
    NOTICED = "noticed"
    GROWN = "grown"
    ANEW = "anew"


class Reading:
    """The log of one source, from the first look at it to `close`."""

    def __init__(self, source: LogSource, *, live: bool) -> None:
        """Open the log. What forbids it becomes the notice; nothing is raised."""
        self.source = source
        self.live = live
        self.origin: Bytes = Stored(b"")  # read by threads
        self._file: LogFile | None = None
        self._told = ""
        self._awaited = True
        self._open()

    @property
    def grows(self) -> bool:
        """Whether more may still come."""
        return self.live and not self.source.complete

    @property
    def notice(self) -> str:
        """What is to be said above the log; empty where nothing is."""
        if not self._told and self.origin.size == 0:
            return WAITING if self.grows else EMPTY
        return self._told

    def look(self) -> Change:
        """Take notice of what happened to the log."""
        if self._file is None:
            return self._look_for_file()
        match self._file.look():
            case Fate.SAME:
                return Change.NOTHING
            case Fate.GROWN:
                return Change.GROWN
            case Fate.REMOVED:
                self._told = REMOVED
                return Change.NOTICED
            case Fate.CUT:
                self._begin(self._file, CUT)
            case Fate.REPLACED:
                self._file.close()
                self._file = None
                self._open(REPLACED)
        return Change.ANEW

    def ended(self, source: LogSource) -> Change:
        """The run that wrote here has ended, or its end is known by now: what comes no more is not waited for."""
        self.source, self.live = source, False
        if self._file is None:
            self._awaited = True
        return self.look()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _look_for_file(self) -> Change:
        if not self._awaited:
            return Change.NOTHING
        told = self._told
        self._open()
        if self._file is None and self.origin.size == 0 and self._told == told:
            return Change.NOTHING
        return Change.ANEW

    def _open(self, told: str = "") -> None:
        if self.source.away:
            self._awaited = False
            self._begin(Stored(self.source.tail or b""), self.source.said)
            return
        try:
            self._file = LogFile(self.source.path)
        except FileNotFoundError:
            self._do_without()
        except OSError as error:
            self._awaited = False
            self._begin(Stored(b""), f"the log file cannot be read: {why_unreadable(error)}")
        else:
            self._begin(self._file, told)

    def _do_without(self) -> None:
        """No file: wait for it while it may come, else show the stored end."""
        self._awaited = self.grows
        tail = self.source.tail
        if self.grows:
            self._begin(Stored(b""), "")
        elif tail is None:
            self._begin(Stored(b""), GONE)
        elif not tail:
            self._begin(Stored(b""), "")
        else:
            self._begin(Stored(tail), ONLY_END)

    def _begin(self, origin: Bytes, told: str) -> None:
        self.origin = origin
        self.log = Cached(origin)
        self.index = LineIndex()
        self._told = told
