"""Vosk: words appear while they are spoken, with their times, in the language of the model.

Vosk makes words of noise (five of nine recordings without speech), so each stream has a detector of its own, as
Whisper's have: nothing is decoded before it hears speech, and words that stand where it heard none are dropped.
"""

import weakref
from collections import deque
from math import log
from typing import TYPE_CHECKING

import numpy as np

from hotpin import model_manifest, models
from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples
from hotpin.cancel import Cancelled, never
from hotpin.errors import SttError
from hotpin.registry import EngineInfo
from hotpin.stt.base import Transcript, Word
from hotpin.stt.vosk_model import VoskModel, check_folder
from hotpin.stt.whisper_window import LEAD_SECONDS, SPEECH_PROBABILITY, SURE_PROBABILITY
from hotpin.vad.silero import SileroVad

if TYPE_CHECKING:
    from hotpin.settings import Settings

WORD_MARGIN_SECONDS = 0.1
"""s around a word in which the detector may have heard it: both their times are rough."""

DRAFT_SECONDS = 0.2
"""s of pause before a draft, which ends a segment: between syllables there are shorter ones."""

MIN_CONFIDENCE = 0.01
"""A word that Vosk gives none counts as this much: its logarithm must be finite."""


def build(settings: "Settings") -> "VoskStt":
    """Build the recogniser from the settings, not yet loaded."""
    return VoskStt(settings)


class VoskStt:
    """Any Vosk model, in memory once for all streams."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._model: VoskModel | None = None
        self._vad = SileroVad()

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("vosk", models.stt_model(self._settings), "streaming, 1 thread")

    @property
    def draft_seconds(self) -> float:
        """How long a pause should be before a draft, which ends a segment: in a shorter one the words after suffer."""
        return DRAFT_SECONDS

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged, or none is known for the language.
            SttError: if the model is known not to understand the language of the settings.
        """
        if self._model is None:
            name = models.stt_model(self._settings)
            folder = models.resolve(self._settings, "stt", name)
            require_language(name, self._settings.stt.language)
            check_folder(folder)
            self._vad.load()
            self._model = VoskModel(folder)

    def stream(self) -> "VoskStream":
        """Begin a new utterance.

        Raises:
            SttError: if the model has not been loaded.
        """
        if self._model is None:
            raise SttError("the Vosk model has not been loaded")
        return VoskStream(self._model, self._vad.fork())

    def close(self) -> None:
        """Free the model, once the streams that are under way have ended too."""
        self._model = None
        self._vad.close()


def require_language(name: str, language: str) -> None:
    """Refuse a language that the model is known not to understand; what a folder of one's own knows cannot be told.

    Raises:
        SttError: naming those it knows.
    """
    model = model_manifest.load().get(name)
    if model is None or language == "auto" or "*" in model.languages or language in model.languages:
        return
    raise SttError(
        f"the model {name!r} does not understand the language {language!r}",
        f"It knows {', '.join(model.languages)}: set stt.language to that, or name another model in stt.model",
    )


class VoskStream:
    """Recognition of one utterance of any length; keeps its words, and no audio but that before the first speech."""

    def __init__(self, model: VoskModel, vad: SileroVad) -> None:
        self._recogniser = model.take()
        # Given back as soon as nobody refers to the stream: nothing here may make a cycle of it.
        release = weakref.finalize(self, model.give_back, self._recogniser)
        release.atexit = False
        self._vad = vad
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._guard = _Guard()
        self._lead: deque[Samples] | None = deque(maxlen=round(LEAD_SECONDS / FRAME_SECONDS))
        self._words: list[Word] = []

    def feed(self, frame: Frame) -> None:
        """Take the next piece of audio, of any length, and decode it.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            SttError: if Vosk fails.
        """
        require_capture_rate(frame, "Vosk")
        for block in self._blocks.push(frame.samples):
            self._take(block)

    def partial(self, cancelled: Cancelled = never) -> Transcript:
        """Return the words so far; the last ones may still change."""
        words = [word.text for word in self._words]
        if self._lead is None and self._guard.sure:
            words.append(self._recogniser.partial())
        return Transcript(" ".join(words).strip(), final=False)

    def draft(self, cancelled: Cancelled = never) -> Transcript:
        """Decode what is left and return the words so far; what is fed afterwards begins a new segment.

        Raises:
            SttError: if Vosk fails.
        """
        # Vosk's own words within a segment lag by 0.3 s and more: 64 of 72 were not those of its end.
        return self._whole(cancelled, final=False)

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        """Decode what is left and return the whole; what is fed afterwards begins a new segment.

        Raises:
            SttError: if Vosk fails.
        """
        return self._whole(cancelled, final=True)

    def _whole(self, cancelled: Cancelled, *, final: bool) -> Transcript:
        if cancelled():
            return Transcript("", final)
        rest = self._blocks.flush()
        if len(rest):
            self._take(rest)
        if self._lead is None and self._guard.sure:  # otherwise nothing was said since the last segment
            self._keep(self._recogniser.finish())
        if cancelled():
            return Transcript("", final)
        words = tuple(self._words)
        return Transcript(
            " ".join(word.text for word in words), final, words=words, confidence=_mean_log_probability(words)
        )

    def _take(self, block: Samples) -> None:
        """Decode the next 20 ms; silence before any speech only waits."""
        speaks = self._guard.hear(self._vad.probability(Frame(block)))
        if self._lead is None:
            self._decode(block)
            return
        self._lead.append(block)
        if speaks:
            self._guard.begin(len(self._lead))
            lead, self._lead = self._lead, None
            self._decode(np.concatenate(lead))

    def _decode(self, samples: Samples) -> None:
        segment = self._recogniser.accept(samples)
        if segment is not None:
            self._keep(segment)

    def _keep(self, segment: list[Word]) -> None:
        self._words += self._guard.spoken(segment)


class _Guard:
    """Remembers where the detector heard speech, and tells which words stand there."""

    def __init__(self) -> None:
        self._heard: list[bool] = []  # for each 20 ms of the stream
        self._skipped = 0  # of them the decoder was not given
        self.sure = False
        """Whether what has been heard since the last pause is speech beyond doubt."""

    def hear(self, probability: float) -> bool:
        """Take the detector's answer for the next 20 ms; return whether it may be speech."""
        speaks = probability >= SPEECH_PROBABILITY
        self._heard.append(speaks)
        self.sure = self.sure or probability >= SURE_PROBABILITY
        return speaks

    def begin(self, blocks: int) -> None:
        """Say that the decoder is given the last so many blocks and all that follow."""
        self._skipped = len(self._heard) - blocks

    def spoken(self, segment: list[Word]) -> list[Word]:
        """Return the words that were said, timed from the beginning of the stream."""
        if not self.sure:
            return []
        # Vosk ends a segment after 20 s even amid speech: then what follows is as sure.
        self.sure = bool(self._heard) and self._heard[-1]
        skipped = self._skipped * FRAME_SECONDS
        words = [Word(word.text, word.start + skipped, word.end + skipped, word.confidence) for word in segment]
        return [word for word in words if self._was_heard(word)]

    def _was_heard(self, word: Word) -> bool:
        first = int(max(0.0, word.start - WORD_MARGIN_SECONDS) / FRAME_SECONDS)
        last = int((word.end + WORD_MARGIN_SECONDS) / FRAME_SECONDS) + 1
        return any(self._heard[first:last])


def _mean_log_probability(words: tuple[Word, ...]) -> float | None:
    if not words:
        return None
    return sum(log(max(word.confidence, MIN_CONFIDENCE)) for word in words) / len(words)
