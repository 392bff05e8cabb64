from hypothesis import given
from hypothesis import strategies as st

from hotpin.llm.state_store import SavedState, StateStore


def saved(size: int) -> SavedState:
    return SavedState((1, 2, 3), bytes(size), exact=3)


def test_a_state_can_be_taken_once() -> None:
    store = StateStore(100, 60)
    store.put("a", saved(10))
    assert store.take("a") == saved(10)
    assert store.take("a") is None


def test_what_was_saved_longest_ago_goes_first() -> None:
    store = StateStore(100, 60)
    for session in ("a", "b", "a", "c"):
        store.put(session, saved(40))
    assert store.take("b") is None
    assert store.take("a") is not None
    assert store.take("c") is not None


def test_what_is_too_large_is_not_kept_and_pushes_nobody_out() -> None:
    store = StateStore(100, 60)
    store.put("a", saved(40))
    store.put("b", saved(101))
    assert store.take("b") is None
    assert store.take("a") is not None


def test_what_rests_goes_before_what_does_not() -> None:
    store = StateStore(100, 60)
    for session in ("a", "b"):
        store.put(session, saved(40))
    store.rest("b")
    store.rest("nobody")
    store.put("c", saved(40))
    assert store.take("b") is None
    assert store.take("a") is not None
    assert store.take("c") is not None


def test_all_that_rests_has_less_room() -> None:
    store = StateStore(100, 60)
    store.put("a", saved(40))
    store.put("b", saved(40), resting=True)
    store.rest("a")
    store.put("c", saved(70), resting=True)
    assert store.take("a") is not None
    assert store.take("b") is None
    assert store.take("c") is None


def test_dropping_forgets() -> None:
    store = StateStore(100, 60)
    store.put("a", saved(40))
    store.drop("a")
    store.drop("nobody")
    assert store.take("a") is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60), st.booleans())))
def test_no_more_memory_is_taken_than_allowed(puts: list[tuple[str, int, bool]]) -> None:
    store = StateStore(100, 60)
    for session, size, resting in puts:
        store.put(session, saved(size), resting=resting)
    taken = [store.take(session) for session in "abcdef"]
    assert sum(len(state.state) for state in taken if state) <= 100
