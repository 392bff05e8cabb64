"""Engines are found by name, those of other packages like our own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hotpin import models, registry
from hotpin.errors import HotpinError, SettingsError
from hotpin.registry import Kind
from hotpin.settings import Settings
from tests.conftest import choosing

KINDS: list[Kind] = ["vad", "stt", "llm", "tts"]
BUILDERS: dict[Kind, Callable[[Settings], object]] = {
    "vad": registry.build_vad,
    "stt": registry.build_stt,
    "llm": registry.build_llm,
    "tts": registry.build_tts,
}


@pytest.fixture
def outsider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Kind, str], None]:
    """Installs a package that offers one engine, named after what its entry point refers to."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(kind: Kind, reference: str) -> None:
        info = tmp_path / "outsider-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outsider\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[hotpin.{kind}]\nparrot = {reference}\n")
        (tmp_path / f"parrot_{kind}.py").write_text("def build(settings):\n    return ('parrot', settings)\n")
        (tmp_path / f"hungry_{kind}.py").write_text("import no_such_cracker\n")

    return install


def test_the_engines_that_come_with_hotpin_are_there() -> None:
    assert set(registry.names("vad")) >= {"silero", "webrtc"}
    assert "whisper" in registry.names("stt")
    assert set(registry.names("llm")) >= {"auto", "llama-cpp-python", "xllamacpp"}
    assert "hibari" in registry.names("tts")


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_sorted_and_the_default_is_one_of_them(kind: Kind, settings: Settings) -> None:
    names = registry.names(kind)
    assert names == sorted(set(names))
    assert getattr(settings, kind).engine in names


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_of_the_settings_is_built(kind: Kind, settings: Settings) -> None:
    assert hasattr(BUILDERS[kind](settings), "load")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["nobody", ""])
def test_an_unknown_engine_is_refused_with_those_there_are(kind: Kind, name: str, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=f"no {kind} engine '{name}'") as caught:
        BUILDERS[kind](choosing(settings, kind, engine=name))
    assert ", ".join(registry.names(kind)) in caught.value.fix


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_of_another_package_is_found(
    kind: Kind, settings: Settings, outsider: Callable[[Kind, str], None]
) -> None:
    outsider(kind, f"parrot_{kind}:build")
    assert "parrot" in registry.names(kind)
    chosen = choosing(settings, kind, engine="parrot")
    assert BUILDERS[kind](chosen) == ("parrot", chosen)


@pytest.mark.parametrize(
    ("reference", "module"), [("no_such_parrot:build", "no_such_parrot"), ("hungry_tts:build", "no_such_cracker")]
)
def test_an_engine_whose_module_is_missing_names_it(
    reference: str, module: str, settings: Settings, outsider: Callable[[Kind, str], None]
) -> None:
    outsider("tts", reference)
    with pytest.raises(HotpinError, match=f"'parrot' needs the Python module '{module}'") as caught:
        registry.build_tts(choosing(settings, "tts", engine="parrot"))
    assert "hibari" in caught.value.fix


def test_prosody_is_judged_only_where_it_is_chosen(settings: Settings) -> None:
    assert registry.build_prosody(choosing(settings, "turn", prosody="")) is None
    built = registry.build_prosody(choosing(settings, "turn", prosody="smart-turn"))
    assert built is not None
    assert built.info.name == "smart-turn"


@pytest.mark.parametrize(("cores", "language"), [(1, "en"), (2, "sv")])
def test_prosody_is_left_alone_where_it_does_not_suit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, cores: int, language: str
) -> None:
    monkeypatch.setattr(models, "available_cores", lambda: cores)
    assert registry.build_prosody(choosing(settings, "stt", language=language)) is None


def test_prosody_is_judged_where_its_model_is_there_and_suits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "available_cores", lambda: 2)
    assert registry.build_prosody(choosing(settings, "models", dir=str(tmp_path))) is None
    there = any(status.installed for status in models.list_models(settings) if status.model.name == "smart-turn")
    assert (registry.build_prosody(settings) is not None) == there


def test_an_unknown_name_for_prosody_is_refused_with_those_there_are(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="no prosody engine 'nobody'") as caught:
        registry.build_prosody(choosing(settings, "turn", prosody="nobody"))
    assert caught.value.fix == f"Choose one of: {', '.join(registry.names('prosody'))}"
    assert "smart-turn" in caught.value.fix
