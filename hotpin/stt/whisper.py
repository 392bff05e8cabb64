"""Whisper on CTranslate2: an utterance is decoded in its pauses, and now and then while it is spoken.

Whisper invents words where there are none, so nothing is decoded that holds no speech: each stream has a detector of
its own (Silero, real-time factor 0.007), whichever one the conversation uses.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from hotpin import models
from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame
from hotpin.cancel import Cancelled, never
from hotpin.environment import available_cores
from hotpin.errors import ModelError, SttError
from hotpin.registry import EngineInfo
from hotpin.stt.base import Transcript
from hotpin.stt.whisper_decoder import FULL_WINDOW_SECONDS, WhisperDecoder, is_model_folder, is_no_speech
from hotpin.stt.whisper_window import SpeechWindow
from hotpin.vad.silero import SileroVad

if TYPE_CHECKING:
    from hotpin.settings import Settings

MAX_WINDOW_SECONDS = FULL_WINDOW_SECONDS - 2.0
"""s after which a long utterance is decoded piece by piece."""

LONG_SECONDS = 4.0
"""s of audio from which a finished sentence before a pause is settled, once a later decode agrees with its words."""

MAX_SENTENCE_SECONDS = 8.0
"""s of audio from which any words before a pause are. With 4 s, 21 clips of 4.5 to 11 s had 52 word errors, not 44."""

SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")

LULL_SECONDS = 0.3
"""s without speech after which a long utterance is decoded even if nobody asks for a draft."""

PARTIAL_SECONDS = 0.6
"""s of new audio that a partial needs at least."""

PARTIAL_QUIET_SECONDS = 0.03
"""s without speech from which no partial is begun: a draft may be about to come, and decoding cannot be stopped."""

PARTIAL_SHARE = 0.4
"""Of the time, what partials may take at most, of all streams together."""

MAX_PARTIAL_SECONDS = 0.25
"""s that a partial may be expected to take: a draft that comes meanwhile waits for it."""

WORDS_SECONDS = 2.0
"""s of speech beyond doubt in which there are words, whatever the model takes it for: digits over a telephone had a
no-speech probability of 0.87. A fragment of a word has none."""

MAX_THREADS = 4

DRAFT_SECONDS = 0.12
"""s of pause before a draft: on 60 clips 51 words were wrong with so much audio after the speech, 52 with 0.3 s, 54
with 0.06 s and 61 without any. With 0.09 s a last syllable is misheard now and then, and what is finished seems not to
be."""


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
        self._rest = Rest()

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("whisper", models.stt_model(self._settings), f"int8, {self._threads} threads")

    @property
    def draft_seconds(self) -> float:
        """How long a pause should be before a draft: with less audio than this after it, the last word suffers."""
        return DRAFT_SECONDS

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
        return WhisperStream(self._decoder, self._vad.fork(), self._rest, partials=available_cores() > 1)

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


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the window was understood as."""

    text: str
    confidence: float | None
    full_stop: float | None
    speech_end: int
    """Position after the last speech it holds."""


@dataclass(slots=True)
class Rest:
    """How long no partials are decoded, for all streams of a model: whoever has finished shall not wait for them."""

    until: float = 0.0
    """s on the performance counter."""


class WhisperStream:
    """Recognition of one utterance of any length; holds at most one window of audio.

    Args:
        decoder: the model.
        vad: a detector of its own.
        rest: shared with the other streams.
        partials: whether words may be decoded while the person speaks: on a single core they would delay the rest.
    """

    def __init__(self, decoder: WhisperDecoder, vad: SileroVad, rest: Rest, *, partials: bool) -> None:
        self._decoder = decoder
        self._vad = vad
        self._partials = partials
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._window = SpeechWindow()
        self._settled: list[str] = []  # texts of what the window no longer holds
        self._latest = _Reading("", None, None, 0)
        self._draft: _Reading | None = None  # the last one that was decoded in a pause
        self._decoded_end = 0
        self._rest = rest

    def feed(self, frame: Frame) -> None:
        """Take the next piece of audio, of any length.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            SttError: if decoding an earlier part of a long utterance fails.
        """
        require_capture_rate(frame, "Whisper")
        for block in self._blocks.push(frame.samples):
            self._window.take(block, self._vad.probability(Frame(block)))
            if self._window.seconds >= MAX_WINDOW_SECONDS:
                self._make_room()

    def partial(self, cancelled: Cancelled = never) -> Transcript | None:
        """Return the words so far; decodes now and then, as far as that costs little.

        Raises:
            SttError: if the engine fails.
        """
        window = self._window
        if window.seconds >= LONG_SECONDS and window.quiet_seconds >= LULL_SECONDS:
            self._read_draft(cancelled)
        elif self._partial_is_due():
            self._read(cancelled, thorough=False)
        transcript = self._transcript(self._latest, final=False)
        return transcript if transcript.text else None

    def draft(self, cancelled: Cancelled = never) -> Transcript:
        """Understand what was fed as if it were the whole; decodes only if there was speech since the last time.

        Raises:
            SttError: if the engine fails.
        """
        return self._whole(cancelled, final=False)

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        """Decode what is left and return the whole; more may be fed all the same.

        Raises:
            SttError: if the engine fails.
        """
        return self._whole(cancelled, final=True)

    def _whole(self, cancelled: Cancelled, *, final: bool) -> Transcript:
        rest = self._blocks.flush()
        if len(rest):
            self._window.take(rest, self._vad.probability(Frame(rest)))
        reading = self._read_draft(cancelled)
        if reading is None or cancelled():
            return Transcript("", final)
        return self._transcript(reading, final=final)

    def _transcript(self, reading: _Reading, *, final: bool) -> Transcript:
        text = " ".join(text for text in (*self._settled, reading.text) if text)
        if not text:
            return Transcript("", final)
        return Transcript(text, final, confidence=reading.confidence, full_stop=reading.full_stop)

    def _partial_is_due(self) -> bool:
        window = self._window
        return (
            self._partials
            and window.quiet_seconds < PARTIAL_QUIET_SECONDS
            and window.end - self._decoded_end >= PARTIAL_SECONDS * CAPTURE_RATE
            and perf_counter() >= self._rest.until
            and self._decoder.expected_seconds(window.seconds) <= MAX_PARTIAL_SECONDS
            and window.sure
        )

    def _read_draft(self, cancelled: Cancelled) -> _Reading | None:
        """Decode the window in a pause, unless that has been done; ``None`` if cancelled."""
        if self._draft is None or self._draft.speech_end != self._window.speech_end:
            reading = self._read(cancelled, thorough=True)
            if reading is None:
                return None
            self._draft = reading
        return self._draft

    def _read(self, cancelled: Cancelled, *, thorough: bool) -> _Reading | None:
        """Decode the window and settle what is certain; ``None`` if cancelled, or if only a thorough decode will do."""
        window = self._window
        began = perf_counter()
        reading = self._understand(window, cancelled, thorough=thorough)
        now = perf_counter()
        self._decoded_end = window.end
        self._rest.until = now + (now - began) * (1.0 / PARTIAL_SHARE - 1.0)
        if reading is not None:
            reading = self._latest = self._settle(reading)
        return reading

    def _understand(self, window: SpeechWindow, cancelled: Cancelled, *, thorough: bool) -> _Reading | None:
        audio = window.audio()
        speech = window.sure_seconds >= WORDS_SECONDS
        texts: list[str] = []
        confidence, full_stop = self._latest.confidence, self._latest.full_stop
        position = 0
        while position < len(audio):
            result = self._decoder.decode(audio[position:], cancelled, thorough=thorough, speech=speech)
            if result is None:
                return None
            if not is_no_speech(result) and (window.sure or not result.doubtful):
                texts.append(result.text)
                confidence, full_stop = result.logprob, result.full_stop
            step = int(result.reached * CAPTURE_RATE)
            rest = len(audio) - position - step
            if step < CAPTURE_RATE or rest < CAPTURE_RATE or not result.text:
                break
            # A long window's text can end early; what is left is decoded on its own.
            position += step
        return _Reading(" ".join(texts), confidence, full_stop, window.speech_end)

    def _settle(self, reading: _Reading) -> _Reading:
        """Settle what was said before the last pause, if this reading agrees with its draft; give what comes after."""
        before, words = self._draft, reading.text.split()
        if before is None or before.speech_end == reading.speech_end or not before.text:
            return reading
        count = len(before.text.split())
        if _letters(words[:count]) != _letters(before.text.split()):
            return reading
        is_sentence = words[count - 1].endswith(SENTENCE_ENDS)
        if self._window.seconds < (LONG_SECONDS if is_sentence else MAX_SENTENCE_SECONDS):
            return reading
        self._settled.append(" ".join(words[:count]))
        self._window.cut_lull(before.speech_end)
        self._draft = None
        return replace(reading, text=" ".join(words[count:]))

    def _make_room(self) -> None:
        """Decode the earlier part of an utterance that has no pause where it could be settled."""
        reading = self._understand(self._window.split_quietest(), never, thorough=True)
        if reading is not None:
            self._settled.append(reading.text)
            self._latest = replace(reading, text="", speech_end=0)
        self._draft = None


def _letters(words: list[str]) -> list[str]:
    """Return the words without what a pause may change in their spelling."""
    return ["".join(letter for letter in word.casefold() if letter.isalnum()) for word in words]
