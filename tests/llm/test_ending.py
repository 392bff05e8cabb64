"""Which tokens end a message."""

import pytest

from hotpin.llm.ending import ending


@pytest.mark.parametrize(
    "text",
    [".", "?", " ?", "!?", '?"', "'.", ").", "...", "\n", "\n\n", " \n", "\nThe", "\r\n", "。", "。」", ""],
)
def test_what_ends_a_sentence_or_the_message_counts(text: str) -> None:
    assert ending([(text.encode(), 0.4), (b" and", 0.6)]) == pytest.approx(0.4)


@pytest.mark.parametrize("text", [" ", ",", " the", ".5", ".com", ' "', "?a", ":", "-", "、"])
def test_what_goes_on_does_not_count(text: str) -> None:
    assert ending([(text.encode(), 1.0)]) == 0.0


def test_a_part_of_a_character_does_not_count() -> None:
    assert ending([("。".encode()[:2], 1.0)]) == 0.0


def test_all_that_ends_counts_together_and_is_never_more_than_certain() -> None:
    assert ending([(b"?", 0.25), (b".", 0.25), (b" or", 0.5)]) == pytest.approx(0.5)
    assert ending([(b"?", 0.8), (b".", 0.2000001)]) == 1.0


def test_of_nothing_nothing_is_told() -> None:
    assert ending([]) == 0.0
