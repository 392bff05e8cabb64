"""A reply is cut into clauses at the same places however the model's text arrives."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hotpin.clauses import MAX_CHARACTERS, MIN_LETTERS, Clause, ClauseSplitter, heard_part


def clauses_of(*deltas: str) -> list[Clause]:
    splitter = ClauseSplitter()
    clauses = [clause for delta in deltas for clause in splitter.feed(delta)]
    return clauses + splitter.finish()


def words_of(*deltas: str) -> list[str]:
    return [clause.text for clause in clauses_of(*deltas)]


LEAD = "Here it comes now, "
"""A first clause, so that what follows is cut at sentences only."""

FIRST = {
    "Well, that is a good question, so let us see.": "Well, that is a good question,",
    "Hi! How are you today? I am fine.": "Hi! How are you today?",
    "Three tips follow: eat well.": "Three tips follow:",
    "That is easy; just ask.": "That is easy;",
    "That is easy - just ask.": "That is easy —",
    "That is easy — just ask.": "That is easy —",
    "That is easy—just ask.": "That is easy —",
    "It happened on July 26, 1969, in space.": "It happened on July 26, 1969,",
    "It is simply 1,250 or 7:30 or 7 - 3 or so.": "It is simply 1,250 or 7:30 or 7 to 3 or so.",
    "Use a tool, e.g., a hammer, for it.": "Use a tool, e.g., a hammer,",
    "It is [a, b](http://x.org), or so.": "It is a, b,",
    "Simply call `add(a, b)`, then stop.": "Simply call add(a, b),",
    "😊 Hello there, friend.": "Hello there,",
    "Sure:\n```py\nx = 1, 2\n```\nThat was the code.": "Sure:",
    "你好，我是一个说中文的语音助手，很高兴认识你。": "你好，我是一个说中文的语音助手，",
}


@pytest.mark.parametrize(("reply", "first"), FIRST.items())
def test_the_first_clause_is_the_first_one_worth_saying(reply: str, first: str) -> None:
    assert words_of(reply)[0] == first


def test_later_clauses_are_whole_sentences() -> None:
    assert words_of(LEAD + "one, two, three. Yes. \"Is it?\" (It is!) **Good.** 'Fine.' and so on.") == [
        "Here it comes now,",
        "one, two, three.",
        "Yes.",
        '"Is it?"',
        "(It is!)",
        "Good.",
        "'Fine.' and so on.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Ask Dr. Smith or Mrs. Jones.",
        "Some fruit, e.g. Apples, i.e. Pears, helps.",
        "The U.S. Army left at 7 p.m. Monday.",
        "Ask J. K. Rowling and J.R.R. Tolkien.",
        "Pi is 3.14 and 1,000 is more.",
        "Meet at 7.30 or 7:30 with version 1.2.3 of it.",
        "See No. 5 and Fig. 3 on p. 12 of vol. 2.",
        "Well... Maybe… Who knows.",
        "Visit example.com or https://x.org/a.b?c=1 now.",
        "She has a Ph.D. In law.",
        "Yahoo! is old, etc. and so on.",
        "This [link. Text](http://x.org) is one.",
        "Call `a. B` here.",
    ],
)
def test_a_sentence_is_not_torn_apart(sentence: str) -> None:
    assert [clause.source for clause in clauses_of(LEAD + sentence + " Next one.")][1:] == [sentence + " ", "Next one."]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("No. That is wrong.", ["No.", "That is wrong."]),
        ("It was in 1999. Then it ended.", ["It was in 1999.", "Then it ended."]),
        ("See example.com. Then stop.", ["See example dot com.", "Then stop."]),
        ("It is 3.14. Then stop.", ["It is 3.14.", "Then stop."]),
        ("- Apples\n- Pears", ["Apples.", "Pears."]),
        ("1. First. 2. Second.", ["1. First.", "2. Second."]),
        ("1. First\n**2.** Second", ["1. First.", "2. Second"]),
        ("Really?! Yes!!! 😊 Good.", ["Really?!", "Yes!!!", "Good."]),
        ("你好。再见！」好", ["你好。", "再见！」", "好"]),
    ],
)
def test_sentences_end(text: str, sentences: list[str]) -> None:
    assert words_of(LEAD + "now. " + text)[2:] == sentences


def test_a_reply_without_capitals_is_cut_too() -> None:
    assert words_of("you need flour. you need sugar. stir approx. five minutes.") == [
        "you need flour.",
        "you need sugar.",
        "stir approx. five minutes.",
    ]


def test_a_clause_comes_as_soon_as_its_end_is_certain() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("The answer is 42.") == []  # it may go on: 42.5
    assert [clause.text for clause in splitter.feed(" The")] == ["The answer is 42."]
    assert [clause.text for clause in splitter.feed(" end\n")] == ["The end."]


@pytest.mark.parametrize("reply", ["", " \n", "😊", "```x = 1```", "<think>hm</think>", "<think>hm", "---\n"])
def test_a_reply_with_nothing_to_say_is_one_empty_last_clause(reply: str) -> None:
    (clause,) = clauses_of(reply)
    assert (clause.seq, clause.text, clause.last) == (0, "", True)


def test_what_cannot_be_said_at_the_end_makes_an_empty_last_clause() -> None:
    splitter = ClauseSplitter()
    assert [clause.last for clause in splitter.feed("That was all.\n😊")] == [False]
    assert splitter.finish() == [Clause(1, "", True, source="😊")]


def test_clauses_carry_their_place() -> None:
    splitter = ClauseSplitter(turn=3, generation=7)
    clauses = splitter.feed("That was all. ") + splitter.feed("And more.") + splitter.finish()
    assert [(c.seq, c.turn, c.generation, c.last) for c in clauses] == [(0, 3, 7, False), (1, 3, 7, True)]


def test_code_is_read_but_not_said() -> None:
    clauses = clauses_of("Here is the code: ```python\nprint('Hello. There.')\n\nx = [1, 2]\n``` That was all.")
    assert [clause.text for clause in clauses] == ["Here is the code:", "That was all."]
    assert clauses[1].source.startswith("```python\nprint('Hello.")


@pytest.mark.parametrize(("opening", "closing"), [("<think>", "</think>"), ("[THINK]", "[/THINK]")])
def test_thoughts_are_neither_said_nor_written(opening: str, closing: str) -> None:
    reply = f"{opening}Hm. Let us see. The\n{closing}\n\nThe answer is 42. Really."
    for size in (1, 2, 3, 5, 7, 100):
        clauses = clauses_of(*re.findall(f"(?s).{{1,{size}}}", reply))
        assert [clause.text for clause in clauses] == ["The answer is 42.", "Really."]
        assert "".join(clause.source for clause in clauses) == "\n\nThe answer is 42. Really."


def test_a_long_sentence_is_cut_at_its_last_clause_else_between_words_else_anywhere() -> None:
    (clause, words, unbroken) = ("many words; " * 30, "word " * 80, "x" * 600)
    assert clauses_of(LEAD + clause)[1].source.endswith("; ")
    assert clauses_of(LEAD + words)[1].source == "word " * (MAX_CHARACTERS // 5)
    assert clauses_of(LEAD + unbroken)[-1].source.endswith("x")
    assert all(len(c.source) <= MAX_CHARACTERS for c in clauses_of(LEAD + words + unbroken)[:-1])


FRAGMENTS = [
    *("word", "Word", " ", " ", ". ", ", ", "! ", "? ", "; ", ": ", " - ", "—", "\n", "\n\n", "...", "… ", '."', ".)"),
    *("Dr. ", "e.g. ", "U.S. ", "J. ", "No. 5", "3.14", "1,000", "7:30 ", "1. ", "- ", "**", "`", "```", "[", "](u)"),
    *(
        "<think>",
        "</think>",
        "<",
        "th",
        "😊",
        "http://x.org ",
        "。",
        "，",
        "」",
        "\t",
        "| a | b |",
        "word " * 60,
        "y" * 90,
    ),
]
replies = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join) | st.text(max_size=80)


def without_thoughts(reply: str) -> str:
    """Drop thoughts outside code by a way of its own."""
    visible = r"```.*?(?:```|\Z)|<think>.*?(?:</think>|\Z)"
    return re.sub(visible, lambda match: match[0] if match[0].startswith("`") else "", reply, flags=re.DOTALL)


@settings(deadline=None)
@given(replies, st.lists(st.integers(1, 9), max_size=60))
@example("Here it is.\n\nNext one", [12, 1, 1])
def test_any_division_of_the_text_gives_the_same_clauses(reply: str, sizes: list[int]) -> None:
    deltas, start = [], 0
    for size in sizes:
        deltas.append(reply[start : start + size])
        start += size
    assert clauses_of(*deltas, reply[start:]) == clauses_of(reply) == clauses_of(*reply)


@settings(deadline=None)
@given(replies)
def test_no_written_word_is_lost(reply: str) -> None:
    assert "".join(clause.source for clause in clauses_of(reply)) == without_thoughts(reply)


@settings(deadline=None)
@given(replies)
def test_only_the_last_clause_is_last_or_empty(reply: str) -> None:
    *others, last = clauses_of(reply)
    assert last.last
    assert not any(clause.last or not clause.text for clause in others)
    assert [clause.seq for clause in [*others, last]] == list(range(len(others) + 1))


@settings(deadline=None)
@given(replies)
def test_the_first_of_several_clauses_is_long_enough(reply: str) -> None:
    first, *more = clauses_of(reply)
    if more and len(first.source) < MAX_CHARACTERS and not re.search("```|<think>", reply):
        assert sum(map(str.isalpha, first.source)) >= MIN_LETTERS


@pytest.mark.parametrize(
    ("text", "fraction", "heard"),
    [
        ("One two three four.", 0.0, ""),
        ("One two three four.", 0.05, ""),
        ("One two three four.", 0.1, "One"),
        ("One two three four.", 0.5, "One two"),
        ("One two three four.", 0.8, "One two three"),
        ("One two three four.", 0.99, "One two three four."),
        ("One two three four.", 1.0, "One two three four."),
        ("One two three four. ", 1.5, "One two three four. "),
        ("One, two three.", 0.5, "One,"),
        ("One two, three", 0.5, "One two,"),
        ("One two, three", 0.8, "One two,"),
        ("One two", -1.0, ""),
        ("", 0.5, ""),
        ("**One** two [three](https://example.com/very/long/address) four", 0.5, "**One** two"),
        (
            "```python\nprint('a long piece of code')\n```\nOne two",
            0.6,
            "```python\nprint('a long piece of code')\n```\nOne",
        ),
    ],
)
def test_what_was_heard_ends_with_a_whole_word(text: str, fraction: float, heard: str) -> None:
    assert heard_part(text, fraction) == heard


@settings(deadline=None)
@given(replies, st.floats(0, 1), st.floats(0, 1))
def test_more_time_means_more_words_heard(text: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert text.startswith(heard_part(text, more))
    assert heard_part(text, more).startswith(heard_part(text, less))


def test_a_long_reply_takes_linear_time() -> None:
    splitter = ClauseSplitter()
    count = sum(len(splitter.feed(character)) for character in "```" + "code " * 5_000 + "```" + "A sentence. " * 500)
    assert count == 498  # the first one is too short alone, the last one may go on


LONG = "The fastest animal on land is the cheetah which can run at up to seventy miles an hour for a short time."


def test_a_first_sentence_that_is_long_is_begun_before_it_is_written() -> None:
    splitter = ClauseSplitter()
    first = next(clause for word in LONG.split(" ") for clause in splitter.feed(word + " "))
    assert first.text == "The fastest animal on land is the cheetah"


def test_a_long_first_sentence_is_divided_before_a_phrase() -> None:
    reply = "You should take an umbrella and a warm coat with you today because the weather report says rain."
    clauses = clauses_of(reply)
    assert clauses[0].text == "You should take an umbrella and a warm coat with you today"
    assert clauses[1].text == "because the weather report says rain."


def test_a_long_first_clause_is_cut_before_its_next_part() -> None:
    first, second = clauses_of("The sunlight falls on all of the small drops and each acts as a prism.")
    assert first.text == "The sunlight falls on all of the small drops"
    assert second.text == "and each acts as a prism."


@pytest.mark.parametrize(
    "reply",
    [
        "Bees make honey and wax.",
        "See [the birds and the bees that live here and there](x).",
        "Of all the planets it is Neptune with the most wind.",
    ],
    ids=["too short", "a link", "no part"],
)
def test_a_first_clause_that_has_no_such_place_is_not_cut(reply: str) -> None:
    assert len(clauses_of(reply)) == 1


@pytest.mark.parametrize(
    ("reply", "goes_on"),
    [
        ("The sunlight falls on all of the small drops and each acts as a prism.", [True, False]),
        ("In the morning, when it rains, the bees stay home.", [False, False]),
        ("1. Bananas and apples\n2. Oranges", [False, False]),
        ("There is more than one and nobody knows them all", [False]),
    ],
)
def test_a_voice_is_told_where_a_sentence_goes_on_without_a_pause(reply: str, goes_on: list[bool]) -> None:
    assert [clause.goes_on for clause in clauses_of(reply)] == goes_on


def test_only_the_first_sentence_is_hurried() -> None:
    assert clauses_of(f"That is easy. {LONG}")[1].text == LONG
