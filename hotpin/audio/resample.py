"""From one sample rate to another, as a stream."""

from typing import Any

import numpy as np
import soxr

from hotpin.audio.frame import Frame, Samples, to_float, to_int16
from hotpin.errors import AudioError

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Hz. No speech survives below; a header that claims more is broken, and a ratio of any size would take any memory."""


def check_rate(rate: int) -> None:
    """Refuse a sample rate that no speech has.

    Raises:
        AudioError: if it is outside ``MIN_RATE`` to ``MAX_RATE``.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"a sample rate of {rate} Hz is not usable", f"It must be from {MIN_RATE} to {MAX_RATE} Hz")


class Resampler:
    """Changes the sample rate of one stream of mono audio; equal rates pass through without a copy.

    However the stream is cut into pieces, the same samples come out. That is why it calculates in float32: given int16,
    soxr rounds differently from cut to cut.

    Args:
        rate_in: Hz of what is pushed.
        rate_out: Hz of what comes back.

    Raises:
        AudioError: if a rate is outside ``MIN_RATE`` to ``MAX_RATE``.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        check_rate(rate_in)
        check_rate(rate_out)
        self._rate_in = rate_in
        self._stream: Any = None if rate_in == rate_out else soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32")

    def push(self, samples: Samples) -> Samples:
        """Take the next piece, int16 of shape (n,), and return what is ready: int16 of shape (m,), m may be 0.

        Raises:
            AudioError: if the samples are not one-dimensional int16.
        """
        checked = Frame(samples, self._rate_in).samples
        if self._stream is None:
            return checked
        return to_int16(self._stream.resample_chunk(to_float(checked)))

    def flush(self) -> Samples:
        """End the stream: return what is still inside, int16 of shape (m,); what is pushed next begins a new one."""
        if self._stream is None:
            return np.empty(0, np.int16)
        tail = to_int16(self._stream.resample_chunk(np.empty(0, np.float32), last=True))
        self._stream.clear()
        return tail
