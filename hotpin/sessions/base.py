"""The contract of a session store, and what it keeps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
SESSION_ID_RULE = "a session id has 1 to 128 of the characters A-Z a-z 0-9 . _ : - and is not . or .."
RESERVED_IDS = frozenset({"voice-agent"})


def check_session_id(session_id: str) -> str:
    """Return ``session_id`` if it may name a session.

    Raises:
        ValueError: with the rule, if it may not.
    """
    shown = session_id if len(session_id) <= 40 else f"{session_id[:40]}…"  # noqa: PLR2004 - enough to recognise it
    if SESSION_ID.fullmatch(session_id) is None or session_id in (".", ".."):
        raise ValueError(f"{shown!r} cannot be a session id: {SESSION_ID_RULE}")
    if session_id in RESERVED_IDS:
        raise ValueError(f"{shown!r} cannot be a session id: it is reserved")
    return session_id


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A question and its answer."""

    heard: str
    """What the person said or typed."""

    reply: str
    """The reply as it was written."""

    spoken: str
    """The part of the reply that was heard; the whole of it unless it was interrupted."""

    at: float
    """s since 1970, UTC: when the turn was stored first."""

    timing: Mapping[str, float | None] = field(default_factory=dict)
    """Moments of the turn by stage, in s since its input began, as the JSON outputs carry them."""

    number: int = 0
    """Its place in the session, counted from 1; given by the store, and never twice, so that a turn that is taken back
    leaves a gap."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation and its turns."""

    id: str
    agent: str
    """The persona it was held with last."""

    last_activity: float
    """s since 1970, UTC."""

    turn_count: int
    """Turns in all, of which ``turns`` may hold only the last ones."""

    turns: Sequence[StoredTurn] = ()
    """The oldest first."""


class SessionStore(Protocol):
    """Keeps sessions. May be used from any thread, and from several processes at once.

    Every change is on disk when its call returns; in a Redis, as soon as that was set up to. All raise ``StoreError``
    when the store cannot be read or written.
    A session expires a set time after its last turn: it is then as if it had never been.
    """

    def touch(self, session_id: str, agent: str) -> None:
        """Make the session unless it is there, and note its persona and that it is in use now."""
        ...

    def add(self, session_id: str, agent: str, turn: StoredTurn) -> int:
        """Append a turn and return its number; the session is made if it is not there (any more)."""
        ...

    def amend(self, session_id: str, number: int, spoken: str, timing: Mapping[str, float | None]) -> None:
        """Note what was heard of a turn's reply, once it is over; does nothing if the turn is gone."""
        ...

    def retract(self, session_id: str, number: int) -> None:
        """Take a turn back of whose reply nothing was heard, because the person went on speaking."""
        ...

    def load(self, session_id: str, last: int | None = None) -> Session | None:
        """Read a session with its ``last`` turns, all of them if ``None``; ``None`` if there is no such session."""
        ...

    def sessions(self) -> list[Session]:
        """List every session without its turns, the one used last first."""
        ...

    def delete(self, session_id: str) -> bool:
        """Delete a session for good; return whether there was one."""
        ...

    def expire(self, older_than: float) -> int:
        """Delete the sessions that were used last before ``older_than`` (s since 1970); return how many."""
        ...

    def close(self) -> None:
        """Let go of the store's files; later calls are errors."""
        ...


def oldest_kept(ttl: timedelta, now: float) -> float:
    """Say before which moment a session must have been used last to have expired; s since 1970, as ``now``.

    Args:
        ttl: how long a session is kept after its last turn; 0 means for ever.
        now: the present.
    """
    return now - ttl.total_seconds() if ttl else float("-inf")


def storable(text: str) -> str:
    """Replace halves of characters, which cannot be written to a file, by question marks."""
    return text.encode("utf-8", "replace").decode()
