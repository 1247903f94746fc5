"""Shell text that needs no shell: the name of a program and words that stand for themselves.

Started at once, such a program spares its job the start of the shell, which would do nothing but start the program and
wait for it, or put it in its own place: half a millisecond of processor time. GNU make does the same with the lines of
its rules. The program leads the session of its run then, where under dash it is a child of the one that does.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

_PLAIN = frozenset(string.ascii_letters + string.digits + "_@%+,:./=- ")
"""Characters that no shell takes for anything but themselves in the middle of a command."""

_FIRST = frozenset(string.ascii_letters + string.digits + "_/.")
"""Those that the name of a program may begin with: `%1` and `:` are for the shell."""

_OF_SHELLS = frozenset(
    word
    for words in (
        # POSIX: reserved words, special built-in utilities, and the utilities that shells have built in.
        "case do done elif else esac fi for if in then until while",
        ". break continue eval exec exit export readonly return set shift times trap unset",
        "alias bg cd command echo false fc fg getopts hash jobs kill newgrp printf pwd read test true type ulimit",
        "umask unalias wait",
        # More of dash, bash, ksh, zsh and busybox.
        "bind builtin caller chdir compgen complete compopt coproc declare dirs disown enable function help history",
        "let local logout mapfile popd pushd readarray select shopt source suspend time typeset",
        "autoload bindkey disable emulate end foreach integer nocorrect noglob print repeat rehash sched setopt",
        "unfunction unhash unsetopt vared whence where which",
    )
    for word in words.split()
)
"""Words that a shell itself knows, as commands or as parts of its language."""

_FOR_NO_LEADER = "setsid"
"""A program that, where it leads a session, leaves at once, with 0, and has a child do the work, unwaited for."""


def plain_words(text: str) -> Sequence[str] | None:
    """The program and the words that a shell would start for this text; None where that takes a shell. Pure.

    That such a program is there is not known: where it is not, the shell has the words for it.
    """
    if not _PLAIN.issuperset(text):
        return None
    words = text.split()
    if not words or words[0][0] not in _FIRST or "=" in words[0] or words[0] in _OF_SHELLS:
        return None
    # Wherever it stands: `env`, `nice` and others put what they are given in their own place.
    if any(word.rpartition("/")[2] == _FOR_NO_LEADER for word in words):
        return None
    return words
