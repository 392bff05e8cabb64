"""Whisper's input: the log-mel spectrogram, in numpy.

Parameters and scaling are those of OpenAI's Whisper (25 ms Hann window, 10 ms hop, 80 Slaney mel bands; large-v3: 128).
Written here because the library's own extractor costs 0.3 s of imports at start and twice the time per utterance.
"""

import numpy as np
import numpy.typing as npt

from hotpin.audio.frame import CAPTURE_RATE

FloatArray = npt.NDArray[np.float32]

WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
_DYNAMIC_RANGE = 8.0  # in powers of ten below the loudest value
_FLOOR = 1e-10


class LogMel:
    """Computes spectrograms for one number of mel bands; the filters are made once."""

    def __init__(self, bands: int = 80) -> None:
        if bands < 1:
            raise ValueError(f"a mel spectrogram needs at least one band, got {bands}")
        self._filters = _mel_filters(bands)
        self._window = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)

    def __call__(self, audio: FloatArray) -> FloatArray:
        """Return the spectrogram, shape (bands, len(audio) // 160), of float audio of shape (n,) at 16 kHz.

        Raises:
            ValueError: if the audio is shorter than half a window.
        """
        if len(audio) <= WINDOW_SAMPLES // 2:
            raise ValueError(f"a spectrogram needs more than {WINDOW_SAMPLES // 2} samples, got {len(audio)}")
        padded = np.pad(audio, WINDOW_SAMPLES // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
        frames = frames[: len(audio) // HOP_SAMPLES]
        spectrum = np.fft.rfft(frames * self._window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        mel = self._filters @ power.T.astype(np.float32)
        log = np.log10(np.maximum(mel, _FLOOR))
        log = np.maximum(log, log.max() - _DYNAMIC_RANGE)
        scaled: FloatArray = ((log + 4.0) / 4.0).astype(np.float32)
        return scaled


def _mel_filters(bands: int) -> FloatArray:
    """Triangular filters on Slaney's mel scale, each of unit area, shape (bands, 201)."""
    frequencies = np.fft.rfftfreq(WINDOW_SAMPLES, 1.0 / CAPTURE_RATE)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(CAPTURE_RATE / 2), bands + 2))
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: FloatArray = (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
    return filters


# Slaney's scale (Auditory Toolbox, 1998): linear up to 1 kHz, then logarithmic, 27 steps per factor of 6.4.
_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _BREAK_HZ else float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, logarithmic)
