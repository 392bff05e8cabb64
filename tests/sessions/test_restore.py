"""A conversation goes on where the session ended."""

from hotpin.llm.base import Message
from hotpin.sessions.base import Session, StoredTurn
from hotpin.sessions.restore import earlier_turns, restored


def session(*turns: tuple[str, str, str]) -> Session:
    return Session("home", "hotpin", 0.0, len(turns), [StoredTurn(*words, at=0.0) for words in turns])


def test_the_model_is_told_what_was_heard_of_each_reply() -> None:
    history = restored(session(("Hi", "Hello there, how are you?", "Hello there,")), "Be brief.")
    assert history.prefix() == [
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello there,"),
    ]


def test_a_question_without_an_audible_reply_joins_the_next() -> None:
    history = restored(session(("What is", "Well.", ""), ("tea?", "A drink.", "A drink.")), "")
    assert [message.content for message in history.prefix()] == ["What is\ntea?", "A drink."]


def test_turns_without_words_are_left_out() -> None:
    assert earlier_turns(session((" \n", "Pardon?", "Pardon?"))) == []
    assert restored(session(("", "Pardon?", "Pardon?")), "").prefix() == []


def test_only_as_many_turns_are_restored_as_a_trim_leaves() -> None:
    history = restored(session(*[(str(number), "yes", "yes") for number in range(12)]), "", max_turns=10, keep_turns=6)
    assert [turn.heard for turn in history.turns] == [str(number) for number in range(6, 12)]
    assert not history.trim()


def test_without_a_session_the_history_is_empty() -> None:
    assert earlier_turns(None) == []
    assert restored(None, "Be brief.").prefix() == [Message("system", "Be brief.")]
