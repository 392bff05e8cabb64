"""Sessions that are gone when the process ends."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hotpin.errors import StoreError
from hotpin.sessions.base import Session, StoredTurn, oldest_kept, storable

MAX_SESSIONS = 1000
"""Beyond it, the session that was used longest ago is dropped."""

MAX_TURNS = 1000
"""Turns kept of each session, as many as a model can be given; older ones are dropped."""


@dataclass(slots=True, eq=False)
class _Kept:
    """A session in use."""

    agent: str
    last_activity: float
    last_number: int = 0
    turn_count: int = 0
    turns: deque[StoredTurn] = field(default_factory=lambda: deque(maxlen=MAX_TURNS))

    def session(self, session_id: str, turns: tuple[StoredTurn, ...] = ()) -> Session:
        return Session(session_id, self.agent, self.last_activity, self.turn_count, turns)


class MemoryStore:
    """Keeps sessions in memory, for one process.

    Args:
        ttl: how long a session is kept after its last turn; 0 means for ever.
        now: s since 1970, UTC.
    """

    def __init__(self, ttl: timedelta = timedelta(), now: Callable[[], float] = time.time) -> None:
        self._ttl = ttl
        self._now = now
        self._lock = threading.Lock()  # guards _sessions and _closed
        self._sessions: dict[str, _Kept] = {}  # the one used longest ago first
        self._closed = False

    def touch(self, session_id: str, agent: str) -> None:
        """Make the session unless it is there, and note its persona and that it is in use now."""
        with self._lock:
            self._use(session_id, agent)

    def add(self, session_id: str, agent: str, turn: StoredTurn) -> int:
        """Append a turn and return its number."""
        with self._lock:
            kept = self._use(session_id, agent)
            kept.last_number += 1
            kept.turn_count += 1
            kept.turns.append(
                StoredTurn(
                    storable(turn.heard),
                    storable(turn.reply),
                    storable(turn.spoken),
                    turn.at,
                    dict(turn.timing),
                    kept.last_number,
                )
            )
            return kept.last_number

    def amend(self, session_id: str, number: int, spoken: str, timing: Mapping[str, float | None]) -> None:
        """Note what was heard of a turn's reply, once it is over."""
        with self._lock:
            kept = self._current().get(session_id)
            for index, turn in enumerate(kept.turns if kept else ()):
                if kept and turn.number == number:
                    kept.turns[index] = replace(turn, spoken=storable(spoken), timing=dict(timing))

    def retract(self, session_id: str, number: int) -> None:
        """Take a turn back of whose reply nothing was heard."""
        with self._lock:
            kept = self._current().get(session_id)
            for turn in list(kept.turns) if kept else ():
                if kept and turn.number == number:
                    kept.turns.remove(turn)
                    kept.turn_count -= 1

    def load(self, session_id: str, last: int | None = None) -> Session | None:
        """Read a session with its ``last`` turns, all of them if ``None``."""
        with self._lock:
            kept = self._current().get(session_id)
            if kept is None:
                return None
            turns = tuple(kept.turns)
            return kept.session(session_id, turns if last is None else turns[max(0, len(turns) - last) :])

    def sessions(self) -> list[Session]:
        """List every session without its turns, the one used last first."""
        with self._lock:
            found = [kept.session(session_id) for session_id, kept in self._current().items()]
        return sorted(found, key=lambda session: (-session.last_activity, session.id))

    def delete(self, session_id: str) -> bool:
        """Delete a session; return whether there was one."""
        with self._lock:
            return self._current().pop(session_id, None) is not None

    def expire(self, older_than: float) -> int:
        """Delete the sessions that were used last before ``older_than`` (s since 1970); return how many."""
        with self._lock:
            return self._drop(older_than)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._closed = True
            self._sessions.clear()

    def _use(self, session_id: str, agent: str) -> _Kept:
        sessions = self._current()
        kept = sessions.pop(session_id, None) or _Kept(agent, 0.0)
        kept.agent = agent
        kept.last_activity = self._now()
        sessions[session_id] = kept
        if len(sessions) > MAX_SESSIONS:
            del sessions[next(iter(sessions))]
        return kept

    def _current(self) -> dict[str, _Kept]:
        """Give the sessions that have not expired."""
        if self._closed:
            raise StoreError("the session store is closed")
        self._drop(oldest_kept(self._ttl, self._now()))
        return self._sessions

    def _drop(self, older_than: float) -> int:
        expired = [session_id for session_id, kept in self._sessions.items() if kept.last_activity < older_than]
        for session_id in expired:
            del self._sessions[session_id]
        return len(expired)
