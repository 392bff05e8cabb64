"""Is there anything but the room's own noise? Asked before something dearer is, all day long."""

import numpy as np
import numpy.typing as npt

from hotpin.audio.frame import CAPTURE_RATE, FULL_SCALE, Samples

HANG_SECONDS = 5.0
"""s for which a gate stays open after what opened it: longer than pauses in a conversation."""

NOISY_DBFS = -50.0
"""dBFS of noise in either band from which a gate is always open: a voice may hide in it."""

_OPEN_RATIOS = np.array((1.6, 2.5))
"""Power over that of the room's noise from which a block counts as more, 2 and 4 dB: rumble comes in waves, hiss is
steady."""

_NOISY = (FULL_SCALE * 10 ** (NOISY_DBFS / 20)) ** 2

_LAG = 14
"""Samples; what differs over them is strongest from 0.2 to 0.9 kHz."""

_FALL = 0.2
"""Share by which the noise is taken to have fallen at each quieter block."""

_RISE_PER_SECOND = 1.12
"""Factor by which it is taken to rise at most: 0.5 dB/s, so that a long sentence does not become noise."""

_FAINTEST = 0.05
"""Mean square of int16 samples below which all is digital silence."""


class NoiseGate:
    """Opens when a sound rises over the room's noise, which it learns; in doubt it is open.

    It compares each block with the quietest of late, in two bands: that of hissing sounds, and that of vowels without
    the rumble of a fan or a street.
    """

    def __init__(self) -> None:
        self._floor: npt.NDArray[np.float64] | None = None
        self._hang = HANG_SECONDS

    def opens(self, samples: Samples) -> bool:
        """Whether this block of 16 kHz samples, or one of the last ``HANG_SECONDS``, holds more than noise."""
        seconds = len(samples) / CAPTURE_RATE
        power = _powers(samples)
        if self._floor is None:
            self._floor = power
        louder = bool(((power > _OPEN_RATIOS * self._floor) | (self._floor > _NOISY)).any())
        risen = self._floor * _RISE_PER_SECOND**seconds
        self._floor = np.where(
            power < self._floor, self._floor + _FALL * (power - self._floor), np.minimum(power, risen)
        )
        self._hang = HANG_SECONDS if louder else self._hang - seconds
        return self._hang > 0


def _powers(samples: Samples) -> npt.NDArray[np.float64]:
    sound = samples.astype(np.float64)
    hiss, vowels = sound[1:] - sound[:-1], sound[_LAG:] - sound[:-_LAG]
    return np.maximum(np.array((hiss @ hiss, vowels @ vowels)) / len(samples), _FAINTEST)
