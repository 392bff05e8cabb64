"""How an utterance dies away."""

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.prosody.ending import ending

PAUSE = np.random.default_rng(0).normal(0, 10, int(0.15 * CAPTURE_RATE)).astype(np.int16)


def voice(pitches: list[float], levels: list[float]) -> Samples:
    """A buzz, 0.2 s for each pitch in Hz and level, full of harmonics like a voice."""
    pieces = []
    time = np.arange(int(0.2 * CAPTURE_RATE)) / CAPTURE_RATE
    for pitch, level in zip(pitches, levels, strict=True):
        buzz = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 12))
        pieces.append(level * np.asarray(buzz))
    return np.concatenate(pieces).astype(np.int16)


FALLING = np.concatenate((voice([140.0] * 6 + [120.0, 100.0, 90.0], [4000.0] * 6 + [2500.0, 1200.0, 500.0]), PAUSE))
STAYING = np.concatenate((voice([140.0] * 6 + [140.0, 145.0, 150.0], [4000.0] * 9), PAUSE))


def test_a_voice_that_falls_ends_quieter_than_one_that_stays_up() -> None:
    assert ending(FALLING).level < ending(STAYING).level - 5.0


def test_it_tells_since_when_there_is_silence() -> None:
    assert ending(STAYING).silence == pytest.approx(0.15, abs=0.02)


def test_a_breath_has_less_of_a_tone_than_a_vowel() -> None:
    breath = np.random.default_rng(1).normal(0, 1500, int(0.2 * CAPTURE_RATE)).astype(np.int16)
    assert ending(np.concatenate((STAYING[: -len(PAUSE)], breath, PAUSE))).voicing < 0.5 < ending(STAYING).voicing


@pytest.mark.parametrize("samples", [np.zeros(CAPTURE_RATE, np.int16), np.full(CAPTURE_RATE, 1000, np.int16), PAUSE])
def test_what_holds_no_voice_is_measured_too(samples: Samples) -> None:
    found = ending(samples)
    assert np.isfinite([found.level, found.voicing]).all()


def test_too_little_audio_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.1 s"):
        ending(np.zeros(100, np.int16))
