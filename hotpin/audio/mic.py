"""The microphone's side of the path: whoever listens reads frames from it."""

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame
from hotpin.clock import Clock


class Microphone(Protocol):
    """A source of 16 kHz frames. Read from one thread, the listener's."""

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more, as when a recording is over."""
        ...

    @property
    def hears_itself(self) -> bool:
        """Whether the assistant's own voice may be in what it gives, so that nobody can be told from it."""
        ...

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, or ``None`` if there is none within about ``timeout`` seconds."""
        ...

    def close(self) -> None:
        """Stop; a reader that waits is woken."""
        ...


class NoMicrophone:
    """For conversations by keyboard alone."""

    hears_itself = False

    def __init__(self) -> None:
        self._closed = threading.Event()

    @property
    def ended(self) -> bool:
        """It never speaks, so it never ends."""
        return False

    def read(self, timeout: float) -> Frame | None:
        """Wait; there is never anything to hear."""
        self._closed.wait(timeout)
        return None

    def close(self) -> None:
        """Stop."""
        self._closed.set()


class FileMicrophone:
    """Plays a recording as if it were spoken into a microphone, at the pace of ``clock``.

    Args:
        frames: the recording, as ``hotpin.audio.files.read`` gives it; read as it is played, never all at once.
        clock: whose time the frames are stamped with; a skipping clock plays as fast as the frames are read.
        silence_after: s for which the room stays silent after the recording before the input ends. Hands-free, the end
            of the turn is found by that silence; with 0 the input ends with the recording, as if a key were released.
    """

    hears_itself = False

    def __init__(self, frames: Iterator[Frame], clock: Clock, silence_after: float = 0.0) -> None:
        self._frames = frames
        self._clock = clock
        self._silence_left = round(silence_after * CAPTURE_RATE)  # samples
        self._silence = np.zeros(FRAME_SAMPLES, np.int16)
        self._closed = threading.Event()
        self._next: float | None = None
        self._over = False
        self.started: float | None = None
        """s on the clock when the recording began to play; ``None`` before."""
        self.held: Callable[[], bool] = lambda: False
        """Asked before each frame whether to wait: whoever made the recording could not hear when it was their turn."""

    @property
    def ended(self) -> bool:
        """Whether the recording is over and nothing follows."""
        return self._over and self._silence_left <= 0

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame once it has been "spoken"."""
        if self.held():
            self._next = None
            self._closed.wait(timeout)
            return None
        if self._next is None:
            self._next = self._clock.now()
            self.started = self._next if self.started is None else self.started
        frame = None if self._over else next(self._frames, None)
        self._over = self._over or frame is None
        if self.ended or self._closed.is_set():
            self._closed.wait(timeout)
            return None
        if frame is None:
            self._silence_left -= FRAME_SAMPLES
        samples = self._silence if frame is None else frame.samples
        start = self._next
        self._next = start + len(samples) / CAPTURE_RATE
        self._clock.wait_until(self._next)
        return Frame(samples, CAPTURE_RATE, start)

    def close(self) -> None:
        """Stop playing."""
        self._closed.set()
