"""Sessions in one SQLite file, shared by all processes of a person."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from hotpin.errors import StoreError
from hotpin.sessions.base import Session, StoredTurn, oldest_kept, storable
from hotpin.sessions.sqlite_file import PATIENCE_SECONDS, connect, connect_to_read, explain, patiently, transaction

log = logging.getLogger(__name__)

T = TypeVar("T")
_Work = Callable[[sqlite3.Connection], T]

_EXPIRE_SECONDS = 3600.0
"""s between two looks for expired sessions in a process that runs for long; others are hidden until then."""

_ALL = -1
"""SQLite's word for no limit."""


class SqliteStore:
    """Keeps sessions in a file; every change is on disk when its call returns.

    Args:
        path: the file; it is made, with its folder, if it is not there.
        ttl: how long a session is kept after its last turn; 0 means for ever.
        now: s since 1970, UTC.
        read_only: whether nothing may be written; changes are then errors.

    Raises:
        StoreError: if the file cannot be used, now or at any later call.
    """

    def __init__(
        self,
        path: Path,
        ttl: timedelta = timedelta(),
        now: Callable[[], float] = time.time,
        *,
        read_only: bool = False,
    ) -> None:
        self._path = path
        self._ttl = ttl
        self._now = now
        self._lock = threading.Lock()  # guards _connection, which any thread may use
        self._connection: sqlite3.Connection | None = self._explained(
            lambda: connect_to_read(path) if read_only else connect(path), PATIENCE_SECONDS
        )
        self._look_at = 0.0
        self._forget_expired()

    def touch(self, session_id: str, agent: str) -> None:
        """Make the session unless it is there, and note its persona and that it is in use now."""
        self._change(lambda connection: self._use(connection, session_id, agent))

    def add(self, session_id: str, agent: str, turn: StoredTurn) -> int:
        """Append a turn and return its number."""
        words = [storable(text) for text in (turn.heard, turn.reply, turn.spoken)]

        def work(connection: sqlite3.Connection) -> int:
            self._use(connection, session_id, agent)
            connection.execute("UPDATE sessions SET last_number = last_number + 1 WHERE id = ?", (session_id,))
            found = connection.execute("SELECT last_number FROM sessions WHERE id = ?", (session_id,)).fetchone()
            number = int(found[0])
            connection.execute(
                "INSERT INTO turns (session_id, number, heard, reply, spoken, at, timing) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (session_id, number, *words, turn.at, json.dumps(dict(turn.timing))),
            )
            return number

        return self._change(work)

    def amend(self, session_id: str, number: int, spoken: str, timing: Mapping[str, float | None]) -> None:
        """Note what was heard of a turn's reply, once it is over."""
        values = (storable(spoken), json.dumps(dict(timing)), session_id, number)
        self._change(
            lambda connection: connection.execute(
                "UPDATE turns SET spoken = ?, timing = ? WHERE session_id = ? AND number = ?", values
            )
        )

    def retract(self, session_id: str, number: int) -> None:
        """Take a turn back of whose reply nothing was heard."""
        self._change(
            lambda connection: connection.execute(
                "DELETE FROM turns WHERE session_id = ? AND number = ?", (session_id, number)
            )
        )

    def load(self, session_id: str, last: int | None = None) -> Session | None:
        """Read a session with its ``last`` turns, all of them if ``None``."""
        self._forget_expired()

        def work(connection: sqlite3.Connection) -> Session | None:
            found = connection.execute(
                f"{_SESSIONS} WHERE id = ? AND last_activity >= ?", (session_id, self._oldest_kept())
            ).fetchone()
            if found is None:
                return None
            rows = connection.execute(
                "SELECT heard, reply, spoken, at, timing, number FROM turns WHERE session_id = ?"
                " ORDER BY number DESC LIMIT ?",
                (session_id, _ALL if last is None else last),
            ).fetchall()
            return _session(found, [_turn(row) for row in reversed(rows)])

        return self._read(work)

    def sessions(self) -> list[Session]:
        """List every session without its turns, the one used last first."""
        rows = self._read(
            lambda connection: connection.execute(
                f"{_SESSIONS} WHERE last_activity >= ? ORDER BY last_activity DESC, id", (self._oldest_kept(),)
            ).fetchall()
        )
        return [_session(row) for row in rows]

    def delete(self, session_id: str) -> bool:
        """Delete a session for good; return whether there was one."""
        return self._remove("id = ?", session_id) > 0

    def expire(self, older_than: float) -> int:
        """Delete the sessions that were used last before ``older_than`` (s since 1970); return how many."""
        return self._remove("last_activity < ?", older_than)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _use(self, connection: sqlite3.Connection, session_id: str, agent: str) -> None:
        # What has expired does not come back to life with the next turn.
        connection.execute("DELETE FROM sessions WHERE id = ? AND last_activity < ?", (session_id, self._oldest_kept()))
        connection.execute(
            "INSERT INTO sessions (id, agent, last_activity) VALUES (?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET agent = excluded.agent, last_activity = excluded.last_activity",
            (session_id, agent, self._now()),
        )

    def _remove(self, condition: str, value: str | float, patience: float = PATIENCE_SECONDS) -> int:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(f"DELETE FROM sessions WHERE {condition}", (value,)).rowcount  # noqa: S608 - ours

        removed = self._change(work, patience)
        if removed:
            self._empty_log(patience)
        return removed

    def _empty_log(self, patience: float) -> None:
        """Drop the write-ahead log, in which earlier versions of the pages still hold what was said."""

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise _LogInUse

        try:
            self._run(work, None, patience)
        except StoreError as error:
            if not error.retryable:
                raise
            log.info("the log of deleted sessions is in use and will be emptied later")

    def _forget_expired(self) -> None:
        """Delete what has expired, once in a while; if that cannot be done now, it is hidden anyway."""
        if self._now() < self._look_at:
            return
        self._look_at = self._now() + _EXPIRE_SECONDS
        horizon = self._oldest_kept()
        query = "SELECT EXISTS (SELECT 1 FROM sessions WHERE last_activity < ?)"
        if self._read(lambda connection: connection.execute(query, (horizon,)).fetchone()[0]):
            try:
                self._remove("last_activity < ?", horizon, patience=0.0)
            except StoreError as error:
                log.info("expired sessions could not be deleted: %s", error)

    def _oldest_kept(self) -> float:
        return oldest_kept(self._ttl, self._now())

    def _change(self, work: _Work[T], patience: float = PATIENCE_SECONDS) -> T:
        return self._run(work, "IMMEDIATE", patience)

    def _read(self, work: _Work[T]) -> T:
        return self._run(work, "DEFERRED", PATIENCE_SECONDS)

    def _run(self, work: _Work[T], kind: Literal["DEFERRED", "IMMEDIATE"] | None, patience: float) -> T:
        def attempt() -> T:
            with self._lock:
                if self._connection is None:
                    raise StoreError("the session store is closed")
                if kind is None:
                    return work(self._connection)
                with transaction(self._connection, kind):
                    return work(self._connection)

        return self._explained(attempt, patience)

    def _explained(self, work: Callable[[], T], patience: float) -> T:
        try:
            return patiently(work, patience)
        except (sqlite3.Error, OSError) as error:
            raise explain(self._path, error) from error


_SESSIONS = "SELECT id, agent, last_activity, (SELECT count(*) FROM turns WHERE session_id = sessions.id) FROM sessions"


class _LogInUse(sqlite3.OperationalError):
    """Another process is reading."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


def _session(row: tuple[str, str, float, int], turns: Sequence[StoredTurn] = ()) -> Session:
    session_id, agent, last_activity, turn_count = row
    return Session(session_id, agent, last_activity, turn_count, turns)


def _turn(row: tuple[str, str, str, float, str, int]) -> StoredTurn:
    heard, reply, spoken, at, timing, number = row
    return StoredTurn(heard, reply, spoken, at, _timing(timing), number)


def _timing(text: str) -> dict[str, float | None]:
    try:
        timing = json.loads(text)
    except ValueError:
        return {}  # not worth losing the words for
    return timing if isinstance(timing, dict) else {}
