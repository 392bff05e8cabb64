"""The database file of the sessions: made private, recognised, and brought to the current schema."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeVar

from hotpin.errors import StoreError

PATIENCE_SECONDS = 5.0
"""s. How long a change waits for other processes, which hold the file for milliseconds."""

_STEP_SECONDS = 0.1
"""s of waiting inside SQLite at a time: it does not heed Ctrl-C meanwhile."""

_PAUSE_SECONDS = 0.005

APPLICATION_ID = int.from_bytes(b"Hotp")
"""Stands in the file's header, so that another program's database is not taken for one of Hotpin's."""

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """CREATE TABLE sessions (
            id TEXT PRIMARY KEY NOT NULL,
            agent TEXT NOT NULL,
            last_activity REAL NOT NULL,
            last_number INTEGER NOT NULL DEFAULT 0
        )""",
        "CREATE INDEX sessions_by_activity ON sessions (last_activity)",
        """CREATE TABLE turns (
            session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            heard TEXT NOT NULL,
            reply TEXT NOT NULL,
            spoken TEXT NOT NULL,
            at REAL NOT NULL,
            timing TEXT NOT NULL,
            PRIMARY KEY (session_id, number)
        )""",
    ),
)
"""The statements that lead from schema version i to i + 1. What has been released is never changed, only added to."""

_START_AGAIN = "Rename it, and any -wal and -shm beside it, and start again: a new one is made"

_WAYS_TO_FAIL = {
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full",
        "Make room and try again; what was stored before is safe",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk fails or is full",
        "Look whether it has room and works, then try again; what was stored before is safe",
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "Give yourself the right to write the file and its folder, or name another with sessions.store",
    ),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _START_AGAIN),
    sqlite3.SQLITE_NOTADB: (
        "is no database of sessions, or is damaged",
        f"{_START_AGAIN}; or name another with sessions.store",
    ),
}
_WAYS_TO_FAIL |= dict.fromkeys(
    (sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH), _WAYS_TO_FAIL[sqlite3.SQLITE_READONLY]
)

T = TypeVar("T")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which is made if it is not there, for use from any thread, one at a time.

    Raises:
        StoreError: if the file is not one of Hotpin's, or of a newer Hotpin; it is left as it was.
        sqlite3.Error: if it cannot be opened.
        OSError: likewise.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise StoreError(f"{str(path)!r} is not an ordinary file", "Name another with sessions.store")
    with suppress(FileExistsError):
        path.touch(mode=0o600, exist_ok=False)
    connection = sqlite3.connect(path, timeout=_STEP_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _recognise(connection, path)
        _make_private(path)
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut, the usual way to switch off a Raspberry Pi, must not lose a turn either. That is one more wait
        # for the disk, beside a reply that takes seconds.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that is there but may not be written, or lies where nothing may be written.

    Raises:
        StoreError: as ``connect``.
        sqlite3.Error: if it cannot be opened.
    """
    # The log beside it must be read too; where there is none, SQLite would try to make one unless told otherwise.
    log = path.with_name(f"{path.name}-wal")
    unchanging = not log.exists() or not log.stat().st_size
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' * unchanging}"
    connection = sqlite3.connect(uri, timeout=_STEP_SECONDS, isolation_level=None, check_same_thread=False, uri=True)
    try:
        _recognise(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
    """Commit what happens inside; after an error, take it back."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # after some errors SQLite has taken it back by itself
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def patiently(work: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Try again for up to ``seconds`` while another process holds the file."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_SECONDS)  # some conflicts are told at once


def is_busy(error: Exception) -> bool:
    """Whether another process holds the file."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(path: Path, error: Exception) -> StoreError:
    """Say what a failure means, and what to do about it."""
    subject = f"the session store {str(path)!r}"
    if is_busy(error):
        return StoreError(f"{subject} is in use by another process", "Try again in a moment", retryable=True)
    if isinstance(error, OSError):
        _, fix = _WAYS_TO_FAIL[sqlite3.SQLITE_READONLY]
        return StoreError(f"{subject} cannot be opened: {error.strerror or error}", fix)
    what, fix = _WAYS_TO_FAIL.get(_code(error), (f"failed: {error}", _START_AGAIN))
    return StoreError(f"{subject} {what}", fix)


def _code(error: Exception) -> int:
    """Give the primary result code: what is above the lowest byte tells details."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what Hotpin did not write, or what it cannot understand yet, before anything is changed."""
    with transaction(connection, "DEFERRED"):  # all of one moment: another process may be making the file
        version = _pragma(connection, "user_version")
        written_by = _pragma(connection, "application_id")
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if written_by != APPLICATION_ID and (written_by or version or tables):
        raise StoreError(f"{str(path)!r} is a database of another program", "Name another file with sessions.store")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{str(path)!r} was written by a newer Hotpin (schema {version}; this one knows {len(MIGRATIONS)})",
            "Upgrade Hotpin, or name another file with sessions.store",
        )


def _make_private(path: Path) -> None:
    """Keep what is said from others on this machine; SQLite gives the files beside it the same permissions."""
    for file in (path, *(path.with_name(f"{path.name}-{suffix}") for suffix in ("wal", "shm"))):
        with suppress(FileNotFoundError):  # they come and go
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _migrate(connection: sqlite3.Connection) -> None:
    if _pragma(connection, "user_version") == len(MIGRATIONS):
        return
    with transaction(connection, "IMMEDIATE"):
        # Read again: another process may have been faster.
        for statements in MIGRATIONS[_pragma(connection, "user_version") :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
