"""The file: private, recognised, emptied of what was deleted, and errors that say what to do."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest

from hotpin.errors import StoreError
from hotpin.sessions import sqlite_file
from hotpin.sessions.sqlite import SqliteStore
from tests.sessions.conftest import TTL, Calendar, turn

SECRET = b"MARZIPAN"

NOBODY = 65_534
"""The user who may do nothing, on Linux."""


def bytes_beside(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def modes(path: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}


def failure(path: Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        SqliteStore(path)
    return caught.value


def test_the_files_and_their_folder_are_private(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(SqliteStore(path)) as store:
            store.add("home", "hotpin", turn("x"))
            names = ("sessions.sqlite", "sessions.sqlite-wal", "sessions.sqlite-shm")
            assert modes(path) == dict.fromkeys(names, 0o600)
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_files_that_others_could_read_are_made_private(path: Path) -> None:
    with closing(SqliteStore(path)) as other:
        other.add("home", "hotpin", turn("x"))
        for file in path.parent.iterdir():
            file.chmod(0o644)
        with closing(SqliteStore(path)):
            assert set(modes(path).values()) == {0o600}


def test_a_commit_waits_for_the_disk_and_readers_never_wait(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store._connection is not None
        assert store._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert store._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_deleted_words_are_in_no_file(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        for number in range(60):
            store.add(
                "secret" if number % 3 else "public", "hotpin", turn((SECRET.decode() if number % 3 else "x") * 50)
            )
        assert SECRET in bytes_beside(path)
        store.delete("secret")
        assert SECRET not in bytes_beside(path)
        assert len(store.load("public").turns) == 20  # type: ignore[union-attr]


def test_expired_words_are_in_no_file_once_the_store_is_opened(path: Path, calendar: Calendar) -> None:
    with closing(SqliteStore(path, TTL, calendar)) as store:
        store.add("secret", "hotpin", turn(SECRET.decode()))
    calendar.now += 2 * TTL.total_seconds()
    with closing(SqliteStore(path, timedelta(), calendar)) as store:  # for ever
        assert [each.id for each in store.sessions()] == ["secret"]
    with closing(SqliteStore(path, TTL, calendar)):
        assert SECRET not in bytes_beside(path)


def test_a_process_that_runs_for_long_deletes_what_expires_meanwhile(path: Path, calendar: Calendar) -> None:
    with closing(SqliteStore(path, TTL, calendar)) as store:
        store.add("secret", "hotpin", turn(SECRET.decode()))
        calendar.now += 2 * TTL.total_seconds()
        store.load("another")
        assert SECRET not in bytes_beside(path)


def test_what_has_expired_does_not_come_back_to_life_with_the_next_turn(path: Path, calendar: Calendar) -> None:
    with closing(SqliteStore(path, timedelta(minutes=1), calendar)) as store:
        store.add("home", "hotpin", turn("old"))
        calendar.now += 120.0
        assert store.add("home", "hotpin", turn("new")) == 1
        session = store.load("home")
        assert session is not None
        assert [kept.heard for kept in session.turns] == ["new"]


def test_a_change_that_fails_halfway_is_taken_back(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        broken = replace(turn("x"), timing={"endpoint": object()})  # type: ignore[dict-item]
        with pytest.raises(TypeError):
            store.add("home", "hotpin", broken)
        assert store.sessions() == []
        assert store.add("home", "hotpin", turn("y")) == 1


def test_a_reader_holds_up_neither_turns_nor_a_deletion(path: Path) -> None:
    with closing(SqliteStore(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        store.add("home", "hotpin", turn("x"))
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM turns").fetchall()
        store.add("home", "hotpin", turn("y"))
        assert store._remove("id = ?", "home", patience=0.0) == 1
        assert len(reader.execute("SELECT * FROM turns").fetchall()) == 1


def test_a_file_in_use_is_waited_for_and_then_told(path: Path) -> None:
    with closing(SqliteStore(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = perf_counter()
        with pytest.raises(StoreError, match="in use by another process") as caught:
            store._change(lambda _: None, 0.15)
        assert 0.15 <= perf_counter() - began < 2.0
        assert caught.value.retryable
        other.execute("ROLLBACK")
        assert store.add("home", "hotpin", turn("x")) == 1


@pytest.mark.parametrize("content", [b"hello", b"no database at all\n" * 100, b"\0" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o644)
    error = failure(path)
    assert str(path) in error.message
    assert "Rename it" in error.fix
    assert path.read_bytes() == content
    assert modes(path) == {path.name: 0o644}


def test_a_damaged_file_says_what_to_do(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        for number in range(20):
            store.add("home", "hotpin", turn(f"{number} " * 500))
    with path.open("r+b") as file:  # all but the page that says what is where
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    damaged = path.read_bytes()
    with pytest.raises(StoreError, match="is damaged") as caught, closing(SqliteStore(path)) as store:
        store.load("home")
    assert "Rename it" in caught.value.fix
    assert path.read_bytes() == damaged
    path.rename(path.with_name("old"))
    with closing(SqliteStore(path)) as store:
        assert store.add("home", "hotpin", turn("x")) == 1


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
        other.commit()
    content = path.read_bytes()
    assert "another program" in failure(path).message
    assert path.read_bytes() == content


def test_a_newer_schema_is_refused(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    error = failure(path)
    assert "newer Hotpin (schema 99; this one knows 1)" in error.message
    assert "Upgrade" in error.fix


def test_an_older_schema_is_brought_up_to_date_with_what_is_in_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteStore(path)) as store:
        store.add("home", "hotpin", turn("x"))
    more = (*sqlite_file.MIGRATIONS, ("ALTER TABLE sessions ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",))
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", more)
    with closing(SqliteStore(path)) as store:
        assert store.add("home", "hotpin", turn("y")) == 2
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT colour FROM sessions").fetchall() == [("blue",)]
        assert reader.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteStore(path)) as store:
        store.add("home", "hotpin", turn("x"))
    known = sqlite_file.MIGRATIONS
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*known, ("ALTER TABLE turns RENAME TO said", "no statement")))
    failure(path)
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", known)
    with closing(SqliteStore(path)) as store:
        assert store.add("home", "hotpin", turn("y")) == 2


def test_a_full_disk_loses_only_the_turn_that_does_not_fit(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        store.add("home", "hotpin", turn("before"))
        assert store._connection is not None
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full") as caught:
            store.add("home", "hotpin", turn("x" * 50_000))
        assert "Make room" in caught.value.fix
        store._connection.execute("PRAGMA max_page_count = 100000")
        assert store.add("home", "hotpin", turn("after")) == 2
        session = store.load("home")
        assert session is not None
        assert [kept.heard for kept in session.turns] == ["before", "after"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from hotpin.errors import StoreError
from hotpin.sessions.base import StoredTurn
from hotpin.sessions.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
store.add("home", "hotpin", StoredTurn("before", "", "", 0.0))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    for _ in range(1000):
        store.add("home", "hotpin", StoredTurn("x" * 5000, "", "", 0.0))
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(store.add("home", "hotpin", StoredTurn("after", "", "", 0.0)))
"""


def test_a_file_that_may_not_grow_any_more_is_told(path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True)
    told, number = ran.stdout.splitlines()
    assert "full" in told
    assert "what was stored before is safe" in told
    with closing(SqliteStore(path)) as store:
        session = store.load("home")
    assert session is not None
    assert session.turns[0].heard == "before"
    assert session.turn_count == int(number)


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder that this process may not write to; nothing is read-only to root, so it is somebody else meanwhile."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    yield folder
    os.seteuid(me)
    folder.rmdir()


def test_a_read_only_home_is_told(read_only: Path) -> None:
    assert "right to write" in failure(read_only / "data" / "sessions.sqlite").fix
    assert "right to write" in failure(read_only / "sessions.sqlite").fix


@pytest.mark.parametrize("name", ["", "sessions.sqlite/below"])
def test_a_place_where_no_file_can_be_is_told(path: Path, name: str) -> None:
    path.parent.mkdir()
    path.touch()
    error = failure(path / ".." if not name else path.parent / name)
    assert "sessions.store" in error.fix


def test_the_last_turns_of_a_long_session_are_found_by_an_index(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store._connection is not None
        store.touch("home", "hotpin")
        rows = [("home", number, "heard", "reply", "spoken", 0.0, "{}") for number in range(1, 10_001)]
        with sqlite_file.transaction(store._connection, "IMMEDIATE"):
            store._connection.executemany("INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        seconds = []
        for _ in range(20):
            began = perf_counter()
            session = store.load("home", 10)
            seconds.append(perf_counter() - began)
    assert session is not None
    assert session.turn_count == 10_000
    assert [kept.number for kept in session.turns] == list(range(9_991, 10_001))
    assert sorted(seconds)[10] < 0.01  # all of them take ten times as long
