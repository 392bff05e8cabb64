"""How loud the microphone is, for whoever shows it."""

import math

import numpy as np

from hotpin.audio.frame import FULL_SCALE, Frame, Samples

LEVEL_SECONDS = 0.1
"""s between two figures."""

_QUIETEST = 1e-5  # of full scale: -100 dBFS stands for digital silence


def dbfs(samples: Samples) -> float:
    """Return the level of int16 samples, shape (n,), in dBFS: bounded below, so that silence has one, too."""
    wide = samples.astype(np.float64)
    return _decibels(float(wide @ wide), len(wide))


def _decibels(energy: float, count: int) -> float:
    return 20 * math.log10(max(math.sqrt(energy / max(1, count)) / FULL_SCALE, _QUIETEST))


class LevelMeter:
    """Sums up frames to a figure every ``LEVEL_SECONDS``."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._samples = 0
        self._probability = 0.0

    def measure(self, frame: Frame, probability: float) -> tuple[float, float] | None:
        """Take a frame; return the level in dBFS and the highest probability of speech when it is time for them."""
        wide = frame.samples.astype(np.float64)
        self._energy += float(wide @ wide)
        self._samples += len(wide)
        self._probability = max(self._probability, probability)
        if self._samples < LEVEL_SECONDS * frame.rate:
            return None
        level = _decibels(self._energy, self._samples), self._probability
        self._energy, self._samples, self._probability = 0.0, 0, 0.0
        return level
