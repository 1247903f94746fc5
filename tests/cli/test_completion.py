"""`queuectl completion`, and what a shell is told to complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, run_program
from tests.store.acts import dead, put
from tests.store.engines import Engine


def completed(home: Home, *typed: str) -> list[str]:
    """What the last of the words may become."""
    words = ["queuectl", "--home", home.path, *typed]
    ran = run_program(
        home, COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1), _QUEUECTL_COMPLETE="bash_complete"
    )
    assert (ran.status, ran.err) == (0, "")
    return [line.partition(",")[2] for line in ran.out.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(queuectl: CommandLine, shell: str) -> None:
    ran = queuectl("completion", shell)

    assert ran.status == 0
    assert "_QUEUECTL_COMPLETE" in ran.out


def test_another_shell_is_refused(queuectl: CommandLine) -> None:
    assert queuectl("completion", "tcsh").status == 2


def test_commands_states_and_settings_are_completed(home: Home) -> None:
    assert completed(home, "ca") == ["cancel"]
    assert completed(home, "list", "--state", "p") == ["pending", "processing"]
    assert completed(home, "list", "--state", "dead,com") == ["dead,completed"]
    assert completed(home, "purge", "--state", "p") == []
    assert completed(home, "completion", "z") == ["zsh"]


def test_ids_and_queues_are_completed_from_the_store(home: Home, store: Engine) -> None:
    put(store, id="alpha", queue="mail")
    lost = dead(store, id="another", queue="films")

    assert completed(home, "show", "al") == ["alpha"]
    assert completed(home, "cancel", "a") == ["alpha"]
    assert completed(home, "retry", "a") == [lost.id]
    assert completed(home, "list", "--queue", "m") == ["mail"]


def test_a_completion_makes_no_store_and_says_nothing_where_there_is_none(home: Home) -> None:
    assert completed(home, "show", "a") == []
    assert not Path(home.path).exists()
