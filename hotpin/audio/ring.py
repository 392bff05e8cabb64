"""Between a sound card's callback and whoever reads: a bounded ring, the time of its samples, frames made of them."""

import threading
from dataclasses import dataclass

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.resample import Resampler

RING_SECONDS = 2.0
"""s that may wait to be read; whoever reads later than this has lost the oldest."""

SILENT_SECONDS = 5.0
"""s of nothing but zeros after which a microphone is called silent: a room is never that quiet, a muted device is."""

_WINDOW_SECONDS = 1.0
_SLEW = 0.001  # 1 ms per s: several times what two quartz clocks drift apart
_STEP_SECONDS = 0.1  # no clock drifts by this much within a window: audio was lost, or the start was late


class Timeline:
    """Tells when a sample was captured, from the times at which blocks of samples arrived.

    Blocks come late, sometimes, but never early: the least late of each second is what counts. The time is corrected
    slowly towards it, so that the jitter of arrivals does not reach the frames; in the first second at once.

    Args:
        rate: Hz of the samples.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._origin: float | None = None  # s: when sample 0 was captured
        self._settling = True
        self._window_end = 0.0
        self._earliest = 0.0  # the origin as the least late block of this window shows it

    def arrived(self, position: int, now: float) -> None:
        """Note that all samples before ``position`` were there at ``now``, in s."""
        shown = now - position / self._rate
        if self._origin is None:
            self._origin = self._earliest = shown
            self._window_end = now + _WINDOW_SECONDS
        self._earliest = min(self._earliest, shown)
        if self._settling:
            self._origin = self._earliest
        if now >= self._window_end:
            self._correct(now)
            self._earliest = shown

    def at(self, position: float) -> float:
        """Return when the sample at ``position`` was captured, in s; before anything has arrived, 0 is the origin."""
        return (self._origin or 0.0) + position / self._rate

    def _correct(self, now: float) -> None:
        assert self._origin is not None  # noqa: S101 - set with the first block
        error = self._earliest - self._origin
        most = _SLEW * _WINDOW_SECONDS
        self._origin += error if abs(error) > _STEP_SECONDS else min(max(error, -most), most)
        self._settling = False
        self._window_end = now + _WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class Piece:
    """What the ring held."""

    samples: Samples
    """int16, shape (n,), n > 0."""

    position: int
    """Number of its first sample since the stream began."""

    timeline: Timeline
    """Of its stream; another one means that another stream has begun."""

    rate: int
    """Hz."""


class Ring:
    """A bounded ring of samples; when it is full, the oldest make room and are counted.

    One thread writes, one reads, any may look at the counters.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards all that follows; held for a copy at the most
        self._closed = False
        self._wanted = 1
        self._overrun = False
        self.overruns = 0
        """How often the reader came too late, so that samples were lost."""
        self.written = 0
        """Samples of this stream so far."""
        self._restart(1)

    def restart(self, rate: int) -> None:
        """Begin a stream of ``rate`` Hz; what is left of the one before is dropped."""
        with self._changed:
            self._restart(rate)

    def _restart(self, rate: int) -> None:
        self._rate = rate
        self._samples = np.zeros(int(RING_SECONDS * rate), np.int16)
        self._timeline = Timeline(rate)
        self.written = self._read = 0

    def write(self, samples: Samples, now: float) -> None:
        """Add samples, int16 of shape (n,), all of which were captured before ``now``, in s."""
        with self._changed:
            self.written += len(samples)
            self._timeline.arrived(self.written, now)
            kept = samples[-len(self._samples) :]
            begin = (self.written - len(kept)) % len(self._samples)
            fitting = min(len(kept), len(self._samples) - begin)
            self._samples[begin : begin + fitting] = kept[:fitting]
            self._samples[: len(kept) - fitting] = kept[fitting:]
            oldest = self.written - len(self._samples)
            if oldest > self._read:
                self._read = oldest
                self.overruns += not self._overrun
                self._overrun = True
            if self.written - self._read >= self._wanted:
                self._changed.notify()

    def read(self, timeout: float, wanted: int = 1) -> Piece | None:
        """Take all that is there; wait up to ``timeout`` s for as many samples as are wanted, unless it is closed."""
        with self._changed:
            self._wanted = wanted  # woken for each block, the reader took half as much CPU again
            self._changed.wait_for(lambda: self._closed or self.written - self._read >= wanted, timeout)
            if self._closed or self.written == self._read:
                return None
            places = np.arange(self._read, self.written) % len(self._samples)
            piece = Piece(self._samples[places], self._read, self._timeline, self._rate)
            self._read = self.written
            self._overrun = False
            return piece

    def close(self) -> None:
        """Wake the reader; nothing is read any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Framer:
    """Makes 16 kHz frames with their times of what a ring held.

    After a hole in the audio, and when another stream begins, it begins anew: no frame spans a hole.
    """

    def __init__(self) -> None:
        self._timeline: Timeline | None = None
        self._next = 0  # position that would follow without a hole
        self._emitted = 0  # samples at 16 kHz since _begun
        self._rate = CAPTURE_RATE
        self._pending: Samples = np.empty(0, np.int16)
        self._silent = 0.0
        self._heard = False

    @property
    def silent(self) -> bool:
        """Whether a stream gave ``SILENT_SECONDS`` of zeros, and neither it nor a later one anything else yet."""
        return not self._heard and self._silent >= SILENT_SECONDS

    @property
    def missing(self) -> int:
        """Samples of the stream without which there is no next frame."""
        return max(1, (FRAME_SAMPLES - len(self._pending)) * self._rate // CAPTURE_RATE)

    def push(self, piece: Piece) -> None:
        """Take what was read from the ring."""
        if piece.timeline is not self._timeline and not self.silent:
            self._heard, self._silent = False, 0.0
        if piece.timeline is not self._timeline or piece.position != self._next:
            self._timeline, self._rate = piece.timeline, piece.rate
            self._begun, self._emitted = piece.position, 0
            self._pending = np.empty(0, np.int16)
            self._resampler = Resampler(piece.rate, CAPTURE_RATE)
        self._next = piece.position + len(piece.samples)
        if not self._heard:
            self._heard = bool(piece.samples.any())
            self._silent += len(piece.samples) / piece.rate
        self._pending = np.concatenate([self._pending, self._resampler.push(piece.samples)])

    def pop(self) -> Frame | None:
        """Return the next frame, if a whole one is there."""
        if self._timeline is None or len(self._pending) < FRAME_SAMPLES:
            return None
        start = self._timeline.at(self._begun + self._emitted * self._rate / CAPTURE_RATE)
        samples, self._pending = self._pending[:FRAME_SAMPLES], self._pending[FRAME_SAMPLES:]
        self._emitted += FRAME_SAMPLES
        return Frame(samples, CAPTURE_RATE, start)
