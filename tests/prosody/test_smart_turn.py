"""Smart Turn's own: the spectrogram it was trained on, and a model that is damaged."""

from pathlib import Path

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from hotpin import model_manifest, models
from hotpin.audio.frame import Samples, to_float
from hotpin.errors import ModelError
from hotpin.prosody.smart_turn import HEARD_SAMPLES, SmartTurn
from hotpin.settings import Settings
from tests.conftest import choosing


def sound(samples: int) -> Samples:
    """Noise that grows louder, with an offset as cheap microphones have."""
    loudness = np.linspace(100, 3000, samples)
    return (200 + loudness * np.random.default_rng(5).normal(0, 1, samples)).astype(np.int16)


@pytest.mark.parametrize("samples", [1, 20_001, HEARD_SAMPLES, HEARD_SAMPLES + 5000])
def test_the_spectrogram_is_that_of_eight_seconds_with_silence_before_the_speech(
    settings: Settings, samples: int
) -> None:
    heard = sound(samples)
    whole = np.concatenate([np.zeros(HEARD_SAMPLES, np.float32), to_float(heard)])[-HEARD_SAMPLES:]
    whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    expected = FeatureExtractor(feature_size=80)(whole, padding=0)
    found = SmartTurn(settings)._features(heard)
    assert found.shape == expected.shape == (80, 800)
    assert found.dtype == np.float32
    assert np.max(np.abs(found - expected)) < 1e-3


def test_a_file_that_is_no_model_can_be_fetched_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "smart-turn.onnx"
    broken.write_bytes(b"not a network")
    monkeypatch.setattr(models, "resolve", lambda *_: broken)
    with pytest.raises(ModelError, match="cannot be read") as caught:
        SmartTurn(settings).load()
    assert caught.value.fix == "Fetch it again with: hotpin models pull smart-turn"


def test_its_model_is_counted_only_where_it_is_chosen(settings: Settings, tmp_path: Path) -> None:
    elsewhere = choosing(settings, "models", dir=str(tmp_path))
    chosen = choosing(elsewhere, "turn", prosody="smart-turn")
    assert "smart-turn" not in models.chosen(elsewhere)
    assert "smart-turn" in models.chosen(chosen)
    assert [model.name for model in models.missing(chosen, ("prosody",))] == ["smart-turn"]
    assert models.missing(elsewhere, ("prosody",)) == []


def test_every_source_has_the_same_file() -> None:
    model = model_manifest.find("smart-turn")
    assert model.entry == "smart-turn-v3.0.onnx"
    assert {file.sha256 for name in model.sources for file in model.files(name)} == {
        "07a133aba31e2d0b523f17f8c2e4e65efe6d8f685efd12ca4fe21ebf4e798991"
    }
