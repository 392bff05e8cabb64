"""How an utterance dies away: what a listener hears in the last syllables, in plain signal processing.

At the end of a turn the voice falls: quieter, lower, often without tone. Before a pause for thought it stays up, or
stops short. Three figures of the last tenths of a second against the whole utterance say which it was; alone they are
weak, but they cost 4 ms, need no model and know nothing of the language.
"""

import numpy as np
import numpy.typing as npt

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.endpoint import Ending

_HOP = CAPTURE_RATE // 100
_WINDOW = CAPTURE_RATE // 25  # 40 ms: two periods of the lowest voice
_SPECTRUM = 2048
_LAGS = slice(CAPTURE_RATE // 400, CAPTURE_RATE // 60)  # a voice has 60 to 400 Hz
_VOICED = 0.5  # autocorrelation from which a window has a tone
_FITS = 0.85  # share of the best fit from which a lag fits
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
    last = [_tone(audio, end * _HOP - _WINDOW - step * _HOP) for step in range(40)]
    whole = [_tone(audio, start) for start in range(0, end * _HOP - _WINDOW, _WINDOW)]
    return Ending(
        level=float(levels[max(0, end - 10) : end].mean() - speech),
        voicing=float(np.mean([strength for strength, _ in last[:8]])),
        pitch=_octaves(last, whole),
        silence=len(audio) / CAPTURE_RATE - end * _HOP / CAPTURE_RATE,
    )


def _levels(audio: Floats) -> Floats:
    """Return the level of each 10 ms, in dB."""
    count = len(audio) // _HOP
    power = (audio[: count * _HOP].reshape(count, _HOP) ** 2).mean(axis=1)
    levels: Floats = 10.0 * np.log10(power + 1.0)
    return levels


def _tone(audio: Floats, start: int) -> tuple[float, float]:
    """Return how much of a tone a window has, 0 to 1, and its pitch in Hz, by its autocorrelation."""
    window = audio[max(0, start) : max(0, start) + _WINDOW]
    if start < 0 or len(window) < _WINDOW:
        return 0.0, 0.0
    correlation = np.fft.irfft(np.abs(np.fft.rfft(window * _SHAPE, _SPECTRUM)) ** 2)[: _LAGS.stop]
    if correlation[0] <= 0:
        return 0.0, 0.0
    normal = correlation * (_SHAPE_CORRELATION[0] / correlation[0]) / _SHAPE_CORRELATION
    there = normal[_LAGS]
    # Twice the period fits a tone as well as the period does: the first lag that fits is meant.
    first = int(np.argmax(there >= _FITS * there.max()))
    lag = _LAGS.start + first + int(np.argmax(there[first : first + _LAGS.start // 2]))
    return min(1.0, float(there.max())), CAPTURE_RATE / lag


def _octaves(last: list[tuple[float, float]], whole: list[tuple[float, float]]) -> float:
    """Return how much higher the last voiced windows are than the utterance, in octaves."""
    there = [pitch for strength, pitch in last if strength > _VOICED][:8]
    usual = [pitch for strength, pitch in whole if strength > _VOICED]
    if not there or not usual:
        return 0.0
    return float(np.log2(np.median(there) / np.median(usual)))
