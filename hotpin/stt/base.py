"""The contract of a speech recogniser."""

from dataclasses import dataclass
from typing import Protocol

from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never
from hotpin.registry import EngineInfo


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was said."""

    text: str
    start: float
    """s since the utterance began."""
    end: float
    """s since the utterance began."""
    confidence: float = 1.0
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood."""

    text: str
    """The words as written text; empty where none were said."""

    final: bool
    """Whether later audio can still change it."""

    turn: int = 0
    """The turn it belongs to; 0 outside a conversation."""

    generation: int = 0
    """The conversation's generation it was made under."""

    words: tuple[Word, ...] = ()
    """Each word with its times, where the engine tells them."""

    language: str = ""
    """ISO 639-1 code of what was spoken, where the engine found it out."""

    confidence: float | None = None
    """Mean log probability of its words as the engine sees it; ``None`` where it does not tell. A word that was cut off
    makes it low."""

    full_stop: float | None = None
    """Of what the engine gives to punctuation after the last word, the share of what ends a sentence, 0 to 1; ``None``
    where it does not tell. It has heard the melody, and not only read the words."""


class SttStream(Protocol):
    """Recognition of one utterance. Used from one thread, the recogniser's worker."""

    def feed(self, frame: Frame) -> None:
        """Take the next piece of 16 kHz audio; may decode what is certain already.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            SttError: if the engine fails.
        """
        ...

    def partial(self, cancelled: Cancelled = never) -> Transcript | None:
        """Return the words so far, to be shown; ``None`` where there are none yet.

        It may decode, but never so long that the recogniser falls behind the person.

        Raises:
            SttError: if the engine fails.
        """
        ...

    def draft(self, cancelled: Cancelled = never) -> Transcript:
        """Understand what was fed as if it were the whole, in a pause that may be the end; more may be fed afterwards.

        Its words are those that ``finish`` would give now; ``final`` is false. Empty text where nothing was said or the
        work was cancelled.

        Raises:
            SttError: if the engine fails.
        """
        ...

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        """Decode what is left and return the whole; empty text where nothing was said or the work was cancelled.

        A person who goes on after all may be fed on: then the next ``finish`` returns both. What a stream holds is
        given back when nobody refers to it any more.

        Raises:
            SttError: if the engine fails.
        """
        ...


class Stt(Protocol):
    """A loaded recogniser; its streams share the model."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        ...

    @property
    def draft_seconds(self) -> float:
        """How long a pause should be, in s, before a ``draft``: longer where it disturbs, endless where it costs."""
        ...

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
        """
        ...

    def stream(self) -> SttStream:
        """Begin a new utterance."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
