"""How long audio lasts, how loud it is and where it is silent."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hotpin.audio.blocks import Reblocker
from hotpin.audio.files import decode
from hotpin.audio.frame import FRAME_SECONDS, FULL_SCALE, Frame, Samples
from hotpin.errors import AudioError

SILENCE_DBFS = -40.0
"""dBFS. Where a level is below it, nobody speaks into the microphone."""

MIN_SILENCE_SECONDS = 0.5
"""s. Shorter silences are pauses between words."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. Levels are in dB relative to full scale, a square wave of which is 0; no signal is -inf."""

    seconds: float
    """s of audio."""

    rms_dbfs: float
    """Root mean square of the whole."""

    peak_dbfs: float
    """The sample furthest from zero."""

    silences: tuple[tuple[float, float], ...]
    """Start and end of each silence in s, in order."""

    silent: bool
    """Whether all of it is silence: there is no moment (20 ms) as loud as the threshold."""


class Meter:
    """Measures a stream of audio as it comes, in windows of 20 ms.

    Args:
        threshold_dbfs: a window below this level is silent.
        min_seconds: shorter silences are not told.

    Raises:
        AudioError: if the threshold is not below 0, or the shortest silence is not positive.
    """

    def __init__(self, threshold_dbfs: float = SILENCE_DBFS, min_seconds: float = MIN_SILENCE_SECONDS) -> None:
        if not threshold_dbfs < 0:
            raise AudioError(f"silence cannot be louder than full scale: {threshold_dbfs} dBFS", "Give a level below 0")
        if not min_seconds > 0:
            raise AudioError(f"a silence cannot last {min_seconds} s", "Give a time above 0")
        self._threshold_dbfs = threshold_dbfs
        self._min_seconds = min_seconds
        self._rate = 0
        self._windows = Reblocker(1)
        self._seconds = 0.0
        self._energy = 0.0
        self._peak = 0
        self._silences: list[tuple[float, float]] = []
        self._silent_since: float | None = None
        self._silent = True

    def push(self, frame: Frame) -> None:
        """Take the next frame, at any rate and of any length.

        Raises:
            AudioError: if it is no frame.
        """
        if not isinstance(frame, Frame):
            raise AudioError(f"audio is measured in frames, got {type(frame).__name__}")
        if frame.rate != self._rate:
            self._window(self._windows.flush())
            self._rate = frame.rate
            self._windows = Reblocker(max(1, round(frame.rate * FRAME_SECONDS)))
        for window in self._windows.push(frame.samples):
            self._window(window)

    def result(self) -> Measured:
        """End the stream and tell what was measured.

        Raises:
            AudioError: if there was no audio.
        """
        self._window(self._windows.flush())
        if not self._seconds:
            raise AudioError("there is no audio to measure: 0 samples", "Record it again")
        self._end_silence()
        mean_square = self._energy / self._seconds
        return Measured(
            self._seconds,
            _dbfs(math.sqrt(mean_square)),
            _dbfs(self._peak),
            tuple(self._silences),
            self._silent,
        )

    def _window(self, samples: Samples) -> None:
        if not len(samples):
            return
        wide = samples.astype(np.int32)
        mean_square = float(np.mean(np.square(wide, dtype=np.int64)))
        seconds = len(samples) / self._rate
        self._peak = max(self._peak, int(np.abs(wide).max()))
        self._energy += mean_square * seconds
        if _dbfs(math.sqrt(mean_square)) < self._threshold_dbfs:
            if self._silent_since is None:
                self._silent_since = self._seconds
        else:
            self._silent = False
            self._end_silence()
        self._seconds += seconds

    def _end_silence(self) -> None:
        since, self._silent_since = self._silent_since, None
        # Windows add up to a hair less than what they last.
        if since is not None and self._seconds - since >= self._min_seconds - FRAME_SECONDS / 2:
            self._silences.append((round(since, 3), round(self._seconds, 3)))


def measure(
    frames: Iterable[Frame], threshold_dbfs: float = SILENCE_DBFS, min_seconds: float = MIN_SILENCE_SECONDS
) -> Measured:
    """Measure audio in one pass; see ``Meter``.

    Raises:
        AudioError: if there is no audio, or what is given is no frames.
    """
    meter = Meter(threshold_dbfs, min_seconds)
    try:
        for frame in frames:
            meter.push(frame)
    except TypeError as error:
        raise AudioError(f"audio is measured in frames, got {type(frames).__name__}") from error
    return meter.result()


def duration(path: Path, *, raw_rate: int | None = None) -> float:
    """Return how many seconds of audio are in a file.

    It is decoded for that: what a browser records says nothing of its length, and other headers promise too much once
    the file is cut short.

    Raises:
        AudioError: if the file cannot be read or there is no audio in it.
    """
    return sum(frame.seconds for frame in decode(path, raw_rate=raw_rate))


def silences(
    frames: Iterable[Frame], threshold_dbfs: float = SILENCE_DBFS, min_seconds: float = MIN_SILENCE_SECONDS
) -> list[tuple[float, float]]:
    """Return start and end of each silence, in seconds from the first frame.

    Raises:
        AudioError: as ``measure``.
    """
    return list(measure(frames, threshold_dbfs, min_seconds).silences)


def is_silent(frames: Iterable[Frame], threshold_dbfs: float = SILENCE_DBFS) -> bool:
    """Whether no moment (20 ms) of the audio is as loud as the threshold.

    Raises:
        AudioError: as ``measure``.
    """
    return measure(frames, threshold_dbfs).silent


def _dbfs(amplitude: float) -> float:
    return 20 * math.log10(amplitude / FULL_SCALE) if amplitude else -math.inf
