"""Recognisers behind OpenAI's ``audio/transcriptions``: OpenAI, Groq and whatever speaks the same.

They understand an utterance in one pass at its end, so there are no words while a person speaks. What runs ahead would
be paid for: unless that is wanted, no draft is asked for. They invent words where there are none, as Whisper does, so
each stream has a detector of speech; what holds none is not sent.
"""

import json
import math
from contextlib import closing
from typing import TYPE_CHECKING

from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples, to_int16
from hotpin.cancel import Cancelled, never
from hotpin.cloud import service
from hotpin.cloud.service import Service
from hotpin.errors import SttError
from hotpin.registry import EngineInfo
from hotpin.stt.base import Stt, Transcript
from hotpin.stt.whisper_window import SpeechWindow
from hotpin.vad.silero import SileroVad

if TYPE_CHECKING:
    from hotpin.cloud.http import HttpClient
    from hotpin.settings import Settings

DRAFT_SECONDS = 0.12
"""s of pause before a draft, where drafts cost nothing: Whisper's own figure."""

MAX_SECONDS = 600.0
"""s of one utterance: 19 MB as WAV, where OpenAI takes 25."""

MAX_ANSWER_BYTES = 1 << 20


def build(settings: "Settings") -> Stt:
    """Build the recogniser ``openai``, not yet loaded."""
    return OpenAiStt(service.openai(settings, "stt"), settings.cloud.openai_stt_model, settings.stt.language)


def build_groq(settings: "Settings") -> Stt:
    """Build the recogniser ``groq``, not yet loaded."""
    return OpenAiStt(service.groq(settings), settings.cloud.groq_stt_model, settings.stt.language)


class OpenAiStt:
    """A recogniser elsewhere.

    Args:
        service: who is asked.
        model: the model's name there.
        language: ISO 639-1 code of what is spoken, or ``auto``.
    """

    def __init__(self, service: Service, model: str, language: str) -> None:
        self._service = service
        self._model = model
        self._language = language
        self._vad = SileroVad()
        self._http: HttpClient | None = None

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return self._service.info(self._model)

    @property
    def draft_seconds(self) -> float:
        """How long a pause should be before a draft: endless where drafts are paid for."""
        return DRAFT_SECONDS if self.info.ahead else math.inf

    def load(self) -> None:
        """Get ready to ask; the server is not asked yet, so that it need not be there at the start.

        Raises:
            SettingsError: if it cannot be asked: no key, or no network allowed.
        """
        from hotpin.cloud.http import shared

        self._service.check()
        self._vad.load()
        self._http = shared()

    def stream(self) -> "OpenAiStream":
        """Begin a new utterance.

        Raises:
            SttError: if it has not been loaded.
        """
        if self._http is None:
            raise SttError("the recogniser has not been loaded")
        return OpenAiStream(self, self._vad.fork())

    def transcribe(self, samples: Samples, cancelled: Cancelled) -> str | None:
        """Have an utterance understood: int16, shape (n,), 16 kHz; ``None`` if cancelled.

        Raises:
            SttError: if that fails.
        """
        from hotpin.cloud.http import Request

        if self._http is None:
            raise SttError("the recogniser has not been loaded")
        form = {"model": self._model, "response_format": "json"}
        if self._language != "auto":
            form["language"] = self._language
        files = {"file": ("speech.wav", wav_bytes(samples, CAPTURE_RATE), "audio/wav")}
        request = Request("/audio/transcriptions", SttError, MAX_ANSWER_BYTES, form=form, files=files)
        with closing(self._http.body(self._service, request, cancelled)) as pieces:
            answer = b"".join(pieces)
        return None if cancelled() else self._text(answer)

    def close(self) -> None:
        """Ask no more; the connections are the process's."""
        self._http = None
        self._vad.close()

    def _text(self, answer: bytes) -> str:
        try:
            text = json.loads(answer)["text"]
            if isinstance(text, str):
                return " ".join(text.split())
        except (ValueError, TypeError, LookupError, RecursionError):
            pass
        raise SttError(f"{self._service.host} sent what is no transcription", retryable=True)


class OpenAiStream:
    """One utterance, collected until it is asked for.

    Args:
        stt: who understands it.
        vad: a detector of its own.
    """

    def __init__(self, stt: OpenAiStt, vad: SileroVad) -> None:
        self._stt = stt
        self._vad = vad
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._window = SpeechWindow()
        self._text = ""
        self._understood_end = 0  # after the last speech that the text is of

    def feed(self, frame: Frame) -> None:
        """Take the next piece of audio, of any length.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            SttError: if the utterance is too long to be sent.
        """
        require_capture_rate(frame, self._stt.info.name)
        for block in self._blocks.push(frame.samples):
            self._take(block)

    def partial(self, cancelled: Cancelled = never) -> Transcript | None:
        """Give ``None``: there are no words before the end."""
        return None

    def draft(self, cancelled: Cancelled = never) -> Transcript:
        """Have understood what was fed so far; asks only if there was speech since the last time.

        Raises:
            SttError: if that fails.
        """
        return self._whole(cancelled, final=False)

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        """Have the whole understood; more may be fed all the same.

        Raises:
            SttError: if that fails.
        """
        return self._whole(cancelled, final=True)

    def _whole(self, cancelled: Cancelled, *, final: bool) -> Transcript:
        rest = self._blocks.flush()
        if len(rest):
            self._take(rest)
        window = self._window
        if window.sure and self._understood_end != window.speech_end and not cancelled():
            text = self._stt.transcribe(to_int16(window.audio()), cancelled)
            if text is not None:
                self._text, self._understood_end = text, window.speech_end
        return Transcript("" if cancelled() else self._text, final)

    def _take(self, block: Samples) -> None:
        self._window.take(block, self._vad.probability(Frame(block)))
        if self._window.seconds > MAX_SECONDS:
            raise SttError(f"an utterance of more than {MAX_SECONDS / 60:g} minutes is too long to be sent")
