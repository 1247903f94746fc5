"""The README's ten minutes and its Python example work as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.readme_tables import README

TEXT = README.read_text(encoding="utf-8")


def blocks(section: str, language: str) -> list[str]:
    """The code blocks of one language in one section, in order."""
    text = TEXT.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def surroundings(folder: Path) -> dict[str, str]:
    """An environment in which nothing of the user's is touched, with this Python's commands first."""
    home = folder / "home"
    home.mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUECTL_", "XDG_"))}
    return {**kept, "HOME": str(home), "TMPDIR": str(folder), "PATH": path}


def test_the_tour_works_as_it_stands(tmp_path: Path) -> None:
    tour = blocks("Ten minutes", "sh")

    done = subprocess.run(
        ["sh", "-e"],
        input="\n".join(tour),
        env=surroundings(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(tour) >= 7
    assert "better now" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_python_example_works_twice(tmp_path: Path) -> None:
    [example] = blocks("From Python", "python")
    environment = surroundings(tmp_path)

    outputs = [
        subprocess.run([sys.executable, "-c", example], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]

    assert [done.stdout for done in outputs] == ["report-7 pending\n"] * 2
