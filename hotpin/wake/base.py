"""The contract of a wake word engine."""

from typing import Protocol, Self

from hotpin.audio.frame import Frame
from hotpin.registry import EngineInfo


class Wake(Protocol):
    """Listens for one word. An instance belongs to one stream of audio and one thread.

    It only tells probabilities; from which on the word counts, and how often, is ``policy.py``'s to say.
    """

    @property
    def info(self) -> EngineInfo:
        """What this engine is; ``model`` is the word."""
        ...

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
        """
        ...

    def fork(self) -> Self:
        """Give a fresh engine for the same word on another stream."""
        ...

    def probability(self, frame: Frame) -> float:
        """Return the probability, 0 to 1, that the word has just been said.

        Frames must follow each other in time; any length is taken. Of a long one it is the highest, so that no word in
        it is missed; one too short to be judged repeats the last answer.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            HotpinError: if the model has not been loaded.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
