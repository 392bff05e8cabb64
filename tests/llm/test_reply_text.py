from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.llm.reply_text import ReplyText, trimmed


def read(data: bytes, cuts: list[int], stop: list[str]) -> str:
    """Feed ``data`` cut into pieces; give the text that comes out."""
    text = ReplyText(stop)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    out = ""
    for start, end in zip([0, *ends], ends, strict=False):
        out += text.add(data[start:end])
        if text.stopped:
            return out
    return out + text.finish()


@given(st.text(st.characters(codec="utf-8")), st.lists(st.integers(0, 50)))
def test_characters_split_between_tokens_come_out_whole(said: str, cuts: list[int]) -> None:
    assert read(said.encode(), cuts, []) == said


@given(st.text("ab", max_size=30), st.lists(st.integers(0, 30)), st.lists(st.text("ab", max_size=4), max_size=3))
def test_the_text_ends_where_the_first_stop_text_begins(said: str, cuts: list[int], stop: list[str]) -> None:
    # Cut into single bytes at most, the earliest stop text to be complete ends the text.
    everywhere = list(range(len(said)))
    ends = [said.find(text) + len(text) for text in stop if text and text in said]
    heard = said[: min(ends)] if ends else said
    starts = [heard.find(text) for text in stop if text and text in heard]
    assert read(said.encode(), everywhere, stop) == (heard[: min(starts)] if starts else heard)
    assert not any(text and text in read(said.encode(), cuts, stop) for text in stop)


def test_what_may_become_a_stop_text_is_held_back() -> None:
    text = ReplyText(["User:"])
    assert text.add(b"Hello. Us") == "Hello. "
    assert text.add(b"eful") == "Useful"
    assert text.add(b" Us") == " "
    assert text.finish() == "Us"


def test_a_character_that_was_cut_off_is_left_out() -> None:
    text = ReplyText([])
    assert text.add("é".encode()[:1]) == ""
    assert text.finish() == ""


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert read(b"a\xff\xfeb", [], []) == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [(["", " \n", " Hi", "", " you"], ["Hi", " you"]), ([" "], []), (["a", " ", "b"], ["a", " ", "b"])],
)
def test_leading_space_and_empty_pieces_are_left_out(pieces: list[str], expected: list[str]) -> None:
    assert list(trimmed(piece for piece in pieces)) == expected


def test_closing_the_trimmed_text_closes_its_source() -> None:
    closed = []

    def source() -> Generator[str, None, None]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    pieces = trimmed(source())
    assert next(pieces) == "a"
    del pieces
    assert closed
