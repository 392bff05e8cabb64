"""Which tokens end an utterance, and what it is read after."""

import pytest

from hotpin.errors import LlmError
from hotpin.llm.ending import LISTENING, check_words, ending, listening


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


def test_an_utterance_is_read_as_something_that_is_said() -> None:
    assert listening(" What is\n the capital ") == f"{LISTENING}What is the capital"


def test_of_a_long_utterance_the_end_is_read_from_a_whole_word_on() -> None:
    words = " ".join(f"word{number}" for number in range(200))
    read = listening(words).removeprefix(LISTENING)
    assert words.endswith(f" {read}")
    assert read.startswith("word")
    assert 225 < len(read) <= 240


def test_a_long_utterance_without_spaces_is_cut_all_the_same() -> None:
    assert listening("字" * 1000) == LISTENING + "字" * 80


@pytest.mark.parametrize("words", ["", " \n"])
def test_without_words_there_is_nothing_to_weigh(words: str) -> None:
    with pytest.raises(LlmError, match="nothing to weigh"):
        check_words(words)
