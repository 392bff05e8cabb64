"""The talk key, in terminals that never tell that a key is up: tap to talk, tap to send, or hold it."""

from enum import Enum, auto

REPEAT_SECONDS = 0.2
"""s within which a key that is held down repeats, once it has begun to."""

FIRST_REPEAT_SECONDS = 0.8
"""s within which it begins to. A second tap this soon may be that: what follows tells."""


class Stroke(Enum):
    """What a stroke of the key means."""

    TALK = auto()
    SEND = auto()
    SEND_UNLESS_REPEATED = auto()
    """To be sent if no other stroke follows within ``REPEAT_SECONDS``."""


class TalkKey:
    """Tells taps from a key that is held down, by how soon one stroke follows another."""

    def __init__(self) -> None:
        self._last = self._began = float("-inf")

    def strike(self, now: float, *, hearing: bool) -> Stroke:
        """Take one stroke.

        Args:
            now: s on any clock.
            hearing: whether the person is being heard.
        """
        since_last, self._last = now - self._last, now
        if not hearing:
            self._began = now
            return Stroke.TALK
        if since_last < REPEAT_SECONDS or now - self._began < FIRST_REPEAT_SECONDS:
            return Stroke.SEND_UNLESS_REPEATED
        return Stroke.SEND
