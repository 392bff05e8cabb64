"""How an utterance dies away: what a listener hears in the last syllables, in plain signal processing.

At the end of a turn the voice falls: quieter, lower, often without tone. Before a pause for thought it stays up, or
stops short. Two figures of the last tenth of a second, one of them against the whole utterance, say which it was; alone
they are weak, but they cost next to nothing, need no model and know nothing of the language.
"""

import numpy as np
import numpy.typing as npt

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.endpoint import Ending

_HOP = CAPTURE_RATE // 100
_WINDOW = CAPTURE_RATE // 25  # 40 ms: two periods of the lowest voice
_SPECTRUM = 2048
_LAGS = slice(CAPTURE_RATE // 400, CAPTURE_RATE // 60)  # a voice has 60 to 400 Hz
_LAST_WINDOWS = 8  # a hop apart: the last 0.11 s
_SHAPE = np.hanning(_WINDOW)
_SHAPE_CORRELATION = np.fft.irfft(np.abs(np.fft.rfft(_SHAPE, _SPECTRUM)) ** 2)[: _LAGS.stop]

Floats = npt.NDArray[np.float64]


def ending(samples: Samples) -> Ending:
    """Measure how an utterance ends.

    Args:
        samples: its last seconds with the pause after it so far, int16, shape (n,), 16 kHz.

    Raises:
        ValueError: if it is shorter than 0.1 s.
    """
    if len(samples) < CAPTURE_RATE // 10:
        raise ValueError(f"an ending needs 0.1 s of audio, got {len(samples) / CAPTURE_RATE} s")
    audio = samples.astype(np.float64)
    audio -= audio.mean()
    levels = _levels(audio)
    smooth = np.convolve(levels, np.ones(3) / 3, "same")
    top, room = np.percentile(smooth, (95, 5))
    end = int(np.flatnonzero(smooth >= min(max(room + 6.0, top - 35.0), smooth.max()))[-1]) + 1
    speech = levels[smooth >= min(max(room + 10.0, top - 25.0), smooth.max())].mean()
    last = [_tone(audio, end * _HOP - _WINDOW - step * _HOP) for step in range(_LAST_WINDOWS)]
    return Ending(
        level=float(levels[max(0, end - 10) : end].mean() - speech),
        voicing=float(np.mean(last)),
        silence=len(audio) / CAPTURE_RATE - end * _HOP / CAPTURE_RATE,
    )


def _levels(audio: Floats) -> Floats:
    """Return the level of each 10 ms, in dB."""
    count = len(audio) // _HOP
    power = (audio[: count * _HOP].reshape(count, _HOP) ** 2).mean(axis=1)
    levels: Floats = 10.0 * np.log10(power + 1.0)
    return levels


def _tone(audio: Floats, start: int) -> float:
    """Return how much of a tone a window has, 0 to 1, by its autocorrelation."""
    window = audio[max(0, start) : max(0, start) + _WINDOW]
    if start < 0 or len(window) < _WINDOW:
        return 0.0
    correlation = np.fft.irfft(np.abs(np.fft.rfft(window * _SHAPE, _SPECTRUM)) ** 2)[: _LAGS.stop]
    if correlation[0] <= 0:
        return 0.0
    normal = correlation * (_SHAPE_CORRELATION[0] / correlation[0]) / _SHAPE_CORRELATION
    return min(1.0, float(normal[_LAGS].max()))
