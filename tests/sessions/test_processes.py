"""Several processes at once, and processes that are killed."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from hotpin.sessions.sqlite import SqliteStore
from tests.sessions.conftest import turn

KILLS = 50

WRITER = """
import sys, time
from pathlib import Path
from hotpin.sessions.base import StoredTurn
from hotpin.sessions.sqlite import SqliteStore
path, name, count, session_id = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
store = SqliteStore(path)
for index in range(count):
    number = store.add(session_id, "hotpin", StoredTurn(f"{name} {index}", "reply " * 50, "reply " * 50, time.time()))
    print(number, f"{name} {index}", flush=True)
    if index % 3 == 0:
        store.amend(session_id, number, "reply", {"first_audio": 1.0})
"""


def writer(path: Path, name: str, count: int, session_id: str = "home") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, path, name, str(count), session_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(path: Path, session_id: str = "home") -> dict[int, str]:
    with closing(SqliteStore(path)) as store:
        session = store.load(session_id)
    return {kept.number: kept.heard for kept in session.turns} if session else {}


@pytest.mark.slow
def test_four_processes_that_begin_and_write_at_once_lose_nothing(path: Path) -> None:
    processes = [writer(path, f"p{number}", 50) for number in range(4)]
    told = [process.communicate(timeout=120) for process in processes]
    assert [err for _, err in told] == [""] * 4
    acknowledged = dict(line.split(maxsplit=1) for out, _ in told for line in out.splitlines())
    assert sorted(map(int, acknowledged)) == list(range(1, 201))
    assert stored(path) == {int(number): heard for number, heard in acknowledged.items()}


@pytest.mark.slow
def test_no_acknowledged_turn_is_lost_when_the_writer_is_killed(path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    acknowledged: dict[int, str] = {}
    for kill in range(KILLS):
        with writer(path, f"k{kill}", 1_000_000) as process:
            assert process.stdout is not None
            first = process.stdout.readline() if kill % 5 else ""  # every fifth may die while it opens the file
            time.sleep(chance.uniform(0.0, 0.05 if first else 0.3))
            os.kill(process.pid, signal.SIGKILL)
            whole = [line for line in [first, *process.stdout.readlines()] if line.endswith("\n")]
        acknowledged |= {int(number): heard for number, heard in (line.rstrip().split(maxsplit=1) for line in whole)}
        found = stored(path)
        assert acknowledged.items() <= found.items()
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(acknowledged) > KILLS


@pytest.mark.slow
def test_deleting_while_others_write_does_no_harm(path: Path) -> None:
    with writer(path, "busy", 300) as process, closing(SqliteStore(path)) as store:
        for number in range(30):
            store.add("other", "hotpin", turn("x"))
            assert store.delete("other"), number
        out, err = process.communicate(timeout=120)
    assert err == ""
    assert len(out.splitlines()) == 300
    assert len(stored(path)) == 300
