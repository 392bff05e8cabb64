"""What a trim took out of a prompt is found, and nothing else is taken for a trim."""

from hypothesis import given
from hypothesis import strategies as st

from hotpin.llm.trimmed_prefix import MIN_MOVED_TOKENS, gap

SYSTEM = list(range(20))
DROPPED = list(range(100, 150))
KEPT = list(range(200, 240))
QUESTION = list(range(300, 310))


def test_turns_that_were_dropped_are_a_gap() -> None:
    assert gap([*SYSTEM, *DROPPED, *KEPT], [*SYSTEM, *KEPT, *QUESTION]) == range(20, 70)


def test_words_read_ahead_behind_the_kept_turns_do_not_matter() -> None:
    assert gap([*SYSTEM, *DROPPED, *KEPT, 7, 8], [*SYSTEM, *KEPT, *QUESTION]) == range(20, 70)


def test_turns_that_begin_alike_have_their_gap_behind_what_is_alike() -> None:
    found = gap([*SYSTEM, 1, *DROPPED, 1, *KEPT], [*SYSTEM, 1, *KEPT])
    assert found == range(21, 72)


def test_a_prompt_that_only_goes_on_has_no_gap() -> None:
    assert gap([*SYSTEM, *KEPT], [*SYSTEM, *KEPT, *QUESTION]) is None
    assert gap([*SYSTEM, *KEPT, *QUESTION], [*SYSTEM, *KEPT]) is None


def test_a_word_that_was_put_right_is_no_gap() -> None:
    words = [5, 6, 7]
    assert gap([*SYSTEM, *words, *KEPT], [*SYSTEM, 5, 9, 7, *KEPT]) is None
    assert gap([*SYSTEM, *words, *KEPT[:10]], [*SYSTEM, 5, 7, *KEPT[:10]]) is None


def test_too_little_behind_a_gap_is_not_moved() -> None:
    few = KEPT[: MIN_MOVED_TOKENS - 1]
    assert gap([*SYSTEM, *DROPPED, *few], [*SYSTEM, *few, *QUESTION]) is None
    assert gap([*SYSTEM, *DROPPED, *KEPT], [*SYSTEM, *few]) is None


tokens = st.lists(st.integers(0, 2), max_size=120)


@given(tokens, tokens, tokens, tokens)
def test_without_a_gap_more_is_alike_than_with_it(a: list[int], b: list[int], c: list[int], d: list[int]) -> None:
    read, wanted = [*a, *b, *c], [*a, *c, *d]
    found = gap(read, wanted)
    if found is not None:
        closed = [*read[: found.start], *read[found.stop :]]
        assert len(found) > 0
        assert closed[: found.start + MIN_MOVED_TOKENS] == wanted[: found.start + MIN_MOVED_TOKENS]
