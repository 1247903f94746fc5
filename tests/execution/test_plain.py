"""Text that needs no shell is told from text that does."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from queuectl_core.execution.plain import plain_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sleep 5", ["sleep", "5"]),
        ("backup", ["backup"]),
        ("  ./make-it  -j4 --out=a/b.c  x:y@z,1%+_ ", ["./make-it", "-j4", "--out=a/b.c", "x:y@z,1%+_"]),
        ("/usr/bin/env A=1 true", ["/usr/bin/env", "A=1", "true"]),
        ("7z x a.7z", ["7z", "x", "a.7z"]),
        ("truer", ["truer"]),
    ],
)
def test_a_program_and_its_words_need_no_shell(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


@pytest.mark.parametrize("character", sorted("\t\n\r\0!\"#$&'()*;<>?[\\]^`{|}~é\u00a0"))
def test_what_may_mean_something_to_a_shell_is_for_the_shell(character: str) -> None:
    assert plain_words(f"ls a{character}") is None
    assert plain_words(f"ls {character} b") is None
    assert plain_words(f"{character}ls") is None


@pytest.mark.parametrize("text", ["", "   ", "A=1", "A=1 env", "A+=1", "-c ls", "%1", ":", "+x", "@ls", ",ls"])
def test_what_does_not_begin_with_the_name_of_a_program_is_for_the_shell(text: str) -> None:
    assert plain_words(text) is None


@pytest.mark.parametrize("word", ["true", "echo", "cd", "exit", ".", "exec", "time", "if", "test", "wait"])
def test_what_a_shell_knows_itself_is_for_the_shell(word: str) -> None:
    assert plain_words(f"{word} a") is None


@pytest.mark.parametrize("text", ["setsid ./job", "/usr/bin/setsid -w job", "env A=1 setsid job", "nice setsid job"])
def test_what_must_not_lead_its_session_is_for_the_shell(text: str) -> None:
    assert plain_words(text) is None


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to ask")
def test_whatever_bash_knows_itself_is_for_the_shell() -> None:
    known = subprocess.run(["bash", "-c", "compgen -bk"], check=True, capture_output=True, text=True).stdout.split()

    assert len(known) > 50
    assert [word for word in known if plain_words(word)] == []
