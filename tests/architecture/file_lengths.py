"""The check that no Python file grows past what one sits down to read. `make lint` runs it as a script.

Only lengths are looked at here; formatting and rules are ruff's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

MOST_LINES = 350
FOLDERS = ("queuectl_core", "queuectl_tui", "tests")
EXCEPTIONS: Mapping[str, str] = {}
"""Files that may be longer: path from the root, with `/` -> the reason."""


def complaints(root: Path, exceptions: Mapping[str, str] = EXCEPTIONS) -> Iterator[str]:
    """One line for each file under `root` that is too long, and for each exception no longer needed."""
    too_long = dict(_too_long(root))
    for path, lines in too_long.items():
        if path not in exceptions:
            yield f"{path}: {lines} lines, {MOST_LINES} at most: split it, or name it with a reason"
    for path in exceptions:
        if path not in too_long:
            yield f"{path}: an exception that is not needed: remove it"


def _too_long(root: Path) -> Iterator[tuple[str, int]]:
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            lines = len(file.read_bytes().splitlines())
            if lines > MOST_LINES:
                yield file.relative_to(root).as_posix(), lines


def main() -> int:
    """Print what is wrong to stderr; the exit status is 1 if anything is."""
    found = list(complaints(Path(__file__).parents[2]))
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
