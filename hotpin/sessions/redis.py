"""Sessions in a Redis, shared by the Hotpins of several machines."""

import json
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hotpin.errors import StoreError
from hotpin.sessions import redis_scripts as scripts
from hotpin.sessions.base import Session, StoredTurn, oldest_kept, storable
from hotpin.sessions.redis_address import RedisAddress

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""s. How long a change waits for a Redis that is being started anew."""

TIMEOUT_SECONDS = 2.0
"""s to connect, and for each answer; it takes well under a millisecond in one network."""

_PAUSE_SECONDS = 0.1
_EXPIRE_SECONDS = 3600.0
_ALL = -1

_AWAY = (redis.ConnectionError, redis.TimeoutError)  # a Redis that still loads its file counts among them


class RedisStore:
    """Keeps sessions in a Redis. May be used from any thread, by any number of processes and machines.

    Every change is made as a whole, and once: where its answer is lost it is asked for again for a few seconds. How
    soon it is on disk is Redis's own choice (``appendonly``, ``appendfsync``).

    Args:
        address: the Redis.
        password: empty if it asks for none.
        ttl: how long a session is kept after its last turn; 0 means for ever.
        now: s since 1970, UTC; the machines' clocks must agree better than ``ttl``.

    Raises:
        StoreError: if it cannot be reached, or refuses, now or at any later call.
    """

    def __init__(
        self,
        address: RedisAddress,
        password: str = "",
        ttl: timedelta = timedelta(),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._ttl = ttl
        self._now = now
        self._closed = False
        self._look_at = now() + _EXPIRE_SECONDS
        self._client = _client(address, password)
        self._scripts: dict[str, Callable[..., Any]] = {}
        self._patience = 0.0  # s; there is none before the first answer, and none once it was in vain
        self.expire(self._oldest_kept())
        self._warn_unless_on_disk()

    def touch(self, session_id: str, agent: str) -> None:
        """Make the session unless it is there, and note its persona and that it is in use now."""
        self._run(scripts.TOUCH, self._keys(session_id), *self._use(session_id, agent))

    def add(self, session_id: str, agent: str, turn: StoredTurn) -> int:
        """Append a turn and return its number."""
        words = json.dumps({"heard": storable(turn.heard), "reply": storable(turn.reply), "at": turn.at})
        return int(
            self._run(
                scripts.ADD,
                [*self._keys(session_id), scripts.added_key(secrets.token_hex(16))],
                *self._use(session_id, agent),
                words,
                _heard(turn.spoken, turn.timing),
            )
        )

    def amend(self, session_id: str, number: int, spoken: str, timing: Mapping[str, float | None]) -> None:
        """Note what was heard of a turn's reply, once it is over."""
        self._run(
            scripts.AMEND, self._keys(session_id), session_id, self._oldest_kept(), number, _heard(spoken, timing)
        )

    def retract(self, session_id: str, number: int) -> None:
        """Take a turn back of whose reply nothing was heard."""
        self._run(scripts.RETRACT, self._keys(session_id), session_id, self._oldest_kept(), number)

    def load(self, session_id: str, last: int | None = None) -> Session | None:
        """Read a session with its ``last`` turns, all of them if ``None``."""
        self._forget_expired()
        wanted = _ALL if last is None else last
        found = self._run(scripts.LOAD, self._keys(session_id), session_id, self._oldest_kept(), wanted)
        if found is None:
            return None
        agent, last_activity, count, turns = found
        return Session(session_id, agent, float(last_activity), int(count), [_turn(turn) for turn in reversed(turns)])

    def sessions(self) -> list[Session]:
        """List every session without its turns, the one used last first."""
        found = self._run(scripts.LIST, [scripts.ALL], scripts.session_key(""), self._oldest_kept())
        listed = [Session(session_id, agent, float(at), int(count)) for session_id, agent, at, count in found]
        return sorted(listed, key=lambda session: (-session.last_activity, session.id))

    def delete(self, session_id: str) -> bool:
        """Delete a session; return whether there was one."""
        return bool(self._run(scripts.DELETE, self._keys(session_id), session_id, self._oldest_kept()))

    def expire(self, older_than: float) -> int:
        """Delete the sessions that were used last before ``older_than`` (s since 1970); return how many."""
        return int(self._run(scripts.EXPIRE, [scripts.ALL], scripts.session_key(""), older_than))

    def close(self) -> None:
        """Let go of the connections."""
        self._closed = True
        self._client.close()

    def _use(self, session_id: str, agent: str) -> tuple[str | float, ...]:
        milliseconds = math.ceil(self._ttl / timedelta(milliseconds=1))
        return session_id, self._oldest_kept(), agent, self._now(), milliseconds

    def _keys(self, session_id: str) -> list[str]:
        return [scripts.ALL, scripts.session_key(session_id)]

    def _oldest_kept(self) -> float:
        return oldest_kept(self._ttl, self._now())

    def _forget_expired(self) -> None:
        """Take what has expired off the list, once in a while; it is hidden before."""
        if self._now() >= self._look_at:
            self._look_at = self._now() + _EXPIRE_SECONDS
            self.expire(self._oldest_kept())

    def _warn_unless_on_disk(self) -> None:
        try:
            found = self._client.info("persistence")
        except redis.RedisError:
            return  # whoever runs it need not tell
        if isinstance(found, dict) and not found.get("aof_enabled"):
            log.warning(
                "%s may lose the last minutes of what was said when it ends: set its appendonly to yes", self._address
            )

    def _run(self, script: str, keys: Sequence[str], *values: str | float) -> Any:  # noqa: ANN401 - each has its own
        if script not in self._scripts:
            self._scripts[script] = self._client.register_script(script)
        deadline = time.monotonic() + self._patience
        while True:
            if self._closed:
                raise StoreError("the session store is closed")
            try:
                found = self._scripts[script](keys=keys, args=values)
            except redis.RedisError as error:
                away = isinstance(error, _AWAY) and not isinstance(error, redis.AuthenticationError)
                if away and time.monotonic() + _PAUSE_SECONDS > deadline:
                    self._patience = 0.0
                if not away or not self._patience:
                    raise _explained(self._address, error) from None  # its own text may quote what was sent
            else:
                self._patience = PATIENCE_SECONDS
                return found
            time.sleep(_PAUSE_SECONDS)


def _client(address: RedisAddress, password: str) -> redis.Redis:
    return redis.Redis(
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.username or None,
        password=password or None,
        ssl=address.tls,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),  # what may be tried again is decided here
        protocol=2,
        decode_responses=True,
    )


def _explained(address: RedisAddress, error: redis.RedisError) -> StoreError:
    """Say what to do, in words of our own."""
    text = str(error)
    for kind, sign, what, fix in _WAYS_TO_FAIL:
        if isinstance(error, kind) and sign in text:
            return StoreError(f"the session store {address} {what}", fix, retryable=isinstance(error, _AWAY))
    return StoreError(f"the session store {address} failed ({type(error).__name__})", "Its log may say why")


_WRONG_PASSWORD = ("refuses the password", "Check HOTPIN_SESSIONS__REDIS_PASSWORD, or the password in sessions.store")

_WAYS_TO_FAIL: Sequence[tuple[type[redis.RedisError], str, str, str]] = (
    (redis.AuthenticationError, "", *_WRONG_PASSWORD),
    (redis.ResponseError, "WRONGPASS", *_WRONG_PASSWORD),
    (
        redis.exceptions.NoPermissionError,
        "",
        "does not allow that",
        f"Let its user run scripts on the keys {scripts.PREFIX}*",
    ),
    (redis.BusyLoadingError, "", "is still starting", "Try again in a moment"),
    (redis.TimeoutError, "", "does not answer", "Look whether it runs and is not overloaded"),
    (
        redis.ConnectionError,
        "certificate",
        "shows a certificate that is not trusted",
        "Name the file of your own authority with SSL_CERT_FILE, and the host as the certificate does",
    ),
    (redis.ConnectionError, "", "cannot be reached", "Start it, or name another with sessions.store"),
    (redis.OutOfMemoryError, "", "is full", "Raise its maxmemory; what was stored before is safe"),
    (redis.ResponseError, "MISCONF", "cannot write to its disk", "Look at its log and make room"),
    (redis.ReadOnlyError, "", "is a replica, which may only be read", "Name the primary with sessions.store"),
    (redis.ResponseError, "DB index", "has no such database", "Name another after the slash of sessions.store"),
)
"""A kind of error and what its text has in it; what happened, and what to do. The first that fits counts."""


def _heard(spoken: str, timing: Mapping[str, float | None]) -> str:
    return json.dumps({"spoken": storable(spoken), "timing": dict(timing)})


def _turn(found: Sequence[Any]) -> StoredTurn:
    number, words, heard = found
    said, after = json.loads(words), json.loads(heard)
    return StoredTurn(said["heard"], said["reply"], after["spoken"], said["at"], after["timing"], int(number))
