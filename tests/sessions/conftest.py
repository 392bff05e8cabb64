"""What the tests of session stores share."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from hotpin.sessions.base import SessionStore, StoredTurn
from hotpin.sessions.memory import MemoryStore
from hotpin.sessions.redis import RedisStore
from hotpin.sessions.redis_address import parse
from hotpin.sessions.sqlite import SqliteStore
from tests.fakes.redis_server import RedisServer

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


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """An empty Redis."""
    with Redis(port=shared_redis.port) as client:
        client.flushall()
    return shared_redis


@pytest.fixture(params=["sqlite", "memory", "redis"])
def store(request: pytest.FixtureRequest, path: Path, calendar: Calendar) -> Iterator[SessionStore]:
    """Each store in turn, empty, with sessions that expire after 30 days."""
    opened: SessionStore
    if request.param == "memory":
        opened = MemoryStore(TTL, calendar)
    elif request.param == "sqlite":
        opened = SqliteStore(path, TTL, calendar)
    else:
        opened = RedisStore(parse(request.getfixturevalue("redis").url), "", TTL, calendar)
    yield opened
    opened.close()


def turn(words: str, spoken: str | None = None) -> StoredTurn:
    reply = f"About {words}: yes."
    return StoredTurn(words, reply, reply if spoken is None else spoken, 1_800_000_000.5, {"speech_end": 1.25})
