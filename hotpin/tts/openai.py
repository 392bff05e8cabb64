"""Voices behind OpenAI's ``audio/speech``: OpenAI and whatever speaks the same, as a stream of raw samples."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never
from hotpin.cloud import service
from hotpin.errors import TtsError
from hotpin.registry import EngineInfo
from hotpin.tts import pcm
from hotpin.tts.base import Tts, Voice, find_voice
from hotpin.tts.remote import RemoteTts

if TYPE_CHECKING:
    from hotpin.settings import Settings

RATE = 24_000
"""Hz of its raw samples."""

_LANGUAGES = tuple(
    "en af ar az be bg bs ca cs cy da de el es et fa fi fr gl he hi hr hu hy id is it ja kk kn ko lt lv mi mk mr ms ne"
    " nl no pl pt ro ru sk sl sr sv sw ta th tl tr uk ur vi zh".split()
)
"""What OpenAI's voices speak, as its documents list it; English first."""


def build(settings: "Settings") -> Tts:
    """Build the voice engine ``openai``, not yet loaded."""
    return OpenAiTts(settings)


class OpenAiTts(RemoteTts):
    """The voices of the settings' server."""

    def __init__(self, settings: "Settings") -> None:
        super().__init__(service.openai(settings, "tts"), settings)
        self._model = settings.cloud.openai_tts_model
        self._names = [name.strip() for name in settings.cloud.openai_voices.split(",") if name.strip()]

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return self._service.info(self._model, self._settings.tts.voice)

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices of the settings, the default first: the server cannot be asked for them."""
        return [Voice(name, _LANGUAGES) for name in self._names]

    def voice(self, name: str = "") -> Voice:
        """Look a voice up; empty means the default.

        Raises:
            TtsError: if there is none of that name.
        """
        return find_voice("openai", self.voices, name)

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, piece by piece as it comes.

        Raises:
            TtsError: if there is no such voice or the server fails.
        """
        from hotpin.cloud.http import Request

        said = pcm.speakable(text)
        body = {
            "model": self._model,
            "voice": self.voice(voice or self._settings.tts.voice).name,
            "input": said,
            "response_format": "pcm",
            "speed": self._settings.tts.speed,
        }
        request = Request("/audio/speech", TtsError, pcm.max_bytes(RATE), json=body, sound=True)
        return self._frames(said, request, RATE, cancelled)
