"""What the tests of session stores share."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hotpin.sessions.base import SessionStore, StoredTurn
from hotpin.sessions.memory import MemoryStore
from hotpin.sessions.sqlite import SqliteStore

TTL = timedelta(days=30)
Open = Callable[[], SessionStore]


class Calendar:
    """A clock that is set by hand, and moves on a little at every look so that nothing happens at once."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self._ticks = itertools.count(1)

    def __call__(self) -> float:
        return self.now + next(self._ticks) / 1000


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.sqlite"


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, path: Path, calendar: Calendar) -> SessionStore:
    """Each store in turn, empty, with sessions that expire after 30 days."""
    if request.param == "memory":
        return MemoryStore(TTL, calendar)
    return SqliteStore(path, TTL, calendar)


def turn(words: str, spoken: str | None = None) -> StoredTurn:
    reply = f"About {words}: yes."
    return StoredTurn(words, reply, reply if spoken is None else spoken, 1_800_000_000.5, {"speech_end": 1.25})
