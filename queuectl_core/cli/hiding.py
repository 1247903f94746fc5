"""A password on the command line stands in the list of processes for as long as the program runs: it is moved from
there into the environment, which only its owner can read, by starting the program once more."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from queuectl_core.model.cleaning import without_passwords

OPTION, VARIABLE = "--store", "QUEUECTL_STORE"


class Hidden(NamedTuple):
    """Arguments without the option, and the URL that it gave."""

    arguments: list[str]
    url: str


def hide_password() -> None:
    """Become the same program without the password in its arguments, where there is one; else return at once.

    What follows `--` belongs to a job, and is left as it is.
    """
    given = sys.argv[1:]
    hidden = hidden_in(given)
    if hidden is None:
        return
    before = sys.orig_argv[: len(sys.orig_argv) - len(given)]
    os.execve(sys.executable, [*before, *hidden.arguments], {**os.environ, VARIABLE: hidden.url})


def hidden_in(given: list[str]) -> Hidden | None:
    """The arguments without `--store`, where a URL that it gives has a password; None where there is none to hide."""
    kept: list[str] = []
    urls: list[str] = []
    words = iter(given)
    for word in words:
        if word == "--":
            kept += [word, *words]
        elif word == OPTION and (url := next(words, None)) is not None:
            urls.append(url)
        elif word.startswith(f"{OPTION}="):
            urls.append(word.partition("=")[2])
        else:
            kept.append(word)
    if not any(without_passwords(url) != url for url in urls):
        return None
    return Hidden(kept, urls[-1])
