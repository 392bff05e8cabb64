"""Which store the settings name."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from hotpin import paths
from hotpin.errors import SettingsError, StoreError
from hotpin.sessions.memory import MemoryStore
from hotpin.sessions.sqlite import SqliteStore
from hotpin.sessions.stores import open_store, sessions_path
from hotpin.settings import SessionsSettings, Settings
from tests.sessions.conftest import turn

NOBODY = 65_534


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def naming(store: str, ttl: timedelta = timedelta(days=30)) -> Settings:
    return Settings(sessions=SessionsSettings(store=store, ttl=ttl))


def test_by_default_it_is_a_file_in_a_private_data_folder() -> None:
    paths.data_dir().mkdir(parents=True, mode=0o755)
    with closing(open_store(Settings())) as store:
        store.add("home", "hotpin", turn("x"))
    assert paths.sessions_file().is_file()
    assert stat.S_IMODE(paths.data_dir().stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///mine.db", "mine.db"),
        ("sqlite:///below/mine.db", "below/mine.db"),
        ("sqlite:///~/mine.db", "{home}/mine.db"),
        ("sqlite:///{home}/a b%20c.db", "{home}/a b%20c.db"),
        (" sqlite:///mine.db ", "mine.db"),
    ],
)
def test_a_url_names_a_file(home: Path, url: str, path: str) -> None:
    settings = naming(url.format(home=home))
    assert sessions_path(settings) == Path(path.format(home=home))
    with closing(open_store(settings)) as store:
        store.add("home", "hotpin", turn("x"))
    assert Path(path.format(home=home)).is_file()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no such store"),
        ("rediz://localhost", "no such store"),
        ("redis://", "no host"),
        ("redis://localhost/first", "is a number"),
        ("redis://localhost:99999", "a port is a number"),
        ("rediss://localhost?ssl_cert_reqs=none", "without options"),
        ("sqlite:mine.db", "no such store"),
        ("sqlite://mine.db", "three slashes"),
        ("sqlite://", "no file"),
        ("sqlite:///", "no file"),
        ("sqlite:///:memory:", "write memory"),
        ("sqlite:///mine.db?mode=ro", "without options"),
        ("sqlite:///~nobody-of-this-name/x", "home folder"),
    ],
)
def test_a_wrong_url_is_explained(url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        open_store(naming(url))
    assert repr(url) in caught.value.message
    assert "sqlite:///FILE" in caught.value.fix


def test_memory_is_a_store() -> None:
    assert isinstance(open_store(naming("memory")), MemoryStore)
    assert sessions_path(naming("memory")) is None


def test_to_look_whether_there_are_sessions_makes_no_file() -> None:
    with closing(open_store(Settings(), create=False)) as store:
        assert store.sessions() == []
    assert not paths.data_dir().exists()
    open_store(Settings()).close()
    with closing(open_store(Settings(), create=False)) as store:
        assert isinstance(store, SqliteStore)


def test_a_ttl_of_nothing_means_for_ever() -> None:
    with closing(open_store(naming("sqlite", timedelta()))) as store:
        store.add("home", "hotpin", turn("x"))
    with closing(open_store(naming("sqlite", timedelta(0)))) as store:
        assert len(store.sessions()) == 1
    with closing(open_store(naming("sqlite", timedelta(microseconds=1)))) as store:
        assert store.sessions() == []


@pytest.fixture
def locked() -> Iterator[Path]:
    """A kept session in a folder where nothing may be written; to root nothing is so, hence it is somebody else."""
    with tempfile.TemporaryDirectory() as name:
        folder, me = Path(name), os.geteuid()
        file = folder / "sessions.sqlite"
        with closing(open_store(naming(f"sqlite:///{file}"))) as store:
            store.add("home", "hotpin", turn("x"))
        file.chmod(0o444)
        folder.chmod(0o555)
        if me == 0:
            os.seteuid(NOBODY)
        yield file
        os.seteuid(me)
        folder.chmod(0o755)


def test_what_may_not_be_written_can_be_read(locked: Path) -> None:
    settings = naming(f"sqlite:///{locked}")
    with closing(open_store(settings, create=False)) as store:
        assert [session.id for session in store.sessions()] == ["home"]
        found = store.load("home")
        assert found is not None
        assert [kept.heard for kept in found.turns] == ["x"]
        with pytest.raises(StoreError, match="cannot be written"):
            store.delete("home")
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(settings)
