"""What every store promises."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from hotpin.errors import StoreError
from hotpin.sessions.base import SessionStore
from hotpin.sessions.memory import MAX_SESSIONS, MAX_TURNS, MemoryStore
from tests.sessions.conftest import TTL, Calendar, turn


def heard(store: SessionStore, session_id: str, last: int | None = None) -> list[str]:
    session = store.load(session_id, last)
    assert session is not None
    return [kept.heard for kept in session.turns]


def test_what_is_added_is_there_as_it_was(store: SessionStore) -> None:
    said = [
        turn("tea"),
        replace(turn("Straße 日本 🙂\n\0'; DROP TABLE turns"), timing={"endpoint": None, "speech_end": 0.5}),
    ]
    assert [store.add("home", "hotpin", each) for each in said] == [1, 2]
    session = store.load("home")
    assert session is not None
    assert (session.id, session.agent, session.turn_count) == ("home", "hotpin", 2)
    assert list(session.turns) == [replace(each, number=number) for number, each in enumerate(said, 1)]


def test_a_session_that_was_never_held_is_none(store: SessionStore) -> None:
    assert store.load("nobody") is None
    assert store.sessions() == []
    assert not store.delete("nobody")


def test_only_the_last_turns_are_given_oldest_first(store: SessionStore) -> None:
    for number in range(12):
        store.add("home", "hotpin", turn(str(number)))
    assert heard(store, "home", 3) == ["9", "10", "11"]
    assert heard(store, "home", 0) == []
    assert heard(store, "home", 99) == [str(number) for number in range(12)]
    session = store.load("home", 3)
    assert session is not None
    assert session.turn_count == 12


def test_sessions_are_listed_the_one_used_last_first_without_turns(store: SessionStore) -> None:
    for session_id in ("a", "b", "c"):
        store.add(session_id, "hotpin", turn("x"))
    store.touch("a", "sales")
    listed = store.sessions()
    assert [(each.id, each.agent, each.turn_count, list(each.turns)) for each in listed] == [
        ("a", "sales", 1, []),
        ("c", "hotpin", 1, []),
        ("b", "hotpin", 1, []),
    ]


def test_a_touch_makes_a_session_and_keeps_the_turns_of_one_that_is_there(store: SessionStore) -> None:
    store.touch("home", "hotpin")
    assert heard(store, "home") == []
    store.add("home", "hotpin", turn("x"))
    before = store.sessions()[0].last_activity
    store.touch("home", "sales")
    assert heard(store, "home") == ["x"]
    assert store.sessions()[0].last_activity > before


def test_an_interrupted_reply_is_amended_to_what_was_heard(store: SessionStore) -> None:
    for words in ("one", "two"):
        store.add("home", "hotpin", turn(words))
    store.amend("home", 1, "About", {"first_audio": 2.0})
    session = store.load("home")
    assert session is not None
    assert [kept.spoken for kept in session.turns] == ["About", "About two: yes."]
    assert session.turns[0].timing == {"first_audio": 2.0}
    assert session.turns[0].reply == "About one: yes."


def test_a_turn_taken_back_is_gone_and_its_number_is_not_given_again(store: SessionStore) -> None:
    store.add("home", "hotpin", turn("one"))
    store.retract("home", store.add("home", "hotpin", turn("two")))
    assert store.add("home", "hotpin", turn("three")) == 3
    assert heard(store, "home") == ["one", "three"]
    assert store.sessions()[0].turn_count == 2


def test_amending_or_retracting_what_is_gone_does_nothing(store: SessionStore) -> None:
    store.add("home", "hotpin", turn("one"))
    for session_id, number in (("home", 2), ("nobody", 1)):
        store.amend(session_id, number, "x", {})
        store.retract(session_id, number)
    assert heard(store, "home") == ["one"]
    assert len(store.sessions()) == 1


def test_a_deleted_session_is_gone_and_can_begin_anew(store: SessionStore) -> None:
    store.add("home", "hotpin", turn("one"))
    store.add("other", "hotpin", turn("two"))
    assert store.delete("home")
    assert store.load("home") is None
    assert heard(store, "other") == ["two"]
    assert store.add("home", "hotpin", turn("three")) == 1


def test_a_session_expires_after_its_last_turn(store: SessionStore, calendar: Calendar) -> None:
    store.add("old", "hotpin", turn("secret"))
    calendar.now += 0.9 * TTL.total_seconds()
    store.add("young", "hotpin", turn("x"))
    assert len(store.sessions()) == 2
    calendar.now += 0.2 * TTL.total_seconds()
    assert [each.id for each in store.sessions()] == ["young"]
    assert store.load("old") is None
    assert store.add("old", "hotpin", turn("new")) == 1
    assert heard(store, "old") == ["new"]


def test_sessions_older_than_a_moment_can_be_deleted(store: SessionStore, calendar: Calendar) -> None:
    store.add("old", "hotpin", turn("x"))
    calendar.now += 100.0
    store.add("young", "hotpin", turn("x"))
    assert store.expire(calendar.now) == 1
    assert store.expire(calendar.now) == 0
    assert [each.id for each in store.sessions()] == ["young"]


def test_half_a_character_does_not_keep_a_turn_from_being_stored(store: SessionStore) -> None:
    store.add("home", "hotpin", turn("a\ud800b"))
    store.amend("home", 1, "c\udfff", {})
    session = store.load("home")
    assert session is not None
    assert (session.turns[0].heard, session.turns[0].spoken) == ("a?b", "c?")


def test_threads_that_add_at_once_get_different_numbers(store: SessionStore) -> None:
    numbers: list[int] = []
    barrier = threading.Barrier(4)

    def add() -> None:
        barrier.wait(10)
        numbers.extend([store.add("home", "hotpin", turn("x")) for _ in range(10)])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(numbers) == list(range(1, 41))


def test_a_closed_store_says_so_and_may_be_closed_twice(store: SessionStore) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.sessions()
    with pytest.raises(StoreError, match="closed"):
        store.add("home", "hotpin", turn("x"))


def test_without_a_ttl_nothing_expires_in_memory(calendar: Calendar) -> None:
    store = MemoryStore(timedelta(), calendar)
    store.add("home", "hotpin", turn("x"))
    calendar.now += 1e9
    assert heard(store, "home") == ["x"]


def test_memory_is_bounded() -> None:
    store = MemoryStore()
    store.touch("busy", "hotpin")
    for number in range(MAX_SESSIONS):
        store.touch("busy" if number == 500 else f"s{number}", "hotpin")
    store.touch("one more", "hotpin")
    kept = [each.id for each in store.sessions()]
    assert len(kept) == MAX_SESSIONS
    assert "busy" in kept
    assert "s0" not in kept
    for number in range(MAX_TURNS + 1):
        store.add("busy", "hotpin", turn(str(number)))
    assert heard(store, "busy")[0] == "1"
