"""The spectrogram is the one that Whisper was trained on."""

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from hotpin.stt.mel import FloatArray, LogMel

RATE = 16_000


def sound(samples: int) -> FloatArray:
    """A rising tone in noise, louder in the middle."""
    at = np.arange(samples) / RATE
    wave = np.sin(2 * np.pi * (200 + 300 * at) * at) + np.random.default_rng(7).normal(0, 0.1, samples)
    return (0.5 * wave * np.hanning(samples)).astype(np.float32)


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("samples", [201, 400, 8_000, 16_001, 50_079, 4 * RATE, 30 * RATE])
def test_it_equals_the_library_s_own(samples: int, bands: int) -> None:
    audio = sound(samples)
    expected = FeatureExtractor(feature_size=bands)(audio, padding=0)
    spectrogram = LogMel(bands)(audio)
    assert spectrogram.shape == expected.shape == (bands, samples // 160)
    assert spectrogram.dtype == np.float32
    assert np.max(np.abs(spectrogram - expected)) < 1e-3


def test_silence_has_the_lowest_value_everywhere() -> None:
    assert LogMel()(np.zeros(RATE, np.float32)) == pytest.approx(-1.5)


def test_one_extractor_serves_many_sounds() -> None:
    mel = LogMel()
    first = mel(sound(RATE))
    mel(sound(2 * RATE))
    assert np.array_equal(mel(sound(RATE)), first)


@pytest.mark.parametrize("samples", [0, 1, 200])
def test_what_is_shorter_than_half_a_window_is_refused(samples: int) -> None:
    with pytest.raises(ValueError, match=f"got {samples}"):
        LogMel()(np.zeros(samples, np.float32))


@pytest.mark.parametrize("bands", [0, -1])
def test_at_least_one_band_is_needed(bands: int) -> None:
    with pytest.raises(ValueError, match=f"got {bands}"):
        LogMel(bands)
