"""The model is given the turns that were heard, behind a prefix that rarely changes."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpin.history import History, Turn
from hotpin.llm.base import Message


def history_of(*turns: tuple[str, str], max_turns: int = 10, keep_turns: int = 6) -> History:
    history = History("Be brief.", max_turns, keep_turns)
    for heard, reply in turns:
        history.add(heard, reply)
    return history


def contents(messages: list[Message]) -> list[str]:
    return [message.content for message in messages]


def test_the_prompt_is_system_then_turns_then_question() -> None:
    history = history_of(("Hi.", "Hello!"))
    assert history.messages("How are you?") == [
        Message("system", "Be brief."),
        Message("user", "Hi."),
        Message("assistant", "Hello!"),
        Message("user", "How are you?"),
    ]


def test_the_prefix_begins_every_prompt() -> None:
    history = history_of(("Hi.", "Hello!"), ("Bye.", "See you."))
    assert history.messages("Wait!")[:-1] == history.prefix()


def test_a_blank_system_prompt_is_no_message() -> None:
    assert contents(History(" \n").messages("Hi.")) == ["Hi."]


def test_surrounding_space_is_dropped() -> None:
    history = History(" Be brief. ")
    history.add(" Hi. ", "\nHello! ")
    assert contents(history.messages(" Bye. ")) == ["Be brief.", "Hi.", "Hello!", "Bye."]


def test_an_interrupted_reply_is_kept_as_far_as_it_was_heard() -> None:
    history = history_of(("One?", "First."), ("Two?", "Second, and more."))
    history.amend_last("Second,")
    assert history.turns == (Turn("One?", "First."), Turn("Two?", "Second,"))


def test_a_question_without_a_heard_reply_is_joined_to_the_next() -> None:
    history = history_of(("What is the weather?", "It is"))
    history.amend_last("")
    assert contents(history.prefix()) == ["Be brief."]
    assert history.messages("In Paris.")[1:] == [Message("user", "What is the weather?\nIn Paris.")]
    history.add("In Paris.", "Sunny.")
    assert contents(history.messages("And Rome?")) == [
        "Be brief.",
        "What is the weather?\nIn Paris.",
        "Sunny.",
        "And Rome?",
    ]


def test_amending_needs_a_turn() -> None:
    with pytest.raises(ValueError, match="no turn"):
        History("").amend_last("Hello")


@pytest.mark.parametrize("question", ["", "  ", "\n\t"])
def test_a_blank_question_is_refused(question: str) -> None:
    history = History("Be brief.")
    with pytest.raises(ValueError, match="blank"):
        history.messages(question)
    with pytest.raises(ValueError, match="blank"):
        history.add(question, "Hello!")


@pytest.mark.parametrize(
    ("max_turns", "keep_turns", "named"),
    [(0, 1, "max_turns"), (-1, -1, "max_turns"), (5, 0, "keep_turns"), (5, 6, "keep_turns")],
)
def test_impossible_bounds_are_refused(max_turns: int, keep_turns: int, named: str) -> None:
    with pytest.raises(ValueError, match=f"{named} must"):
        History("", max_turns, keep_turns)


def test_trimming_waits_until_there_are_too_many_turns_and_then_drops_several_at_once() -> None:
    history = history_of(*((f"q{n}", f"r{n}") for n in range(10)))
    assert not history.trim()
    assert contents(history.messages("?"))[1] == "q0"
    history.add("q10", "r10")
    assert history.trim()
    assert [turn.heard for turn in history.turns] == ["q5", "q6", "q7", "q8", "q9", "q10"]
    assert not history.trim()


def test_an_untrimmed_history_gives_the_newest_turns_only() -> None:
    history = history_of(*((f"q{n}", f"r{n}") for n in range(5)), max_turns=2, keep_turns=1)
    assert contents(history.messages("?")) == ["Be brief.", "q3", "r3", "q4", "r4", "?"]


def test_what_was_handed_out_does_not_change() -> None:
    history = history_of(("q", "r"))
    turns, messages = history.turns, history.messages("?")
    history.add("q2", "r2")
    history.amend_last("")
    assert turns == (Turn("q", "r"),)
    assert contents(messages) == ["Be brief.", "q", "r", "?"]
    messages.clear()
    assert contents(history.messages("!")) == ["Be brief.", "q", "r", "q2\n!"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        turns[0].reply = "other"  # type: ignore[misc]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["", "heard"]), max_size=12), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_roles_always_alternate_and_the_window_holds(
    replies: list[str], max_turns: int, keep_turns: int, trimmed: bool
) -> None:
    history = History("Be brief.", max_turns, min(keep_turns, max_turns))
    for number, reply in enumerate(replies):
        history.add(f"q{number}", reply)
    if trimmed:
        history.trim()
    roles = [message.role for message in history.messages("?")]
    assert roles == ["system", *["user", "assistant"] * ((len(roles) - 2) // 2), "user"]
    assert roles.count("assistant") <= max_turns
