"""Commands that leave trees of processes behind, for the tests that see them ended."""

from __future__ import annotations

SIZE = 5
"""How many processes `tree` notes."""


def tree(pids: object) -> str:
    """Shell text that starts a tree and notes its pids in the file `pids`: a child, a grandchild, one that
    fled to a session of its own, one that also cleared its environment, and one that did so and lost its parent.
    """
    return f"""
        note() {{ echo $1 >> {pids}; }}
        sleep 1000 & note $!
        sh -c 'sleep 1000 & echo $! >> {pids}; wait' &
        setsid sleep 1000 & note $!
        env -i setsid sleep 1000 & note $!
        (env -i setsid sleep 1000 & note $!)
    """
