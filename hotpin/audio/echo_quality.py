"""How well an echo canceller works, measured while it works."""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

import numpy as np

from hotpin.audio.frame import FULL_SCALE, Samples

LOUD_DBFS = -45.0
"""dBFS of the loudspeaker's signal from which its echo is measured."""

CONVERGED_DB = 12.0
"""dB of echo removed from which a voice that is left is no longer taken for a person's."""

AUDIBLE_DB = 6.0
"""dB over the room's own noise up to which what is left of the echo does not matter."""

_SEGMENT_FRAMES = 25
_SEGMENTS = 10
"""Half seconds of echo that the quality is the median of."""

_WARM_UP_SEGMENTS = 5
"""Half seconds of echo that do not count. AEC3 begins by taking down whatever sounds while the loudspeaker does, a
person too: 30 dB went even where the echo was that of another sound."""

_INAUDIBLE_SEGMENTS = 3
"""Half seconds of loud playing after which it is believed that the microphone hears none of it."""

_INAUDIBLE_MEMORY = 5
"""Half seconds of loud playing that this belief is the median of: few, as headphones are unplugged unannounced."""

_TAIL_FRAMES = 15
"""Frames after the last loud one of the loudspeaker during which the echo may still come."""


@dataclass(frozen=True, slots=True)
class EchoQuality:
    """How well the echo was removed in the last 5 s of loud playing.

    Only frames count in which the loudspeaker is loud, or was within 0.3 s. Their energy is summed in segments of half
    a second, and each figure is the median of the last ten, so that a person who talks over the loudspeaker spoils a
    few segments but not the figure. The first 2.5 s ever are left out: what AEC3 removes then says nothing yet. The
    room's noise is the quietest tenth of the frames while the loudspeaker is silent.
    """

    echo_dbfs: float
    """The microphone's level while the loudspeaker is loud; -inf before the first segment."""

    residual_dbfs: float
    """The level of what was left of it; -inf before the first segment."""

    erle_db: float
    """Echo return loss enhancement: how many dB were removed; 0 before the first segment."""

    noise_dbfs: float
    """The room's own noise; -inf as long as it is not known."""

    segments: int
    """How many half seconds were measured, 10 at most."""

    inaudible: bool = False
    """Whether the microphone hears no echo at all, as with headphones; known after 1.5 s of loud playing."""

    @property
    def converged(self) -> bool:
        """Whether a person can be told from what is left; known after 3.5 s of echo at the earliest."""
        quiet = self.residual_dbfs <= self.noise_dbfs + AUDIBLE_DB
        return self.segments > 1 and (self.erle_db >= CONVERGED_DB or quiet)


class EchoMeter:
    """Measures what ``EchoQuality`` tells."""

    def __init__(self) -> None:
        self._tail = 0
        self._warm_up = _WARM_UP_SEGMENTS
        self._frames = 0
        self._heard = self._left = 0.0
        self._segments: deque[tuple[float, float]] = deque(maxlen=_SEGMENTS)  # mean squares before and after
        self._loud: deque[float] = deque(maxlen=_INAUDIBLE_MEMORY)  # mean squares before, the first half seconds too
        self._silence: deque[float] = deque(maxlen=_SEGMENTS * _SEGMENT_FRAMES)  # mean squares

    def push(self, heard: Samples, left: Samples, far: Samples) -> None:
        """Take a capture frame, what is left of it, and what the loudspeaker played: int16 of one shape (n,)."""
        self._tail = _TAIL_FRAMES if _dbfs(_power(far)) > LOUD_DBFS else self._tail - 1
        if self._tail <= 0:
            self._silence.append(_power(heard))
            return
        self._heard += _power(heard)
        self._left += _power(left)
        self._frames += 1
        if self._frames == _SEGMENT_FRAMES:
            self._loud.append(self._heard / _SEGMENT_FRAMES)
            if self._warm_up:
                self._warm_up -= 1
            else:
                self._segments.append((self._heard / _SEGMENT_FRAMES, self._left / _SEGMENT_FRAMES))
            self._frames, self._heard, self._left = 0, 0.0, 0.0

    def restart(self) -> None:
        """Forget what was measured of the echo; what the room's noise is, stays."""
        self._tail, self._warm_up, self._frames = 0, _WARM_UP_SEGMENTS, 0
        self._heard = self._left = 0.0
        self._segments.clear()
        self._loud.clear()

    def quality(self) -> EchoQuality:
        """Tell what was measured so far."""
        noise = _dbfs(float(np.quantile(self._silence, 0.1))) if self._silence else -math.inf
        inaudible = len(self._loud) >= _INAUDIBLE_SEGMENTS and _dbfs(median(self._loud)) <= noise + AUDIBLE_DB
        if not self._segments:
            return EchoQuality(-math.inf, -math.inf, 0.0, noise, 0, inaudible)
        heard = [_dbfs(before) for before, _ in self._segments]
        left = [_dbfs(after) for _, after in self._segments]
        removed = [before - after for before, after in zip(heard, left, strict=True)]
        return EchoQuality(median(heard), median(left), median(removed), noise, len(self._segments), inaudible)


def _power(samples: Samples) -> float:
    wide = samples.astype(np.float64)
    return float(wide @ wide) / len(wide)


def _dbfs(power: float) -> float:
    # A thousandth of a sample step stands for nothing at all, so that differences stay finite.
    return 10 * math.log10(max(power, 1e-6) / FULL_SCALE**2)
