"""The contract of what tells from the sound of an utterance whether the person has finished."""

from typing import Protocol

from hotpin.audio.frame import Samples
from hotpin.registry import EngineInfo

HEARD_SECONDS = 8.0
"""s of the end of an utterance that are listened to at most."""


class Prosody(Protocol):
    """A loaded model. Used from one thread, its worker."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        ...

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
        """
        ...

    def finished(self, samples: Samples) -> float:
        """Tell how likely the person has finished, 0 to 1.

        Args:
            samples: the end of the utterance with the pause so far, int16, shape (n,), 16 kHz.

        Raises:
            ValueError: if there are no samples.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
