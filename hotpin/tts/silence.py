"""Silence around synthesised speech: voices begin and end with up to half a second of it, which a person waits for."""

import numpy as np

from hotpin.audio.frame import FULL_SCALE, Samples

AUDIBLE = int(FULL_SCALE * 10 ** (-50 / 20))
"""Sample value from which something can be heard: -50 dBFS, below the onset of the softest consonants."""

LEAD_SECONDS = 0.02
"""s kept before the first audible sample, so that the onset is not clicked off."""

TAIL_SECONDS = 0.22
"""s kept after the last audible sample: with the next clause's lead, the pause between two sentences."""


def trim(samples: Samples, rate: int, tail_seconds: float = TAIL_SECONDS) -> Samples:
    """Cut the silence around speech to what a listener needs; audio without anything audible becomes empty."""
    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    if not len(audible):
        return samples[:0]
    first = max(0, int(audible[0]) - int(LEAD_SECONDS * rate))
    return samples[first : int(audible[-1]) + 1 + int(tail_seconds * rate)]
