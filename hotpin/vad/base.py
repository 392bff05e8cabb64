"""The contract of a voice activity detector."""

from typing import Protocol, Self

from hotpin.audio.frame import Frame
from hotpin.registry import EngineInfo


class Vad(Protocol):
    """Tells how likely a frame is to hold speech. An instance belongs to one stream of audio and one thread."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        ...

    def load(self) -> None:
        """Read the model; a second call does nothing."""
        ...

    def fork(self) -> Self:
        """Give a fresh detector for another stream; the loaded model is shared."""
        ...

    def probability(self, frame: Frame) -> float:
        """Return the probability, 0 to 1, that speech is going on at the end of ``frame``.

        Frames must follow each other in time; any length is taken, an empty one repeats the last answer.

        Raises:
            AudioError: if the frame is not at 16 kHz.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
