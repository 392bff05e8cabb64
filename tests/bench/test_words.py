"""Word errors, with numbers and contractions spelled alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.bench.words import errors, normalised


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("What is the capital of France?", "what is the capital of france"),
        ("  Well —  yes, 'indeed'!  ", "well yes 'indeed'"),
        ("It’s a well-known fact.", "it's a well known fact"),
        ("Dr. Smith met Mr. and Mrs. Jones.", "doctor smith met mister and missus jones"),
        ("안녕하세요, 세계!", "안녕하세요 세계"),
    ],
)
def test_case_and_punctuation_do_not_count(text: str, words: str) -> None:
    assert normalised(text) == words.split()


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"),
        ("7", "seven"),
        ("19", "nineteen"),
        ("20", "twenty"),
        ("42", "forty two"),
        ("100", "one hundred"),
        ("101", "one hundred one"),
        ("1000", "one thousand"),
        ("1066", "one thousand sixty six"),
        ("1100", "one thousand one hundred"),
        ("1984", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("2024", "two thousand twenty four"),
        ("1,250", "one thousand two hundred fifty"),
        ("12,345,678", "twelve million three hundred forty five thousand six hundred seventy eight"),
        ("3000000000", "three billion"),
        ("1000000000000", "one" + " zero" * 12),
        ("10000", "ten thousand"),
        ("90210", "nine zero two one zero"),
        ("007", "zero zero seven"),
        ("00", "zero zero"),
        ("0,000", "zero zero zero zero"),
        ("7pm", "seven pm"),
    ],
)
def test_numbers_are_spelled_as_they_are_said(digits: str, words: str) -> None:
    assert normalised(digits) == words.split()


@pytest.mark.parametrize(
    ("reference", "heard", "expected"),
    [
        ("", "", 0),
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "a b x c", 1),
        ("a b c", "", 3),
        ("", "a b", 2),
        ("a b c d", "b c d e", 2),
        ("a b", "b a", 2),
    ],
)
def test_errors_are_replaced_added_and_missing_words(reference: str, heard: str, expected: int) -> None:
    assert errors(reference.split(), heard.split()) == expected


_WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@given(_WORDS, _WORDS, _WORDS)
def test_errors_are_a_distance(one: list[str], other: list[str], third: list[str]) -> None:
    assert errors(one, one) == 0
    assert errors(one, other) == errors(other, one)
    assert abs(len(one) - len(other)) <= errors(one, other) <= max(len(one), len(other))
    assert errors(one, third) <= errors(one, other) + errors(other, third)


@given(st.integers(0, 10**13))
def test_every_number_becomes_words(number: int) -> None:
    words = normalised(str(number))
    assert words
    assert all(word.isalpha() for word in words)
    assert normalised(" ".join(words)) == words
