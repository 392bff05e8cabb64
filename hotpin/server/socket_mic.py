"""The microphone of a client at the other end of a socket."""

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from hotpin.audio.blocks import Reblocker
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.clock import SkippingClock

Mark = Callable[[], None]
"""Called by the listener when it has read everything that came before."""


class SocketMicrophone:
    """Hears what a client sends, at the pace of its arrival or faster.

    Audio may come in bursts: its frames follow each other on a clock that skips ahead where it comes faster than it was
    spoken.

    Args:
        clock: the conversation's; only the listener, who reads the frames, lets it skip.
        max_seconds: s of audio that may wait to be read.
        hears_itself: whether what the client plays may be in what it sends.
    """

    def __init__(self, clock: SkippingClock, max_seconds: float, *, hears_itself: bool = False) -> None:
        self._clock = clock
        self._hears_itself = hears_itself
        self._most = round(max_seconds * CAPTURE_RATE)
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._waiting: deque[Samples | Mark] = deque()
        self._samples = 0
        self._changed = threading.Condition()  # guards the two above and _closed
        self._closed = False
        self._next = 0.0

    @property
    def ended(self) -> bool:
        """It never ends by itself: the next utterance may come at any time."""
        return False

    @property
    def hears_itself(self) -> bool:
        """Whether what the client plays may be in what it sends: then speech does not interrupt a reply."""
        return self._hears_itself

    def hear(self, samples: Samples) -> bool:
        """Take audio, int16 of shape (n,), 16 kHz; return whether there was room for it. Never waits."""
        with self._changed:
            if self._samples + len(samples) > self._most:
                return False
            for block in self._blocks.push(samples):
                self._add(block)
            self._changed.notify()
        return True

    def mark(self, mark: Mark) -> None:
        """Have ``mark`` called once everything that was heard so far has been read."""
        with self._changed:
            rest = self._blocks.flush()
            if len(rest):
                self._add(rest)
            self._waiting.append(mark)
            self._changed.notify()

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, or ``None`` if there is none within ``timeout`` seconds, or a mark comes first."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)
            if self._closed or not self._waiting:
                return None
            item = self._waiting.popleft()
            if not callable(item):
                self._samples -= len(item)
                return self._frame(item)
        item()
        return None

    def close(self) -> None:
        """Stop; the listener, if it waits, is woken."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._samples = 0
            self._changed.notify_all()

    def _add(self, block: Samples) -> None:
        self._waiting.append(block)
        self._samples += len(block)

    def _frame(self, samples: Samples) -> Frame:
        seconds = len(samples) / CAPTURE_RATE
        frame = Frame(samples, CAPTURE_RATE, max(self._next, self._clock.now() - seconds))
        self._next = frame.end
        self._clock.wait_until(frame.end)
        return frame


def pcm_samples(data: bytes) -> Samples:
    """Read raw 16-bit little-endian samples; the bytes must be whole samples."""
    return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
