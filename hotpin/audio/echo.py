"""Takes what the loudspeaker plays out of what the microphone hears.

WebRTC's AEC3 finds by itself how late the echo comes, up to about half a second, and follows clocks that drift apart.
It compares the two signals step by step, so its one need is that both come at the same pace and the loudspeaker's
first; ``_Reference`` sees to that, whatever blocks the devices deliver.
"""

import math
import threading
from collections import deque
from typing import Any, Protocol

import numpy as np

from hotpin.audio.blocks import require_capture_rate
from hotpin.audio.echo_quality import EchoMeter, EchoQuality
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples, to_float, to_int16
from hotpin.errors import AudioError

MIN_RATE, MAX_RATE = 8_000, 192_000
"""Hz. What sound devices play at."""

REFERENCE_SECONDS = 2.0
"""s of the loudspeaker's signal that may wait for the microphone's; beyond that the oldest is dropped."""

CUSHION_SECONDS = 0.01
"""s of the loudspeaker's signal held back against late callbacks. More would cost: the echo must come after it."""

PAUSE_SECONDS = 0.5
"""s. Capture frames further apart than this belong to two recordings: the microphone was muted or exchanged."""

REST_SECONDS = 5.0
"""s of the loudspeaker's silence after which frames pass as they are, to spare the processor. Longer than any echo, so
that AEC3 finds everything as it left it."""

_CUTOFF = 0.95
"""Share of the lower rate's bandwidth that passes the resampler."""

_HALF_WIDTH_SECONDS = 0.001
"""s of the loudspeaker's signal before and after a sample from which it is calculated."""

_CUSHION = round(CUSHION_SECONDS * CAPTURE_RATE)
_SURPLUS = round(0.1 * CAPTURE_RATE)
"""Samples too many that are dropped at once; fewer are worked off one by one, which the filter does not notice."""

_SLIP_FRAMES = 15
"""Frames from one sample left out or doubled to the next: 208 ppm, more than sound cards differ. At 600 ppm the filter
lost 15 dB and speech was found in what it left."""

_LEVEL_FRAMES = 150
"""Frames over which the buffer's lowest level counts: longer than a listener that is late takes to catch up."""

_LEVELS = 4
"""Lowest levels that a slow correction goes by. By fewer, it followed every chance order of the two devices' blocks."""


class EchoPath(Protocol):
    """What stands between loudspeaker and microphone."""

    def play(self, frame: Frame) -> None:
        """Take what the loudspeaker plays next; may be called from its callback."""
        ...

    def clean(self, frame: Frame) -> Frame:
        """Return a capture frame without the echo; called by the listener."""
        ...

    @property
    def converged(self) -> bool:
        """Whether what is left of the echo can be told from a person."""
        ...


class NoEcho:
    """For headphones, or where nothing is played: everything passes."""

    converged = True

    def play(self, frame: Frame) -> None:
        """Do nothing: nobody but the person hears it."""

    def clean(self, frame: Frame) -> Frame:
        """Return the frame itself."""
        return frame


class EchoCanceller:
    """WebRTC's AEC3. ``play`` may be called by one thread and ``clean`` by another.

    The cleaned sound comes 8 ms late within its frame, 14 ms with noise suppression; AEC3's high-pass filter is part of
    it. Unless noise is suppressed, it rests while the loudspeaker is silent.

    Args:
        noise_suppression: whether steady noise is removed as well, by up to 12 dB.

    Raises:
        AudioError: if the package with AEC3 is missing.
    """

    def __init__(self, *, noise_suppression: bool = False) -> None:
        self._processor = _audio_processing(noise_suppression)
        self._reference = _Reference()
        self._meter = EchoMeter()
        self._end: float | None = None
        self._may_rest = not noise_suppression
        self._silent_seconds = 0.0  # for how long the loudspeaker has been silent

    def play(self, frame: Frame) -> None:
        """Take what the loudspeaker plays next, at any rate and of any length. It only copies; it never waits long.

        Raises:
            AudioError: if the frame is empty or its rate is not usable.
        """
        _require_samples(frame)
        if not MIN_RATE <= frame.rate <= MAX_RATE:
            raise AudioError(
                f"the echo canceller cannot follow a loudspeaker at {frame.rate} Hz",
                f"Its rate must be from {MIN_RATE} to {MAX_RATE} Hz",
            )
        self._reference.push(frame)

    def clean(self, frame: Frame) -> Frame:
        """Return a capture frame without the echo: as long, with the same start.

        AEC3 takes blocks of 10 ms: a frame that is no whole number of them is filled up with silence, so only the last
        of a recording should be such a one.

        Raises:
            AudioError: if the frame is empty or not at 16 kHz.
        """
        require_capture_rate(frame, "the echo canceller")
        _require_samples(frame)
        if self._end is None or abs(frame.start - self._end) > PAUSE_SECONDS:
            self._reference.restart()
        self._end = frame.end
        far = self._reference.pull(len(frame.samples))
        self._silent_seconds = 0.0 if far.any() else self._silent_seconds + frame.seconds
        if self._may_rest and self._silent_seconds > REST_SECONDS:
            self._meter.push(frame.samples, frame.samples, far)
            return frame
        # The package reads a strided view, such as one channel of two, as if it had no strides.
        cleaned: Samples = self._processor.process(np.ascontiguousarray(frame.samples), far)
        self._meter.push(frame.samples, cleaned, far)
        return Frame(cleaned, frame.rate, frame.start)

    def measure_anew(self) -> None:
        """Forget how well the echo was removed: it takes another way now. Call it from the thread of ``clean``."""
        self._meter.restart()

    @property
    def quality(self) -> EchoQuality:
        """How well the echo is removed; ask the thread that calls ``clean``."""
        return self._meter.quality()

    @property
    def converged(self) -> bool:
        """Whether what is left of the echo can be told from a person; ask the thread that calls ``clean``."""
        return self.quality.converged

    @property
    def dropped_seconds(self) -> float:
        """How much of the loudspeaker's signal was dropped because too much of it waited, in s."""
        return self._reference.dropped_seconds

    @property
    def missing_seconds(self) -> float:
        """For how long the loudspeaker's signal came too late for the microphone's, in s."""
        return self._reference.missing_seconds


class _Reference:
    """The loudspeaker's signal, brought to the microphone's rate and pace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the next three; held for microseconds only
        self._arrived: deque[Frame] = deque()
        self._arrived_seconds = 0.0
        self._dropped_seconds = 0.0
        # The rest is the listener's alone.
        self._rate = 0
        self._resampler = _QuickResampler(CAPTURE_RATE)
        self._ready: Samples = np.empty(0, np.int16)
        self._flowing = False
        self._levels: deque[int] = deque(maxlen=_LEVEL_FRAMES)
        self._lowest: deque[int] = deque(maxlen=_LEVELS)
        self._slip = 0
        self.missing_seconds = 0.0

    @property
    def dropped_seconds(self) -> float:
        with self._lock:
            return self._dropped_seconds

    def push(self, frame: Frame) -> None:
        """Keep a copy: the callback's buffer is PortAudio's."""
        copy = Frame(frame.samples.copy(), frame.rate, frame.start)
        with self._lock:
            self._arrived.append(copy)
            self._arrived_seconds += copy.seconds
            while self._arrived_seconds > REFERENCE_SECONDS:
                oldest = self._arrived.popleft()
                self._arrived_seconds -= oldest.seconds
                self._dropped_seconds += oldest.seconds

    def pull(self, count: int) -> Samples:
        """Return the next ``count`` samples at 16 kHz, silence where the loudspeaker's signal is not there yet."""
        self._collect()
        self._flowing = self._flowing or len(self._ready) >= count + _CUSHION
        if not self._flowing:
            return np.zeros(count, np.int16)
        samples, self._ready = self._ready[:count], self._ready[count:]
        if len(samples) < count:
            self._start_anew()
            self.missing_seconds += (count - len(samples)) / CAPTURE_RATE
            return np.concatenate((samples, np.zeros(count - len(samples), np.int16)))
        self._keep_level()
        return samples

    def restart(self) -> None:
        """Forget what waits: it belongs to sound that nobody captured."""
        self._collect()
        self._ready = self._ready[:0]
        self._start_anew()

    def _collect(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, deque()
            self._arrived_seconds = 0.0
        for frame in arrived:
            if frame.rate != self._rate:
                self._rate = frame.rate
                self._resampler = _QuickResampler(frame.rate)
            self._ready = np.concatenate((self._ready, self._resampler.push(frame.samples)))

    def _start_anew(self) -> None:
        self._flowing = False
        self._levels.clear()
        self._lowest.clear()
        self._slip = 0

    def _keep_level(self) -> None:
        """Hold what waits between half a cushion and three: clocks that drift would empty the buffer or delay it."""
        self._levels.append(len(self._ready))
        if len(self._levels) % _SLIP_FRAMES == 0:
            if self._slip < 0:
                self._ready = self._ready[1:]
            elif self._slip > 0:
                self._ready = np.concatenate((self._ready[:1], self._ready))
        if len(self._levels) < _LEVEL_FRAMES:
            return
        surplus = min(self._levels) - _CUSHION
        if surplus > _SURPLUS:
            self._ready = self._ready[surplus:]
            with self._lock:
                self._dropped_seconds += surplus / CAPTURE_RATE
        self._lowest.append(min(surplus, _SURPLUS))
        self._levels.clear()
        steady = min(self._lowest)
        self._slip = -1 if steady > 2 * _CUSHION else int(steady < -_CUSHION // 2)


class _QuickResampler:
    """Brings a stream at ``rate`` Hz to 16 kHz with a short filter, 1 ms late.

    The resampler of the other paths holds back up to 40 ms, which is longer than some echoes take.
    """

    def __init__(self, rate: int) -> None:
        unit = math.gcd(rate, CAPTURE_RATE)
        self._step, self._phases = rate // unit, CAPTURE_RATE // unit
        cutoff = _CUTOFF * min(1.0, CAPTURE_RATE / rate)
        taps = round(_HALF_WIDTH_SECONDS * 2 * max(rate, CAPTURE_RATE))
        at = np.arange(taps) - (taps - 1) / 2 - np.arange(self._phases)[:, np.newaxis] / self._phases
        window = np.maximum(np.cos(np.pi * at / (taps + 1)), 0.0) ** 2
        kernels = np.sinc(cutoff * at) * window
        self._kernels = (kernels / kernels.sum(axis=1, keepdims=True)).astype(np.float32)
        self._rest = np.zeros(taps - 1, np.float32)
        self._next = 0  # where the next sample is taken, in phases after the start of the rest

    def push(self, samples: Samples) -> Samples:
        """Take int16 of shape (n,) and return what is ready, int16 of shape (m,)."""
        sound = np.concatenate((self._rest, to_float(samples)))
        taps = self._kernels.shape[1]
        end = (len(sound) - taps + 1) * self._phases
        at, phase = np.divmod(np.arange(self._next, end, self._step), self._phases)
        windows = np.lib.stride_tricks.sliding_window_view(sound, taps)[at]
        done = self._next + len(at) * self._step
        used = min(done // self._phases, len(sound))
        self._rest, self._next = sound[used:], done - used * self._phases
        return to_int16(np.einsum("ij,ij->i", windows, self._kernels[phase]))


def _require_samples(frame: Frame) -> None:
    if not len(frame.samples):
        raise AudioError("the echo canceller got an empty frame: 0 samples")


def _audio_processing(noise_suppression: bool) -> Any:  # noqa: ANN401 - the package is imported when it is needed
    try:
        from pywebrtc_audio import AudioProcessor
    except ImportError as error:
        raise AudioError(
            "the package pywebrtc-audio is missing, so the echo cannot be removed",
            "Install it: pip install pywebrtc-audio",
        ) from error
    return AudioProcessor(
        sample_rate=CAPTURE_RATE,
        echo_cancellation=True,
        high_pass_filter=True,
        noise_suppression=noise_suppression,
    )
