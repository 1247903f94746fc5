"""`queuectl import --discard` beside an import that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.model.errors import Refused
from queuectl_core.model.job import NewJob
from queuectl_core.store.transactions.jobs import count_matching
from queuectl_core.store.transactions.moving_in import discard_some, finish_import, unfinished
from tests.cli.line import CommandLine, store_at
from tests.cli.moved import exported, file, there
from tests.store.acts import put_many
from tests.store.engines import Engine

__all__ = ["file", "there"]


def begun(queuectl: CommandLine, store: Engine, there: CommandLine, file: Path) -> bytes:
    """Import 600 jobs but for the end of their file, which brings the first 500; all of that file."""
    put_many(store, *[NewJob("true")] * 600, batch=600)
    whole = exported(queuectl, file).read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert there("import", str(file)).status == 2
    return whole


def test_an_import_that_ends_while_somebody_is_asked_about_it_is_not_discarded(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(begun(queuectl, store, there, file))

    def agreed(_question: str, *, yes: bool) -> bool:
        return there("import", str(file)).status == 0

    monkeypatch.setattr("queuectl_core.cli.output.confirm", agreed)
    ran = there("import", "--discard")

    assert (ran.status, "that import is not unfinished any more" in ran.err) == (1, True)
    assert there.json("status")["total"] == 600


@pytest.mark.parametrize("brought", [0, 600])
def test_who_gives_up_a_file_that_was_cut_short_as_advised_succeeds(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, brought: int
) -> None:
    put_many(store, *[NewJob("true")] * brought, batch=600)
    whole = exported(queuectl, file).read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(whole[:-1]))

    said = there("import", str(file)).err

    advised = "give up with 'queuectl import --discard'" in said
    assert advised == (there("import", "--discard", "--yes").status == 0) == (brought > 0)
    assert said.startswith("queuectl: the file was cut short: its footer is missing: get all of it, and import it")


def test_an_import_is_refused_its_end_once_it_is_being_discarded(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    begun(queuectl, store, there, file)
    with store_at(there.home) as half:
        mark = half.run(unfinished())
        assert mark is not None
        assert half.run(discard_some(mark, 1)) == 1

        with pytest.raises(Refused):
            half.run(finish_import(mark, {}, []))
        assert half.run(count_matching()) == 499

    assert there("import", "--discard", "--yes").out == "discarded 499 jobs\n"
