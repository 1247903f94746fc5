"""Every action of the console, once: its keys, its words, where it applies and what it needs.

Bindings, footer, help, palette, command line and the key table of README.md are made from this table.
What an action does is a method `do_NAME` of the pane it applies to, else of the app. Nothing here draws or
acts. Upper-case letters that act are the dangerous ones: they ask before they do anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.lifecycle import Event


class Place(StrEnum):
    """Where keys apply; the title under which help lists them."""

    EVERYWHERE = "Everywhere"
    JOBS = "Jobs"
    DLQ = "DLQ"
    WORKERS = "Workers"
    CONFIG = "Config"
    METRICS = "Metrics"
    DETAIL = "Detail"


PANES = (Place.JOBS, Place.DLQ, Place.WORKERS, Place.CONFIG, Place.METRICS)
"""The panes, in the order of the keys `1` to `5`."""

LISTS = (Place.JOBS, Place.DLQ)
TABLES = (*LISTS, Place.WORKERS, Place.CONFIG)
SCROLLED = (*TABLES, Place.DETAIL)


class Action(NamedTuple):
    """One action. `event` is what must be allowed for the job under the cursor; `prime` says that the footer
    shows it, as far as there is room."""

    name: str
    keys: tuple[str, ...]
    label: str
    help: str
    places: tuple[Place, ...]
    writes: bool = False
    asks: bool = False
    event: Event | None = None
    prime: bool = False
    motion: bool = False

    @property
    def of_marks(self) -> bool:
        """Whether what it does depends on which jobs are marked."""
        return Place.EVERYWHERE not in self.places and (self.writes or self.name in _OF_MARKS)


_OF_MARKS = frozenset({"mark", "mark_range", "mark_all", "copy_id", "copy_json", "export"})
"""What depends on the marks, and writes nothing into the store."""


def _everywhere(name: str, keys: str, label: str, text: str, *, writes: bool = False, prime: bool = False) -> Action:
    return Action(name, tuple(keys.split()), label, text, (Place.EVERYWHERE,), writes, prime=prime)


def _motion(name: str, keys: str, label: str, text: str, places: tuple[Place, ...] = SCROLLED) -> Action:
    return Action(name, tuple(keys.split()), label, text, places, motion=True)


def _sees(name: str, keys: str, label: str, text: str, *places: Place, prime: bool = False) -> Action:
    return Action(name, tuple(keys.split()), label, text, places, prime=prime)


def _writes(
    name: str,
    keys: str,
    label: str,
    text: str,
    *places: Place,
    event: Event | None = None,
    asks: bool = False,
    prime: bool = False,
) -> Action:
    return Action(name, tuple(keys.split()), label, text, places, writes=True, asks=asks, event=event, prime=prime)


J, D, W, C, M, T = Place.JOBS, Place.DLQ, Place.WORKERS, Place.CONFIG, Place.METRICS, Place.DETAIL

ACTIONS: tuple[Action, ...] = (
    # ------------------------------------------------------------ what is done to jobs
    _writes("retry", "r", "Retry", "send this job, or the marked ones, back to the queue", J, D, T, event=Event.RETRY,
            prime=True),
    _writes("retry_all", "R", "Retry all", "send every dead job that matches back to its queue", D, asks=True,
            prime=True),
    _writes("cancel", "c", "Cancel", "cancel jobs that wait; those that run are left alone", J, T, event=Event.CANCEL,
            prime=True),
    _writes("cancel_running", "C", "Cancel running", "cancel jobs, and end those that run", J, T, event=Event.CANCEL,
            asks=True),
    _writes("delete", "D", "Delete", "remove ended jobs, their history and their logs", J, D, T, event=Event.DELETE,
            asks=True),
    _writes("purge", "X", "Purge", "remove every dead job that matches, its history and its log", D, asks=True,
            prime=True),
    _writes("priority", "i", "Priority", "set the priority of jobs that wait or are dead", J, D, T, event=Event.EDIT),
    _writes("run_now", "x", "Run now", "let jobs that wait for a later time run now", J, T, event=Event.CANCEL),
    _writes("edit", "e", "Edit", "edit a job: one that waits is changed, one that ended is enqueued again", J, D, T,
            prime=True),
    _writes("edit_as_text", "ctrl+e", "Edit as JSON", "edit the job's JSON in $VISUAL or $EDITOR", J, D, T),
    _writes("new_job", "n", "New job", "enqueue a new job", J, prime=True),
    _writes("pause", "p", "Pause", "pause or resume the queue of this job", J, D),
    # ------------------------------------------------------------ looking at jobs
    _sees("detail", "enter", "Detail", "show everything about this job", J, D, prime=True),
    _sees("log", "l", "Log", "show the output of this job's last run", J, D, prime=True),
    _sees("filter", "slash", "Filter", "show only what matches", J, D, prime=True),
    _sees("sort", "s", "Sort", "sort by the next column", J),
    _sees("reverse", "o", "Reverse", "turn the order around", J),
    _sees("columns", "z", "Columns", "choose the columns, and their order", J, D),
    _sees("by_cause", "b", "By cause", "group dead jobs by how they died, and back", D, prime=True),
    _sees("mark", "space", "Mark", "mark this row, and go to the next", *LISTS),
    _sees("mark_range", "v", "Range", "mark a range: from here to where you move", *LISTS),
    _sees("mark_all", "asterisk", "All", "mark all that match; again: none", *LISTS),
    _sees("copy_id", "y", "Copy id", "copy the id of the job, or of the marked ones", J, D, T),
    _sees("copy_json", "ctrl+y", "Copy JSON", "copy the job as JSON", J, D, T),
    _sees("export", "w", "Export", "write what is listed to a file, as JSON Lines or CSV", *LISTS),
    # ------------------------------------------------------------ workers
    _writes("start_pool", "a", "Start pool", "start a pool of workers that outlives the console", W, prime=True),
    _writes("scale_up", "plus", "More", "give the pool one more worker", W, prime=True),
    _writes("scale_down", "minus", "Fewer", "take one worker from the pool, once its job is done", W, prime=True),
    _writes("drain", "d", "Drain", "let the pool finish what runs, and leave", W, prime=True),
    _writes("stop", "S", "Stop", "drain the pool for a while, then end and release what still runs", W, asks=True),
    _writes("stop_now", "K", "Stop now", "end and release what the pool runs, at once", W, asks=True, prime=True),
    _sees("worker_job", "enter", "Job", "show the job that this worker runs", W, prime=True),
    # ------------------------------------------------------------ settings
    _writes("edit_setting", "enter", "Edit", "edit the setting in place", C, prime=True),
    _writes("unset_setting", "d", "Default", "go back to the setting's default", C, prime=True),
    # ------------------------------------------------------------ metrics
    _sees("window", "w", "Window", "the next window: 15 min, 3 h, 24 h", M, prime=True),
    _sees("previous_queue", "left_square_bracket", "Previous queue", "show the queue before this one", M, prime=True),
    _sees("next_queue", "right_square_bracket", "Next queue", "show the queue after this one", M, prime=True),
    # ------------------------------------------------------------ the detail of a job
    _sees("earlier_run", "left_square_bracket", "Earlier run", "show the output of the run before", T, prime=True),
    _sees("later_run", "right_square_bracket", "Later run", "show the output of the run after", T, prime=True),
    _sees("follow", "f", "Follow", "keep to the end of the output as it grows", T, prime=True),
    _sees("wrap", "w", "Wrap", "wrap long lines, or cut them", T, prime=True),
    _sees("search", "slash", "Search", "search the output", T, prime=True),
    _sees("next_hit", "n", "Next", "go to the next hit", T),
    _sees("previous_hit", "N", "Previous", "go to the previous hit", T),
    _sees("facts", "tab", "Facts", "show or hide the facts above the output", T),
    _motion("scroll_left", "left h", "Left", "scroll to the left", (T,)),
    _motion("scroll_right", "right", "Right", "scroll to the right", (T,)),
    # ------------------------------------------------------------ motions
    _motion("down", "j down", "Down", "go down a row"),
    _motion("up", "k up", "Up", "go up a row"),
    _motion("top", "g home", "Top", "go to the first row"),
    _motion("bottom", "G end", "Bottom", "go to the last row"),
    _motion("half_down", "ctrl+d", "Half down", "go down half a page"),
    _motion("half_up", "ctrl+u", "Half up", "go up half a page"),
    _motion("page_down", "pagedown ctrl+f", "Page down", "go down a page"),
    _motion("page_up", "pageup ctrl+b", "Page up", "go up a page"),
    # ------------------------------------------------------------ everywhere
    _everywhere("undo", "u", "Undo", "undo the last change where nothing has moved since", writes=True, prime=True),
    _everywhere("command", "colon", "Command", "type an action by its name, or a job's id"),
    _everywhere("palette", "ctrl+p", "Palette", "find an action or a job by typing"),
    _everywhere("halt", "ctrl+x", "Stop work", "stop the bulk work that is going on"),
    _everywhere("theme", "t", "Theme", "the next theme: dark, light, high contrast, colour-blind safe"),
    _everywhere("back", "escape", "Back", "leave the detail, the marks or the filter"),
    _everywhere("pane_jobs", "1", "Jobs", "every job"),
    _everywhere("pane_dlq", "2", "DLQ", "jobs whose retries are used up"),
    _everywhere("pane_workers", "3", "Workers", "pools and workers"),
    _everywhere("pane_config", "4", "Config", "the settings"),
    _everywhere("pane_metrics", "5", "Metrics", "throughput, failures, durations and depth over time"),
    _everywhere("help", "question_mark f1", "Help", "every key", prime=True),
    _everywhere("quit", "q ctrl+c", "Quit", "leave the console; jobs and pools go on", prime=True),
)  # fmt: skip

BY_NAME: dict[str, Action] = {action.name: action for action in ACTIONS}

_SIGNS = {
    "slash": "/", "colon": ":", "asterisk": "*", "plus": "+", "minus": "-", "question_mark": "?", "escape": "esc",
    "left_square_bracket": "[", "right_square_bracket": "]", "enter": "⏎", "space": "space", "up": "↑", "down": "↓",
    "left": "←", "right": "→", "pagedown": "pgdn", "pageup": "pgup", "f1": "F1",
}  # fmt: skip


def key_sign(key: str) -> str:
    """A key as people write it: `/` for `slash`, `^d` for `ctrl+d`."""
    return f"^{key[5:]}" if key.startswith("ctrl+") else _SIGNS.get(key, key)


def keys_of(action: Action) -> str:
    """All keys of an action as people write them."""
    return " ".join(key_sign(key) for key in action.keys)


def actions_in(place: Place) -> list[Action]:
    """The actions that apply in a place, those that apply everywhere left out; in the order of the table."""
    return [action for action in ACTIONS if place in action.places]


def applying(place: Place) -> list[Action]:
    """The actions that apply in a place, with those that apply everywhere behind them."""
    return [*actions_in(place), *actions_in(Place.EVERYWHERE)]


def pane_of(action: Action) -> Place | None:
    """The pane that an action such as `pane_jobs` opens."""
    return PANE_ACTIONS.get(action.name)


PANE_ACTIONS: dict[str, Place] = dict(
    zip(("pane_jobs", "pane_dlq", "pane_workers", "pane_config", "pane_metrics"), PANES, strict=True)
)
"""The actions that open a pane, and which."""


def usable(actions: Iterable[Action], *, read_only: bool) -> list[Action]:
    """Those that may be used at all: with `read_only` none that writes."""
    return [action for action in actions if not (read_only and action.writes)]
