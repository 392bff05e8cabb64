"""Keeps what the model has read of conversations that are not its present one, within a bound of memory."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SavedState:
    """One conversation put aside."""

    tokens: tuple[int, ...]
    """What was read."""

    state: bytes
    """What the model made of it."""

    exact: int
    """Tokens at the beginning of which others may go on."""


class StateStore:
    """Saved states by session; what rests goes first, then what was saved longest ago.

    Args:
        limit_bytes: memory that all states together may take.
        resting_bytes: memory that those of resting sessions may.
    """

    def __init__(self, limit_bytes: int, resting_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.resting_bytes = resting_bytes
        self._states: OrderedDict[str, SavedState] = OrderedDict()
        self._resting: OrderedDict[str, SavedState] = OrderedDict()

    def put(self, session: str, saved: SavedState, *, resting: bool = False) -> None:
        """Keep a state in place of the session's earlier one, if it fits at all."""
        self.drop(session)
        if len(saved.state) > (self.resting_bytes if resting else self.limit_bytes):
            return
        (self._resting if resting else self._states)[session] = saved
        self._trim()

    def rest(self, session: str) -> None:
        """Note that nothing is expected of a session for a while."""
        saved = self._states.pop(session, None)
        if saved is not None:
            self.put(session, saved, resting=True)

    def take(self, session: str) -> SavedState | None:
        """Hand over the session's state, which is then no longer kept here."""
        return self._states.pop(session, None) or self._resting.pop(session, None)

    def drop(self, session: str) -> None:
        """Forget the session's state, if there is one."""
        self._states.pop(session, None)
        self._resting.pop(session, None)

    def _trim(self) -> None:
        while _size(self._resting) > self.resting_bytes:
            self._resting.popitem(last=False)
        while _size(self._resting) + _size(self._states) > self.limit_bytes:
            (self._resting or self._states).popitem(last=False)


def _size(states: Mapping[str, SavedState]) -> int:
    return sum(len(kept.state) for kept in states.values())
