"""Recordings of people that benchmarks are made of: which clips of a folder suit, and where in one somebody speaks.

A folder has a ``manifest.jsonl``: a line for each clip with ``file`` (below the folder), ``language``,
``speaker_kind``, ``transcript`` and ``words`` (those of the transcript, lower-case); a clip that is another one in
another form says so in ``variant_of``. What suits is what a person says in English.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from hotpin.audio import files
from hotpin.audio.frame import CAPTURE_RATE, FULL_SCALE, Samples
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from hotpin.settings import Settings

SHORTEST_PAUSE = 0.3
"""s of silence between two words that are a pause, at least."""

TRAILING_SECONDS = 0.3
"""s kept after the end of speech."""

TONE_SECONDS = 0.2
"""s of the clip's quietest stretch, which is played forwards and backwards for as long as a silence lasts."""

LAST_WORD_SECONDS = 0.3
"""s that the last word may be longer than Whisper thinks; what is louder than the room after that is not speech."""

WINDOW = CAPTURE_RATE // 100
"""Samples of which one level is taken: 10 ms."""

ABOVE_ROOM = 4.0
"""Level over the room's from which it is speech, as a factor: 12 dB."""

BELOW_SPEECH = 0.05
"""Level under the speech's below which nothing is speech, as a factor: -26 dB."""

QUIET_ENOUGH = 0.2
"""Level of the room over that of speech at most, as a factor: without a quiet moment there is no room tone."""

NOISE_FLOOR = 8.0
"""Level, in sample values, that even digital silence is taken to have."""

Levels = np.ndarray[tuple[int], np.dtype[np.float64]]
"""Root mean squares in sample values, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with its words."""

    name: str
    samples: Samples
    """int16, shape (n,), 16 kHz."""
    text: str
    gaps: tuple[float, ...] = ()
    """s from the beginning to the middle between two words."""
    last_word: float = math.inf
    """s from the beginning to the end of the last word, about."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Where in a clip somebody speaks."""

    room: "Room"
    windows: "np.ndarray[tuple[int], np.dtype[np.intp]]"
    """The windows in which they are heard, in order; at least one."""
    end: int
    """The sample after the last of speech."""

    @classmethod
    def of(cls, clip: Clip) -> "Speech":
        """Find it.

        Raises:
            AudioError: if the clip has no quiet moment, or nobody speaks.
        """
        room = Room.of(clip.samples)
        windows = np.flatnonzero(levels(clip.samples) > room.threshold)
        windows = windows[windows * WINDOW < (clip.last_word + LAST_WORD_SECONDS) * CAPTURE_RATE]
        if not len(windows):
            raise AudioError("nothing is said in the recording")
        end = (int(windows[-1]) + 1) * WINDOW
        loud = np.abs(clip.samples[:end].astype(np.int32)) > room.threshold
        return cls(room, windows, int(np.flatnonzero(loud)[-1]) + 1)

    @property
    def start(self) -> float:
        """Seconds from the beginning of the clip."""
        return float(self.windows[0]) * WINDOW / CAPTURE_RATE

    def tail(self, samples: Samples) -> tuple[Samples, Samples]:
        """Give ``TRAILING_SECONDS`` after the speech: what the recording has of it, and room tone for the rest."""
        count = round(TRAILING_SECONDS * CAPTURE_RATE)
        recorded = samples[self.end : self.end + count]
        return recorded, self.room.silence(count - len(recorded))


@dataclass(frozen=True, slots=True)
class Room:
    """How loud a clip's room is when nobody speaks."""

    tone: Samples
    """Its quietest stretch; int16, shape (n,)."""
    threshold: float
    """Level, in sample values, from which it is speech."""

    @classmethod
    def of(cls, samples: Samples) -> "Room":
        """Listen to a clip.

        Raises:
            AudioError: if it has no quiet moment.
        """
        heard = levels(samples)
        length = round(TONE_SECONDS * CAPTURE_RATE) // WINDOW
        if len(heard) < 2 * length:
            raise AudioError("the recording is too short for a pause")
        mean_squares = np.convolve(heard**2, np.ones(length) / length, mode="valid")
        quietest = int(np.argmin(mean_squares))
        room = max(NOISE_FLOOR, float(np.sqrt(mean_squares[quietest])))
        speech = float(np.percentile(heard, 90))
        if room > QUIET_ENOUGH * speech:
            raise AudioError("there is no quiet moment in the recording")
        tone = samples[quietest * WINDOW : (quietest + length) * WINDOW]
        return cls(tone, max(min(ABOVE_ROOM * room, QUIET_ENOUGH * speech), BELOW_SPEECH * speech))

    def silence(self, count: int) -> Samples:
        """Give ``count`` samples of room tone."""
        once = np.concatenate((self.tone, self.tone[::-1]))
        return np.resize(once, count).astype(np.int16)


def levels(samples: Samples) -> Levels:
    """Give the level of each whole window."""
    whole = samples[: len(samples) // WINDOW * WINDOW].astype(np.float64)
    roots: Levels = np.sqrt((whole.reshape(-1, WINDOW) ** 2).mean(axis=1))
    return roots


def pauses(samples: Samples, threshold: float) -> Iterator[tuple[float, float]]:
    """Find the silences between words that are long enough to be pauses, as (start, end) in s from the beginning."""
    spoken = np.flatnonzero(levels(samples) > threshold)
    for before, after in pairwise(spoken.tolist()):
        start, end = (before + 1) * WINDOW / CAPTURE_RATE, after * WINDOW / CAPTURE_RATE
        if end - start >= SHORTEST_PAUSE:
            yield start, end


def read(folder: Path, longest: float, least_words: int = 1) -> Iterator[Clip]:
    """Read the clips of ``folder`` that suit, of ``least_words`` at least and up to ``longest`` s each.

    Raises:
        AudioError: if there is no manifest, or a clip cannot be read.
    """
    manifest = folder / "manifest.jsonl"
    try:
        lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise AudioError(f"{str(manifest)!r} cannot be read: {error}", "It has one JSON object a line") from error
    for clip in lines:
        if _suits(clip, least_words):
            samples = np.concatenate([frame.samples for frame in files.read(folder / clip["file"])])
            if len(samples) <= longest * CAPTURE_RATE:
                yield Clip(str(clip["id"]), samples, str(clip["transcript"]))


def with_words(recordings: Iterable[Clip], settings: "Settings") -> Iterator[Clip]:
    """Let Whisper find where one word of each clip ends and the next begins; a clip without words is left out."""
    from faster_whisper import WhisperModel

    from hotpin import models
    from hotpin.environment import available_cores

    folder = models.resolve(settings, "stt", "whisper-base")
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=available_cores())
    for clip in recordings:
        sound = clip.samples.astype(np.float32) / FULL_SCALE
        segments, _ = model.transcribe(sound, language="en", word_timestamps=True, condition_on_previous_text=False)
        words = [word for segment in segments for word in segment.words or ()]
        typer.echo(f"{clip.name}: {len(words)} words", err=True)
        if words:
            gaps = tuple(float(one.end + other.start) / 2 for one, other in pairwise(words))
            yield replace(clip, gaps=gaps, last_word=float(words[-1].end))


def _suits(clip: dict[str, Any], least_words: int) -> bool:
    return (
        clip.get("language") == "en"
        and clip.get("speaker_kind") == "human"
        and not clip.get("variant_of")
        and len(str(clip.get("words", "")).split()) >= least_words
    )
