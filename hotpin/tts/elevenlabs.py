"""ElevenLabs: voices elsewhere, as a stream of raw samples."""

import re
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
"""Hz that is asked for: raw samples need no decoder, and every account may have this rate."""

MIN_SPEED, MAX_SPEED = 0.7, 1.2
"""What it takes."""

_VOICES = {
    "EXAVITQu4vr4xnSDxMaL": "Sarah",
    "21m00Tcm4TlvDq8ikWAM": "Rachel",
    "pNInz6obpgDQGcFmaJgB": "Adam",
}
"""Voices that every account has; the personas' own."""

_VOICE_ID = re.compile(r"[A-Za-z0-9]{20}")

_ENGLISH_MODELS = ("eleven_monolingual_v1", "eleven_turbo_v2", "eleven_flash_v2")
_LANGUAGES = tuple(
    "en ar bg cs da de el es fi fil fr hi hr hu id it ja ko ms nl no pl pt ro ru sk sv ta tl tr uk vi zh".split()
)
"""What the other models speak, as its documents list it; English first."""


def build(settings: "Settings") -> Tts:
    """Build the voice engine, not yet loaded."""
    return ElevenLabsTts(settings)


class ElevenLabsTts(RemoteTts):
    """The voices of ElevenLabs, by their ids: those that everybody has, and any other of twenty letters and digits."""

    def __init__(self, settings: "Settings") -> None:
        super().__init__(service.elevenlabs(settings), settings)
        self._languages = ("en",) if settings.cloud.elevenlabs_model in _ENGLISH_MODELS else _LANGUAGES

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return self._service.info(self._settings.cloud.elevenlabs_model, self._settings.tts.voice)

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices that every account has, the default first."""
        return [Voice(name, self._languages, title) for name, title in _VOICES.items()]

    def voice(self, name: str = "") -> Voice:
        """Look a voice up; empty means the default. An id that is not in the list is taken as it is.

        Raises:
            TtsError: if that cannot be a voice's id.
        """
        if name not in _VOICES and _VOICE_ID.fullmatch(name):
            return Voice(name, self._languages)
        return find_voice("elevenlabs", self.voices, name)

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, piece by piece as it comes.

        Raises:
            TtsError: if there is no such voice or the server fails.
        """
        from hotpin.cloud.http import Request

        cloud, speed = self._settings.cloud, self._settings.tts.speed
        how = {"stability": cloud.elevenlabs_stability, "similarity_boost": cloud.elevenlabs_similarity_boost}
        if speed != 1.0:
            how["speed"] = min(max(speed, MIN_SPEED), MAX_SPEED)
        said = pcm.speakable(text)
        request = Request(
            f"/v1/text-to-speech/{self.voice(voice or self._settings.tts.voice).name}/stream",
            TtsError,
            pcm.max_bytes(RATE),
            json={"text": said, "model_id": cloud.elevenlabs_model, "voice_settings": how},
            query={"output_format": f"pcm_{RATE}"},
            sound=True,
        )
        return self._frames(said, request, RATE, cancelled)
