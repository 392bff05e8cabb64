"""Which voice speaks: the wanted one, unless it would garble the language of the conversation."""

from dataclasses import dataclass

from hotpin.errors import TtsError
from hotpin.tts.base import Tts

_KOKORO_LANGUAGES = frozenset({"en", "es", "fr", "hi", "it", "ja", "pt", "zh"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The voice that speaks."""

    voice: str
    """Its name, as ``Tts.speak`` takes it."""

    notice: str = ""
    """What to tell the person, if it is not the voice they asked for."""


def choose(tts: Tts, wanted: str, language: str) -> Choice:
    """Choose the voice for a conversation.

    Args:
        tts: the engine; it need not be loaded.
        wanted: a voice's name; empty means the engine's default.
        language: ISO 639-1 code of what is spoken; ``auto`` or empty where nobody can tell.

    Raises:
        ModelError: if the voices cannot be listed.
        TtsError: if there is no such voice, or none that speaks the language.
    """
    voice = tts.voice(wanted)
    if voice.speaks(language):
        return Choice(voice.name)
    fitting = next((other for other in tts.voices if other.speaks(language)), None)
    if fitting is None:
        engines = "kokoro or pyttsx3" if language in _KOKORO_LANGUAGES else "pyttsx3"
        fix = f"Choose another voice engine: --tts {engines}; for good, with the setting tts.engine"
        raise TtsError(f"{tts.info.name} has no voice that speaks {language!r}", fix)
    if not wanted:
        return Choice(fitting.name)
    return Choice(
        fitting.name, f"The voice {voice.name!r} does not speak {language!r}: {fitting.name!r} speaks instead"
    )
