"""Which wake word there is, and what is said where it cannot be had."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from hotpin import registry, setting_checks
from hotpin import settings as all_settings
from hotpin.errors import HotpinError, ModelError, SettingsError
from hotpin.settings import Settings
from hotpin.wake import open_wakeword
from tests.conftest import choosing, skip_or_fail


@pytest.fixture
def without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_wakeword, "find_spec", lambda _: None)


def calling(settings: Settings, word: str = "hey_jarvis") -> Settings:
    return choosing(settings, "wake", word=word)


def wake_faults(settings: Settings) -> list[str]:
    return [fault.name for fault in setting_checks.faults(settings) if fault.name.startswith("wake.")]


def test_the_engine_that_comes_with_hotpin_is_there(settings: Settings) -> None:
    assert settings.wake.engine in registry.names("wake")


def test_without_a_word_there_is_no_engine_whatever_is_installed(settings: Settings, without_the_package: None) -> None:
    assert settings.wake.word == ""
    assert registry.build_wake(settings) is None
    assert registry.build_wake(choosing(settings, "wake", engine="nobody")) is None
    assert wake_faults(settings) == []


def test_a_missing_package_is_said_with_what_installs_it(settings: Settings, without_the_package: None) -> None:
    with pytest.raises(HotpinError, match="needs the Python module 'pyopen_wakeword'") as caught:
        registry.build_wake(calling(settings))
    assert "pip install 'hotpin[wake]'" in caught.value.fix
    assert wake_faults(calling(settings)) == ["wake.word"]


def test_an_unknown_word_is_refused_with_those_there_are(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="does not know the wake word 'hey_you'") as caught:
        registry.build_wake(calling(settings, "hey_you"))
    assert caught.value.fix == "Choose one of: hey_jarvis, okay_nabu, hey_mycroft, alexa, hey_rhasspy"
    assert wake_faults(calling(settings, "hey_you")) == ["wake.word"]


def test_an_unknown_engine_is_refused_with_those_there_are(settings: Settings) -> None:
    chosen = choosing(settings, "wake", word="alexa", engine="nobody")
    with pytest.raises(SettingsError, match="no wake engine 'nobody'") as caught:
        registry.build_wake(chosen)
    assert "open-wakeword" in caught.value.fix
    assert wake_faults(chosen) == ["wake.engine"]


@pytest.mark.parametrize("written", ["Hey Jarvis", "hey-jarvis", " HEY_JARVIS "])
def test_the_word_may_be_written_as_it_is_said(written: str) -> None:
    assert all_settings.load({"wake.word": written}, {}).wake.word == "hey_jarvis"


@pytest.mark.parametrize("content", [None, b"", b"not a model at all"])
def test_a_damaged_model_is_refused_not_crashed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    (tmp_path / "models").mkdir()
    if content is not None:
        (tmp_path / "models" / "melspectrogram.tflite").write_bytes(content)
    package = ModuleType("pyopen_wakeword")
    package.__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setitem(sys.modules, "pyopen_wakeword", package)
    with pytest.raises(ModelError, match=r"melspectrogram\.tflite") as caught:
        open_wakeword.OpenWakeWord("alexa").load()
    assert "pip install" in caught.value.fix


def test_every_word_has_its_model(settings: Settings) -> None:
    for word in open_wakeword.WORDS:
        try:
            wake = registry.build_wake(calling(settings, word))
        except HotpinError as error:
            skip_or_fail(str(error))
        assert wake is not None
        wake.load()
        wake.close()
