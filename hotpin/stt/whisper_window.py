"""The part of an utterance that is not yet understood for good: its audio, and where a detector heard speech in it."""

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Samples, to_float
from hotpin.stt.mel import FloatArray

SPEECH_PROBABILITY = 0.4
"""From here on a piece of audio may hold speech: lower than in turn-taking, since losing a word is worse here."""

SURE_PROBABILITY = 0.8
"""Speech reaches this somewhere (0.92 and more on every clip of speech, 0.79 at most on noise and music)."""

LEAD_SECONDS = 0.5
"""s of audio kept before the first speech: the onset of a soft consonant."""

TAIL_SECONDS = 0.3
"""s of audio kept after the last speech."""

CUT_SEARCH_SECONDS = 10.0
"""s before the end in which the quietest place to cut is looked for."""


class SpeechWindow:
    """Audio in pieces of about 20 ms with the speech probability of each; positions count samples of the utterance."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self._levels: list[float] = []
        self._samples = 0
        self.end = 0
        """Position after the last sample taken."""
        self.speech_end = 0
        """Position after the last piece that may hold speech."""

    @property
    def seconds(self) -> float:
        """Length of the audio held."""
        return self._samples / CAPTURE_RATE

    @property
    def quiet_seconds(self) -> float:
        """Time since the last speech."""
        return (self.end - self.speech_end) / CAPTURE_RATE

    @property
    def has_speech(self) -> bool:
        """Whether any of the audio held may be speech."""
        return self.speech_end > self.end - self._samples

    @property
    def sure(self) -> bool:
        """Whether some of the audio held is speech beyond doubt."""
        return self.sure_seconds > 0.0

    @property
    def sure_seconds(self) -> float:
        """How much of the audio held is speech beyond doubt."""
        pieces = zip(self._pieces, self._levels, strict=True)
        return sum(len(piece) for piece, level in pieces if level >= SURE_PROBABILITY) / CAPTURE_RATE

    def take(self, piece: Samples, level: float) -> None:
        """Add the next piece; silence before any speech is dropped."""
        self._pieces.append(piece)
        self._levels.append(level)
        self._samples += len(piece)
        self.end += len(piece)
        if level >= SPEECH_PROBABILITY:
            self.speech_end = self.end
        elif not self.has_speech:
            while self._samples - len(self._pieces[0]) >= LEAD_SECONDS * CAPTURE_RATE:
                self._drop(1)

    def audio(self) -> FloatArray:
        """Return what there is of speech with a little silence around it, shape (n,); empty without speech."""
        speech = np.flatnonzero(np.array(self._levels) >= SPEECH_PROBABILITY)
        if not len(speech):
            return np.empty(0, np.float32)
        start = self.end - self._samples
        first = sum(len(piece) for piece in self._pieces[: speech[0]]) - int(LEAD_SECONDS * CAPTURE_RATE)
        last = self.speech_end - start + int(TAIL_SECONDS * CAPTURE_RATE)
        return to_float(np.concatenate(self._pieces)[max(0, first) : last])

    def cut_lull(self, speech_end: int) -> None:
        """Drop everything up to the middle of the lull that began at this position."""
        first = self._index(speech_end)
        later = (index for index in range(first, len(self._levels)) if self._levels[index] >= SPEECH_PROBABILITY)
        self._drop((first + next(later, len(self._levels))) // 2)

    def split_quietest(self) -> "SpeechWindow":
        """Give the earlier part as a window of its own, up to the middle of the longest lull of the last 10 s."""
        start = self._index(self.end - int(CUT_SEARCH_SECONDS * CAPTURE_RATE))
        width = 5  # about 0.1 s: one quiet piece inside a word is no lull
        levels = np.convolve(self._levels[start:], np.ones(width) / width, mode="same")
        count = start + int(np.argmin(levels)) + 1
        earlier = SpeechWindow()
        for piece, level in zip(self._pieces[:count], self._levels[:count], strict=True):
            earlier.take(piece, level)
        self._drop(count)
        return earlier

    def _index(self, position: int) -> int:
        """Return which piece begins at a position, or is the first after it."""
        at = self.end - self._samples
        for index, piece in enumerate(self._pieces):
            if at >= position:
                return index
            at += len(piece)
        return len(self._pieces)

    def _drop(self, count: int) -> None:
        self._samples -= sum(len(piece) for piece in self._pieces[:count])
        del self._pieces[:count], self._levels[:count]
