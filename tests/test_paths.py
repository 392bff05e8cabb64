"""Every folder has one function, and one variable moves them all."""

import warnings
from pathlib import Path

import platformdirs
import pytest

from hotpin import paths


def test_one_variable_puts_every_folder_under_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    assert paths.config_dir() == tmp_path / "config"
    assert paths.cache_dir() == tmp_path / "cache"
    assert paths.data_dir() == tmp_path / "data"
    assert paths.runtime_dir() == tmp_path / "runtime"
    assert paths.config_file() == tmp_path / "config" / "config.toml"
    assert paths.models_dir() == tmp_path / "cache" / "models"


def test_the_variable_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HOTPIN_HOME", "~/hotpin")
    assert paths.data_dir() == tmp_path / "hotpin" / "data"


@pytest.mark.parametrize("home", [None, ""])
def test_without_it_each_folder_is_where_the_system_keeps_its_kind(
    monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    if home is None:
        monkeypatch.delenv("HOTPIN_HOME", raising=False)
    else:
        monkeypatch.setenv("HOTPIN_HOME", home)
    assert paths.config_dir() == platformdirs.user_config_path("hotpin", appauthor=False)
    assert paths.cache_dir() == platformdirs.user_cache_path("hotpin", appauthor=False)
    assert paths.data_dir() == platformdirs.user_data_path("hotpin", appauthor=False)


def test_what_is_only_there_while_it_runs_is_where_a_login_session_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HOTPIN_HOME", raising=False)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert paths.runtime_dir() == tmp_path / "hotpin"


def test_without_a_login_session_a_runtime_folder_is_found_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOTPIN_HOME", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paths.runtime_dir().name == "hotpin"


def test_asking_for_a_folder_does_not_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
    paths.config_file()
    paths.models_dir()
    assert not (tmp_path / "home").exists()


def test_what_comes_with_hotpin_is_found_in_a_checkout() -> None:
    assert paths.assets_dir().is_dir()
    assert paths.manifest_file().is_file()


def test_what_comes_with_hotpin_is_found_in_a_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "hotpin"
    (package / "_shipped" / "assets").mkdir(parents=True)
    (package / "_shipped" / "models").mkdir()
    monkeypatch.setattr(paths, "__file__", str(package / "paths.py"))
    assert paths.assets_dir() == package / "_shipped" / "assets"
    assert paths.manifest_file() == package / "_shipped" / "models" / "manifest.toml"
