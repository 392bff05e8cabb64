"""The contract of a voice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hotpin.audio.frame import Frame, Samples
from hotpin.cancel import Cancelled, never
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


class Tts(Protocol):
    """A loaded voice engine. Used from one thread, the engine's worker."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        ...

    @property
    def voices(self) -> Sequence[str]:
        """Names of the voices it has, the default first."""
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
