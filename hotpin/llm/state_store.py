"""Keeps what the model has read of conversations that are not its present one, within a bound of memory."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SavedState:
    """One conversation put aside."""

    tokens: tuple[int, ...]
    """What was read."""

    state: bytes
    """What the model made of it."""


class StateStore:
    """Saved states by session; what was saved longest ago goes first.

    Args:
        limit_bytes: memory that all states together may take.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._states: OrderedDict[str, SavedState] = OrderedDict()

    def put(self, session: str, saved: SavedState) -> None:
        """Keep a state in place of the session's earlier one, if it fits at all."""
        self.drop(session)
        if len(saved.state) > self.limit_bytes:
            return
        self._states[session] = saved
        while sum(len(kept.state) for kept in self._states.values()) > self.limit_bytes:
            self._states.popitem(last=False)

    def take(self, session: str) -> SavedState | None:
        """Hand over the session's state, which is then no longer kept here."""
        return self._states.pop(session, None)

    def drop(self, session: str) -> None:
        """Forget the session's state, if there is one."""
        self._states.pop(session, None)
