"""Re-blocking: engines that need blocks of their own length get them from frames of any length."""

from collections.abc import Iterator

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.errors import AudioError


def require_capture_rate(frame: Frame, who: str) -> None:
    """Refuse audio at another rate than the capture path's.

    Raises:
        AudioError: naming ``who`` needs it and the rate that came.
    """
    if frame.rate != CAPTURE_RATE:
        raise AudioError(f"{who} needs audio at {CAPTURE_RATE} Hz, got {frame.rate} Hz")


class Reblocker:
    """Cuts a stream of samples into blocks of exactly ``size`` samples; the remainder waits for the next push."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a block needs at least one sample, got {size}")
        self._size = size
        self._rest: Samples = np.empty(0, np.int16)

    def push(self, samples: Samples) -> Iterator[Samples]:
        """Take samples and give the blocks that are full now."""
        if len(self._rest):
            samples = np.concatenate((self._rest, samples))
        whole = len(samples) - len(samples) % self._size
        # A copy, so that a long buffer is not kept alive by its last few samples.
        self._rest = samples[whole:].copy()
        for start in range(0, whole, self._size):
            yield samples[start : start + self._size]

    def flush(self) -> Samples:
        """Give what is left, less than a block, and begin anew."""
        rest, self._rest = self._rest, np.empty(0, np.int16)
        return rest
