"""The contract of a voice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hotpin.audio.frame import Frame, Samples
from hotpin.cancel import Cancelled, never
from hotpin.errors import TtsError
from hotpin.registry import EngineInfo


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of spoken audio on its way to the loudspeaker."""

    seq: int
    """The clause it says, counted from 0 within its turn."""

    text: str
    """What the clause says."""

    samples: Samples
    """int16, shape (n,), mono."""

    rate: int
    """Hz; each voice keeps its own until the loudspeaker."""

    turn: int = 0
    """The turn it belongs to; 0 outside a conversation."""

    generation: int = 0
    """The conversation's generation it was made under."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine."""

    name: str
    """The name it is chosen by."""

    languages: tuple[str, ...]
    """ISO 639-1 codes of what it can speak, its own language first."""

    title: str = ""
    """What it is, for people: ``American English, female``."""

    def speaks(self, language: str) -> bool:
        """Whether it can speak ``language``, an ISO 639-1 code; of ``auto`` or nothing, nobody can tell."""
        return language in ("", "auto") or language in self.languages


class Tts(Protocol):
    """A loaded voice engine. Used from one thread, the engine's worker."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        ...

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices on this machine, the default first; needs no ``load``.

        Raises:
            ModelError: if they cannot be listed, since the model is missing or damaged.
            TtsError: if the engine's voices cannot be listed.
        """
        ...

    def voice(self, name: str = "") -> Voice:
        """Look a voice up, or what the engine makes of several (a blend); empty means the default.

        Raises:
            TtsError: if there is none of that name; it lists those there are.
        """
        ...

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
        """
        ...

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, piece by piece as it is ready; text without anything to say gives no frame.

        ``voice`` is a name from ``voices``; empty means the default. ``cancelled`` is asked between pieces.

        Raises:
            TtsError: if there is no such voice or the engine fails.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...


def find_voice(engine: str, voices: Sequence[Voice], name: str) -> Voice:
    """Give the voice called ``name`` of those an engine has, or the first where none is named.

    Raises:
        TtsError: if there is none of that name; it lists those there are.
    """
    if not voices:
        raise TtsError(f"{engine} has no voices here")
    for voice in voices:
        if name in ("", voice.name):
            return voice
    known = ", ".join(voice.name for voice in voices)
    raise TtsError(f"there is no voice {name!r} for {engine} here", f"Choose one of: {known}")
