"""A microphone and a clock that a test works by hand."""

import queue

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples
from hotpin.audio.playback import Playback


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wait_until(self, moment: float) -> None:
        self.time = max(self.time, moment)


class ManualMicrophone:
    """Hears what the test says, as fast as it is read; its frames move the clock."""

    hears_itself = False

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._frames: queue.Queue[Frame | None] = queue.Queue()
        self._said = 0.0
        self.ended = False

    def hear(self, samples: Samples) -> None:
        """Let ``samples`` be heard, after all that was heard and played before."""
        self._said = max(self._said, self._clock.now())
        for start in range(0, len(samples), FRAME_SAMPLES):
            frame = Frame(samples[start : start + FRAME_SAMPLES], CAPTURE_RATE, self._said)
            self._said += frame.seconds
            self._frames.put(frame)

    def end(self) -> None:
        """Let the input end once everything has been heard."""
        self._frames.put(None)

    def read(self, timeout: float) -> Frame | None:
        try:
            frame = self._frames.get(timeout=timeout / 10)
        except queue.Empty:
            return None
        if frame is None:
            self.ended = True
            return None
        self._clock.wait_until(frame.end)
        return frame

    def close(self) -> None: ...


def play(playback: Playback, clock: ManualClock, seconds: float) -> int:
    """Let the loudspeaker play for ``seconds``; return how many samples of the reply were in it."""
    out: Samples = np.zeros(int(playback.rate * FRAME_SECONDS), np.int16)
    played = 0
    for _ in range(round(seconds / FRAME_SECONDS)):
        played += playback.read_into(out, clock.now())
        clock.time += FRAME_SECONDS
    return played
