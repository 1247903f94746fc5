"""The home: whose it is, who may read it, where it may lie."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from queuectl_core.model.errors import InvalidInput, StoreError, UnsafeHome
from queuectl_core.model.job import NewJob
from queuectl_core.store import home as home_module
from queuectl_core.store.home import LONGEST_PATH, Home, default_home, find_home, prepare_folders, prepare_home
from queuectl_core.store.opening import open_async_store, open_store
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o177], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run under umasks that are too wide and too narrow."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_what_we_make_is_private_whatever_the_umask(home: Home, any_umask: None) -> None:
    with SqliteStore(home, holds_schema=True) as store:
        store.run(enqueue(NewJob("true")))
        store.checkpoint()

        assert {mode(path) for path in (home.path, home.run, home.logs)} == {0o700}
        files = [entry.path for entry in os.scandir(home.path) if entry.is_file()]
        files += [entry.path for entry in os.scandir(home.run)]
        assert len(files) >= 5
        assert {mode(path) for path in files} == {0o600}


def test_a_home_that_is_there_keeps_its_mode(home: Home) -> None:
    os.mkdir(home.path, 0o755)
    prepare_home(home)
    prepare_folders(home)

    assert mode(home.path) == 0o755


@pytest.mark.parametrize("writable", [0o770, 0o707, 0o777, 0o1777])
def test_a_home_that_others_can_write_is_refused(home: Home, writable: int) -> None:
    os.mkdir(home.path)
    os.chmod(home.path, writable)

    with pytest.raises(UnsafeHome, match="can be written by others"):
        SqliteStore(home)
    assert os.listdir(home.path) == []


@pytest.mark.parametrize("folder", ["run", "logs"])
def test_a_folder_that_others_can_write_is_refused(home: Home, folder: str) -> None:
    prepare_home(home)
    prepare_folders(home)
    os.chmod(f"{home.path}/{folder}", 0o777)

    with pytest.raises(UnsafeHome, match=f"{folder} can be written by others"):
        prepare_folders(home)


@pytest.mark.parametrize("folder", ["run", "logs"])
def test_a_folder_that_leads_elsewhere_is_refused(home: Home, folder: str, tmp_path: Path) -> None:
    prepare_home(home)
    prepare_folders(home)
    os.rmdir(f"{home.path}/{folder}")
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", f"{home.path}/{folder}")

    with pytest.raises(UnsafeHome, match=f"{folder} is a symbolic link"):
        SqliteStore(home)
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_the_home_of_somebody_else_is_refused(home: Home) -> None:
    os.mkdir(home.path, 0o700)
    os.chown(home.path, 12345, -1)

    with pytest.raises(UnsafeHome, match=r"belongs to another user \(uid 12345\)"):
        SqliteStore(home)


def test_a_home_on_a_network_file_system_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "file_system", lambda _: "nfs4")

    with pytest.raises(UnsafeHome, match=r"network file system \(nfs4\)"):
        SqliteStore(home)


def test_a_file_in_the_place_of_the_home_is_refused(home: Home) -> None:
    Path(home.path).write_text("mine")

    with pytest.raises(StoreError, match="choose another --home"):
        SqliteStore(home)
    assert Path(home.path).read_text() == "mine"


# ------------------------------------------------------------------ paths


NAMES = [
    "with space",
    "per%20cent",
    "what?mode=memory",
    "ha#sh",
    "ünï 日本",
    "quo'te\"s",
    "file:x",
    " ",
    "-dash",
    "a;b",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    home = find_home(f"{tmp_path}/{name}")
    for _ in range(2):
        with SqliteStore(home) as store:
            store.run(enqueue(NewJob("true")))

    assert os.listdir(tmp_path) == [name]
    assert os.path.isfile(f"{tmp_path}/{name}/queue.db")
    with SqliteStore(home) as store:
        assert len(store.run(page())) == 2


def test_a_home_may_have_a_long_path(tmp_path: Path) -> None:
    home = find_home("/".join([str(tmp_path), *["d" * 50] * 20])[:400])
    with SqliteStore(home) as store:
        assert store.run(enqueue(NewJob("true"))).number == 1


def test_a_path_that_is_too_long_is_refused_with_the_reason(tmp_path: Path) -> None:
    home = Home("/".join([str(tmp_path), *["ü" * 50] * 20])[:LONGEST_PATH])

    with pytest.raises(UnsafeHome, match=r"longer than SQLite takes: .*: choose a shorter --home"):
        SqliteStore(home)
    assert os.listdir(tmp_path) == []


def test_symbolic_links_are_resolved_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    os.symlink("real", tmp_path / "link")
    monkeypatch.chdir(tmp_path)

    assert find_home("link") == find_home("real") == find_home(str(tmp_path / "real"))


def test_logs_are_named_by_numbers(home: Home) -> None:
    assert home.log(12_345, 2) == f"{home.path}/logs/12/12345.2.log"


# ------------------------------------------------------------------ which home


def test_the_home_is_the_one_given_then_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path / "env"))
    assert find_home(str(tmp_path / "given")).path == os.path.realpath(tmp_path / "given")
    assert find_home().path == os.path.realpath(tmp_path / "env")

    monkeypatch.setenv("QUEUECTL_HOME", "")
    assert find_home().path == os.path.realpath(default_home())


@pytest.mark.parametrize("data", [None, "", "  ", "/srv/data", "/srv/data/", "relative/data", " /srv/data"])
def test_the_default_home_is_that_of_platformdirs(monkeypatch: pytest.MonkeyPatch, data: str | None) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if data is not None:
        monkeypatch.setenv("XDG_DATA_HOME", data)

    assert default_home() == platformdirs.user_data_dir("queuectl", appauthor=False)


# ------------------------------------------------------------------ store URLs


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///queue.db", "takes a postgresql:// URL alone"),
        ("/some/path", "takes a postgresql:// URL alone"),
    ],
)
async def test_a_store_we_cannot_use_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        open_store(home.path, url)
    monkeypatch.setenv("QUEUECTL_STORE", url)
    with pytest.raises(InvalidInput, match=sentence):
        await open_async_store(home.path)
    assert not os.path.exists(home.path)


def test_a_url_names_the_server_that_keeps_the_jobs_of_a_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUECTL_STORE", "postgresql://host/variable")

    assert find_home(home.path) == Home(home.path, "postgresql://host/variable")
    assert find_home(home.path, "postgres://host/option") == Home(home.path, "postgres://host/option")
    monkeypatch.delenv("QUEUECTL_STORE")
    assert find_home(home.path) == home


async def test_a_home_opens_either_way(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUEUECTL_STORE", raising=False)
    with open_store(home.path) as store:
        job = store.run(enqueue(NewJob("true")))
    async with await open_async_store(home.path) as awaited:
        assert await awaited.run(page()) == [job]
