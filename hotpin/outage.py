"""For how long an engine that could not be reached is left alone."""

from collections.abc import Callable
from time import monotonic

from hotpin import cloud
from hotpin.errors import HotpinError

FIRST_PAUSE_SECONDS = 30.0
"""s for which an engine that could not be reached is left alone; twice as long each time it is still so."""

LONGEST_PAUSE_SECONDS = 300.0

_DOES = {"stt": "understands", "llm": "answers", "tts": "speaks"}

Tell = Callable[[str], None]
"""Takes a line for people."""


class Outage:
    """Whether an engine elsewhere is left alone for now. Used from one thread, the engine's worker.

    Args:
        stage: what the engines are for.
        local: the name of the one that takes over.
        tell: told once when an outage begins.
    """

    def __init__(self, stage: cloud.Stage, local: str, tell: Tell) -> None:
        self._instead = f"{local} {_DOES[stage]} instead"
        self._tell = tell
        self._until = 0.0
        self._pause = 0.0

    @property
    def lasts(self) -> bool:
        """Whether not even to try."""
        return monotonic() < self._until

    def begin(self, error: HotpinError) -> None:
        """Take in that the engine could not be reached.

        Raises:
            HotpinError: the same again, where the other engine should not hide it: a wrong key, for instance.
        """
        if not error.retryable:
            raise error
        if not self._pause:
            self._tell(f"{error.message}; {self._instead}")
        self._pause = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), LONGEST_PAUSE_SECONDS)
        self._until = monotonic() + self._pause

    def end(self) -> None:
        """Take in that the engine works."""
        self._pause = 0.0
