"""Recordings made of noise: somebody who speaks in a room that hums."""

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Samples

HUM = 40
LOUD = 4_000


def sound(*stretches: tuple[float, int], seed: int = 1) -> Samples:
    """Noise of (seconds, level) one after the other."""
    random = np.random.default_rng(seed)
    pieces = [random.normal(0.0, level, round(seconds * CAPTURE_RATE)) for seconds, level in stretches]
    return np.clip(np.concatenate(pieces).round(), -32_768, 32_767).astype(np.int16)


SPOKEN = sound((0.4, HUM), (0.5, LOUD), (0.04, HUM), (0.6, LOUD), (0.5, HUM))
"""Speech from 0.4 to 1.54 s with a gap at 0.9 s, in a room that hums."""
