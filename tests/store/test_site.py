"""Which site a home is: what another machine, another boot or a copy would be is another one."""

from __future__ import annotations

import os
import shutil
import stat
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from queuectl_core.model.errors import StoreError
from queuectl_core.store import site
from queuectl_core.store.home import Home
from queuectl_core.store.site import site_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(str(tmp_path / "home"), "postgresql://host/queue")


def test_a_home_keeps_its_site(home: Home) -> None:
    assert site_of(home) == site_of(home) != ""
    assert stat.S_IMODE(os.stat(f"{home.path}/site").st_mode) == 0o600
    assert os.listdir(home.path) == ["site"]


def test_all_who_look_first_at_once_see_the_same(home: Home) -> None:
    with ThreadPool(8) as pool:
        assert len(set(pool.map(site_of, [home] * 32))) == 1


def test_a_home_with_its_jobs_in_its_own_files_has_none(home: Home) -> None:
    assert site_of(home._replace(url=None)) == ""
    assert os.listdir(home.path) == []


def test_another_home_is_another_site(home: Home, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert site_of(home) != site_of(Home(str(tmp_path / "other"), home.url))


def test_a_copy_of_a_home_is_another_site(home: Home, tmp_path: Path) -> None:
    here = site_of(home)
    shutil.copytree(home.path, tmp_path / "copy")

    assert site_of(Home(str(tmp_path / "copy"), home.url)) != here


def test_another_boot_is_another_site(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    here = site_of(home)
    monkeypatch.setattr(site, "_boot", lambda: "another")

    assert site_of(home) != here


@pytest.mark.parametrize("made", ["text", "link"])
def test_a_site_that_is_none_of_ours_is_not_believed(home: Home, made: str) -> None:
    path = Path(home.path, "site")
    path.write_text("mine") if made == "text" else path.symlink_to("/etc/hostname")

    with pytest.raises(StoreError):
        site_of(home)
