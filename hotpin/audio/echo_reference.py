"""What the loudspeaker plays, as an echo canceller needs it: at the microphone's rate and on the microphone's time.

Both devices tell when their sound is heard, so the two signals are laid side by side by those times. A callback that
comes late, or a listener that does, moves nothing; where the loudspeaker runs dry, silence is put in for as long as it
was silent, so that the echo takes as long as before.
"""

import math
import threading
from collections import deque
from statistics import median

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples, to_float, to_int16

REFERENCE_SECONDS = 2.0
"""s of the loudspeaker's signal that may wait for the microphone's, as long as the microphone's waits to be read;
beyond that the oldest is dropped."""

LEAD_SECONDS = 0.01
"""s by which the loudspeaker's signal goes before: the echo must come after it, whatever the clocks' last error is."""

LATEST_SECONDS = 0.1
"""s by which it goes behind at the most, where a device tells wrong times."""

PAUSE_SECONDS = 0.5
"""s. Capture frames further apart than this belong to two recordings: the microphone was muted or exchanged. And a
loudspeaker that gives nothing for so long is gone."""

UNSTEADY_SECONDS = 0.5
"""s after a slip during which nothing is certain: longer than any echo takes."""

_JUMP_SECONDS = 0.01
"""s by which a device's time differs from what its samples count up to when some were left out. What a device tells
is steady to 1 ms, save while it wakes."""

_AGREED_BLOCKS = 3
_AGREED_SECONDS = 0.003
"""Blocks that show a jump, and how much they may differ, before it is believed: a wrong time now and then is common."""

_FOLLOW = 0.02
"""Share of a block's error of time that is followed: clocks drift slowly, their errors do not last."""

_DRIFT_SAMPLES = 16
"""Samples by which the two signals may be apart from their times before they are moved, one by one."""

_SLIP_FRAMES = 15
"""Frames from one sample left out or doubled to the next: 208 ppm, more than sound cards differ. At 600 ppm the filter
lost 15 dB and speech was found in what it left."""

_FAR_SAMPLES = round(0.02 * CAPTURE_RATE)
"""Samples apart from which moving them one by one would take too long: it is done at once."""

_CUTOFF = 0.95
"""Share of the lower rate's bandwidth that passes the resampler."""

_HALF_WIDTH_SECONDS = 0.001
"""s of the loudspeaker's signal before and after a sample from which it is calculated."""


class Reference:
    """The loudspeaker's signal. ``push`` may be called by one thread, all else by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the next three; held for microseconds only
        self._arrived: deque[Frame] = deque()
        self._arrived_seconds = 0.0
        self._dropped_seconds = 0.0
        # The rest is the listener's alone.
        self._track = _Track()
        self._at: int | None = None  # what is pulled next, as the track counts
        self._end = -math.inf  # s: of the last capture frame
        self._lead = LEAD_SECONDS
        self._lacking = 0  # samples that were not there, up to now
        self._errors: deque[int] = deque(maxlen=_SLIP_FRAMES)
        self._slips = self._seen = 0
        self._steady_from = -math.inf
        self.missing_seconds = 0.0
        """For how long the loudspeaker's signal was not there yet, in s."""

    @property
    def dropped_seconds(self) -> float:
        """How much was dropped because too much of it waited, in s."""
        with self._lock:
            return self._dropped_seconds

    @property
    def slips(self) -> int:
        """How often the two signals were moved against each other: what was learnt of the echo may be wrong then."""
        return self._slips + self._track.jumps

    @property
    def steady(self) -> bool:
        """Whether the two signals have lain side by side for ``UNSTEADY_SECONDS`` without a slip or a hole."""
        return self._end >= self._steady_from

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

    def pull(self, frame: Frame) -> Samples:
        """Return what was played during a capture frame: int16, as long as it, at 16 kHz; silence where nothing was."""
        count = len(frame.samples)
        self._collect()
        if abs(frame.start - self._end) > PAUSE_SECONDS:
            self._at = None
        if self._track.empty:
            self._at = None
        else:
            self._find_place(frame.start)
        self._end = frame.end
        if self._at is None:
            return np.zeros(count, np.int16)
        samples = self._track.take(self._at, count)
        self._at += count
        lacking = count - len(samples)
        self.missing_seconds += lacking / CAPTURE_RATE
        self._lacking = self._lacking + lacking if lacking else 0
        if self._lacking > PAUSE_SECONDS * CAPTURE_RATE:
            self._track.restart()
            self._lacking = 0  # it has paused: what comes next is not late
        if self._lacking or self.slips != self._seen:
            self._seen, self._steady_from = self.slips, self._end + UNSTEADY_SECONDS
        return np.concatenate((samples, np.zeros(lacking, np.int16))) if lacking else samples

    def _collect(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, deque()
            self._arrived_seconds = 0.0
        jumps = self._track.jumps
        for frame in arrived:
            steady = self._track.add(frame)
            if self._lacking and steady and self._track.jumps == jumps and self._lead > -LATEST_SECONDS:
                # It was not silent, only late: it comes later than the device says.
                self._lead -= LEAD_SECONDS
                self._at, self._lacking = None, 0
                self._slips += 1

    def _find_place(self, start: float) -> None:
        wanted = self._track.place(start + self._lead)
        if self._at is None or abs(start - self._end) > _JUMP_SECONDS:  # the microphone's signal has a hole
            self._slips += self._at is not None
            self._move(wanted)
            return
        self._errors.append(wanted - self._at)
        if len(self._errors) < _SLIP_FRAMES:
            return
        error = median(self._errors)
        self._errors.clear()
        if abs(error) > _FAR_SAMPLES:
            self._slips += 1
            self._move(wanted)
        elif abs(error) > _DRIFT_SAMPLES:
            self._at += 1 if error > 0 else -1

    def _move(self, place: int) -> None:
        self._at = place
        self._errors.clear()


class _Track:
    """Samples at 16 kHz, counted from the first on, and the time of each."""

    def __init__(self) -> None:
        self.jumps = 0
        self._rate = 0
        self._resampler = _QuickResampler(CAPTURE_RATE)
        self._samples: Samples = np.empty(0, np.int16)
        self._first = 0  # number of the first of them
        self._origin: float | None = None  # s: when number 0 was heard
        self._doubts: list[tuple[int, float]] = []  # where blocks began whose times jump, and by how much, in s

    @property
    def empty(self) -> bool:
        """Whether nothing was ever played."""
        return self._origin is None

    def restart(self) -> None:
        """Forget all: what comes next has nothing to do with it."""
        self.jumps += 1
        self._samples = self._samples[:0]
        self._first, self._origin = 0, None
        self._doubts.clear()

    def place(self, time: float) -> int:
        """Return the number of the sample that is heard at ``time``, in s."""
        return round((time - (self._origin or 0.0)) * CAPTURE_RATE)

    def add(self, frame: Frame) -> bool:
        """Take the next block; return whether its time is what its place says."""
        if frame.rate != self._rate:
            self._rate = frame.rate
            self._resampler = _QuickResampler(frame.rate)
        samples = self._resampler.push(frame.samples)
        end = self._first + len(self._samples)
        if self._origin is None:
            self._origin = frame.start - end / CAPTURE_RATE
        error = frame.start - self._origin - end / CAPTURE_RATE
        self._samples = np.concatenate((self._samples, samples))
        if abs(error) <= _JUMP_SECONDS:
            self._doubts.clear()
            self._origin += _FOLLOW * error
            return True
        self._doubts = [*self._doubts[1 - _AGREED_BLOCKS :], (end, error)]
        errors = [error for _, error in self._doubts]
        if len(errors) == _AGREED_BLOCKS and max(errors) - min(errors) <= _AGREED_SECONDS:
            self._jump(self._doubts[0][0], median(errors))
        return False

    def take(self, place: int, count: int) -> Samples:
        """Return up to ``count`` samples from ``place`` on, as many as there are, and forget all before them."""
        passed = min(max(0, place - self._first), len(self._samples))
        self._first, self._samples = self._first + passed, self._samples[passed:]
        if place < self._first:  # before the first
            before = min(count, self._first - place)
            return np.concatenate((np.zeros(before, np.int16), self._samples[: count - before]))
        return self._samples[:count] if place == self._first else self._samples[:0]

    def _jump(self, place: int, seconds: float) -> None:
        """Put in the silence that was played between two blocks; or take out what was never played."""
        assert self._origin is not None  # noqa: S101 - set with the first block
        self.jumps += 1
        self._doubts.clear()
        if abs(seconds) > REFERENCE_SECONDS:
            self._origin += seconds
            return
        at, count = max(0, place - self._first), round(seconds * CAPTURE_RATE)
        silence = np.zeros(max(0, count), np.int16)
        self._samples = np.concatenate((self._samples[:at], silence, self._samples[at + max(0, -count) :]))


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
        if not samples.any() and not self._rest.any():
            return self._pass_silence(len(samples))
        sound = np.concatenate((self._rest, to_float(samples)))
        taps = self._kernels.shape[1]
        if len(sound) < taps:  # a device may deliver a single sample
            self._rest = sound
            return np.empty(0, np.int16)
        end = (len(sound) - taps + 1) * self._phases
        at, phase = np.divmod(np.arange(self._next, end, self._step), self._phases)
        windows = np.lib.stride_tricks.sliding_window_view(sound, taps)[at]
        done = self._next + len(at) * self._step
        used = min(done // self._phases, len(sound))
        self._rest, self._next = sound[used:], done - used * self._phases
        return to_int16(np.einsum("ij,ij->i", windows, self._kernels[phase]))

    def _pass_silence(self, count: int) -> Samples:
        """Do as ``push`` does, for nothing but zeros: all day long a loudspeaker plays little else."""
        length = len(self._rest) + count
        outputs = max(0, -(-((length - self._kernels.shape[1] + 1) * self._phases - self._next) // self._step))
        done = self._next + outputs * self._step
        used = min(done // self._phases, length) if outputs else 0
        self._rest, self._next = np.zeros(length - used, np.float32), done - used * self._phases
        return np.zeros(outputs, np.int16)
