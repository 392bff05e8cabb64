"""Whisper on CTranslate2: the whole utterance is decoded when it is over.

Whisper invents words where there are none, so nothing is decoded that holds no speech: each stream has a detector of
its own (Silero, real-time factor 0.007), whichever one the conversation uses.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hotpin import models
from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples, to_float
from hotpin.cancel import Cancelled, never
from hotpin.environment import available_cores
from hotpin.errors import ModelError, SttError
from hotpin.registry import EngineInfo
from hotpin.stt.base import Transcript
from hotpin.stt.whisper_decoder import FULL_WINDOW_SECONDS, WhisperDecoder, is_model_folder, is_no_speech
from hotpin.vad.silero import SileroVad

if TYPE_CHECKING:
    from hotpin.settings import Settings

SPEECH_PROBABILITY = 0.4
"""From here on a piece of audio may hold speech: lower than in turn-taking, since losing a word is worse here."""

SURE_PROBABILITY = 0.8
"""Speech reaches this somewhere (0.92 and more on every clip of speech, 0.79 at most on noise and music)."""

LEAD_SECONDS = 0.5
"""s of audio kept before the first speech: the onset of a soft consonant."""

TAIL_SECONDS = 0.3
"""s of audio kept after the last speech."""

MAX_WINDOW_SECONDS = FULL_WINDOW_SECONDS - 2.0
"""s after which a long utterance is decoded piece by piece."""

CUT_SEARCH_SECONDS = 10.0
"""s before that bound in which the quietest place to cut is looked for."""

MAX_THREADS = 4


def build(settings: "Settings") -> "WhisperStt":
    """Build the recogniser from the settings, not yet loaded."""
    return WhisperStt(settings)


class WhisperStt:
    """Any Whisper model in CTranslate2's format."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._threads = settings.stt.threads or min(available_cores(), MAX_THREADS)
        self._decoder: WhisperDecoder | None = None
        self._vad = SileroVad()

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("whisper", models.stt_model(self._settings), f"int8, {self._threads} threads")

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
            SttError: if it does not know the language of the settings.
        """
        if self._decoder is None:
            folder = models.resolve(self._settings, "stt", models.stt_model(self._settings))
            check_folder(folder)
            self._vad.load()
            self._decoder = WhisperDecoder(folder, self._threads, self._settings.stt.language)

    def stream(self) -> "WhisperStream":
        """Begin a new utterance.

        Raises:
            SttError: if the model has not been loaded.
        """
        if self._decoder is None:
            raise SttError("the Whisper model has not been loaded")
        return WhisperStream(self._decoder, self._vad.fork())

    def close(self) -> None:
        """Free the model."""
        self._decoder = None
        self._vad.close()


def check_folder(folder: Path) -> None:
    """Refuse what is not a Whisper model.

    Raises:
        ModelError: naming what is expected.
    """
    if not is_model_folder(folder):
        raise ModelError(
            f"{folder} is not a Whisper model for CTranslate2 (model.bin, config.json, tokenizer.json)",
            "See the models there are with: hotpin models list",
        )


class WhisperStream:
    """Recognition of one utterance of any length; holds at most one window of audio."""

    def __init__(self, decoder: WhisperDecoder, vad: SileroVad) -> None:
        self._decoder = decoder
        self._vad = vad
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._pieces: list[Samples] = []
        self._levels: list[float] = []  # speech probability of each piece
        self._has_speech = False  # whether any of them may hold speech; looked up for every piece, so not searched for
        self._seconds = 0.0
        self._texts: list[str] = []

    def feed(self, frame: Frame) -> None:
        """Take the next piece of audio, of any length.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            SttError: if decoding an earlier part of a long utterance fails.
        """
        require_capture_rate(frame, "Whisper")
        for block in self._blocks.push(frame.samples):
            self._take(block)

    def partial(self) -> Transcript | None:
        """Return ``None``: words come when the utterance is over."""
        return None

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        """Decode what is left and return the whole.

        Raises:
            SttError: if the engine fails.
        """
        self._take(self._blocks.flush())
        self._decode(len(self._pieces), cancelled)
        return Transcript("" if cancelled() else " ".join(self._texts), final=True)

    def _take(self, block: Samples) -> None:
        """Keep the next 20 ms; silence before any speech is dropped."""
        self._pieces.append(block)
        self._levels.append(self._vad.probability(Frame(block)))
        self._seconds += len(block) / CAPTURE_RATE
        self._has_speech = self._has_speech or self._levels[-1] >= SPEECH_PROBABILITY
        if not self._has_speech:
            while self._seconds - self._piece_seconds(0) >= LEAD_SECONDS:
                self._drop_first()
        elif self._seconds >= MAX_WINDOW_SECONDS:
            self._decode(self._quietest_cut(), never)

    def _decode(self, count: int, cancelled: Cancelled) -> None:
        """Decode the first ``count`` pieces and forget them."""
        pieces, levels = self._pieces[:count], np.array(self._levels[:count])
        del self._pieces[:count], self._levels[:count]
        self._seconds = sum(len(piece) for piece in self._pieces) / CAPTURE_RATE
        self._has_speech = any(level >= SPEECH_PROBABILITY for level in self._levels)
        speech = np.flatnonzero(levels >= SPEECH_PROBABILITY)
        if not len(speech):
            return
        ends = np.cumsum([len(piece) for piece in pieces])
        first = max(0, int(ends[speech[0]]) - len(pieces[speech[0]]) - int(LEAD_SECONDS * CAPTURE_RATE))
        last = int(ends[speech[-1]]) + int(TAIL_SECONDS * CAPTURE_RATE)
        audio = to_float(np.concatenate(pieces)[first:last])
        sure = bool(levels.max() >= SURE_PROBABILITY)
        position = 0
        while position < len(audio) and (result := self._decoder.decode(audio[position:], cancelled)):
            if not is_no_speech(result) and (sure or not result.doubtful):
                self._texts.append(result.text)
            step = int(result.reached * CAPTURE_RATE)
            rest = len(audio) - position - step
            if step < CAPTURE_RATE or rest < CAPTURE_RATE or not result.text:
                break
            # A long window's text can end early; what is left is decoded on its own.
            position += step

    def _quietest_cut(self) -> int:
        """Find where to cut a long utterance: in the middle of the longest lull of its last 10 s."""
        start = len(self._levels)
        seconds = 0.0
        while start > 1 and seconds < CUT_SEARCH_SECONDS:
            start -= 1
            seconds += self._piece_seconds(start)
        width = 5  # about 0.1 s of 20 ms frames: one quiet frame inside a word is no lull
        levels = np.convolve(self._levels[start:], np.ones(width) / width, mode="same")
        return start + int(np.argmin(levels)) + 1

    def _piece_seconds(self, index: int) -> float:
        return len(self._pieces[index]) / CAPTURE_RATE

    def _drop_first(self) -> None:
        self._seconds -= self._piece_seconds(0)
        del self._pieces[0], self._levels[0]
