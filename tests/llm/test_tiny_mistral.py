"""A model of Mistral's kind through every engine: strict roles, no place for a system prompt, known answers."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hotpin.errors import HotpinError, ModelError
from hotpin.llm.base import Message, ReplyOptions
from tests.llm.conftest import GREEDY, Make, Talk
from tests.llm.tiny_mistral import REPLY, write_tiny_mistral

pytestmark = pytest.mark.slow  # a model is made for it

SYSTEM = Message("system", "be kind and brief.")


def question(text: str = "who are you?") -> Message:
    return Message("user", text)


def test_the_reply_ends_with_the_end_token_and_characters_come_whole(tiny_talk: Talk) -> None:
    pieces = list(tiny_talk.llm.reply(tiny_talk.session, [SYSTEM, question()], GREEDY))
    assert "".join(pieces) == REPLY
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("messages", [
    [question()],
    [question(), question("hello?")],
    [Message("assistant", "welcome."), question()],
    [SYSTEM, Message("assistant", "welcome."), question()],
    [SYSTEM, question(), Message("assistant", ""), question("hello?")],
    [SYSTEM, SYSTEM, question(), Message("assistant", "yes"), SYSTEM, question()],
], ids=["no system", "two questions", "greeting", "system, greeting", "nothing said", "three systems"])  # fmt: skip
def test_any_order_of_roles_is_answered(tiny_talk: Talk, messages: Sequence[Message]) -> None:
    assert tiny_talk.reply(messages) == REPLY


def test_the_history_stays_in_the_cache_from_turn_to_turn(tiny_talk: Talk) -> None:
    said = [SYSTEM, question()]
    first = tiny_talk.reply(said)
    whole = tiny_talk.evaluated
    for _ in range(3):
        said += [Message("assistant", first), question("and then?")]
        assert tiny_talk.reply(said) == REPLY
        # The reply, which SPM vocabularies split differently inside a text, and 14 tokens of the question.
        assert tiny_talk.evaluated <= 22 < whole


def test_after_preparing_only_the_question_is_evaluated(tiny_talk: Talk) -> None:
    tiny_talk.prepare([SYSTEM])
    tiny_talk.reply([SYSTEM, question()])
    assert tiny_talk.evaluated <= len(question().content) + 1


def test_behind_a_system_prompt_that_is_a_part_of_the_first_question_turns_are_moved_too(tiny_talk: Talk) -> None:
    turns = [m for name in "abcdef" for m in (question(f"{name} is here, who is next?"), Message("assistant", "yes"))]
    tiny_talk.prepare([SYSTEM, *turns])
    tiny_talk.prepare([SYSTEM, *turns[6:]])
    assert 0 < tiny_talk.evaluated <= 4
    assert tiny_talk.reply([SYSTEM, *turns[6:], question()]) == REPLY


def test_a_stop_text_inside_a_token_ends_the_reply(tiny_talk: Talk) -> None:
    assert tiny_talk.reply([question()], ReplyOptions(0.0, 40, ("😀 s",))) == "yes"


def test_a_reply_cut_inside_a_character_leaves_it_out(tiny_talk: Talk) -> None:
    assert tiny_talk.reply([question()], ReplyOptions(0.0, 3)) == "yes"


@pytest.mark.parametrize("text", ["blah blah ", "สวัสดีครับ ", "x", "👩‍🚀"])
def test_a_question_that_is_far_too_long_is_answered_all_the_same(tiny_talk: Talk, text: str) -> None:
    assert tiny_talk.reply([SYSTEM, question(text * 3000)]) == REPLY


def test_a_history_that_is_far_too_long_is_answered_all_the_same(tiny_talk: Talk) -> None:
    turns = [question("blah " * 20), Message("assistant", "yes " * 20)] * 20
    tiny_talk.prepare([SYSTEM, *turns])
    assert tiny_talk.reply([SYSTEM, *turns, question()]) == REPLY


def test_a_reply_longer_than_the_context_is_cut_to_it(tiny_talk: Talk) -> None:
    assert tiny_talk.reply([SYSTEM, question()], ReplyOptions(0.0, 4096)) == REPLY


def test_more_conversations_than_can_be_kept_are_all_answered(tiny_talk: Talk) -> None:
    talks = [Talk(tiny_talk.llm, f"many-{number}") for number in range(8)]
    long = question("blah " * 100)
    for talk in [*talks, *talks]:
        assert talk.reply([SYSTEM, long]) == REPLY
    for talk in talks:
        talk.llm.forget(talk.session)


def test_the_context_is_no_larger_than_the_model_was_trained_on(tmp_path: Path, make: Make) -> None:
    small = make(model=str(write_tiny_mistral(tmp_path / "tiny.gguf")), context=100_000)
    small.load()
    assert Talk(small, "s").reply([question("x" * 5000)]) == REPLY
    assert small.evaluated_tokens <= 1024
    small.close()


def damage(whole: bytes, how: str) -> bytes | None:
    return {
        "cut in half": whole[: len(whole) // 2],
        "a byte short": whole[:-1],
        "text": b"Dear diary, today I wrote a language model.",
        "empty": b"",
    }.get(how)


@pytest.mark.parametrize("how", ["cut in half", "a byte short", "text", "empty", "missing"])
def test_an_unusable_file_is_an_error_in_one_line_with_a_way_out(
    tmp_path: Path, tiny_model: Path, make: Make, how: str
) -> None:
    path = tmp_path / "model.gguf"
    data = damage(tiny_model.read_bytes(), how)
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        make(model=str(path)).load()
    assert str(path) in str(caught.value)
    assert caught.value.fix
    assert "\n" not in str(caught.value)


def test_a_base_model_is_refused(tmp_path: Path, make: Make) -> None:
    path = write_tiny_mistral(tmp_path / "base.gguf", chat_template="")
    with pytest.raises(ModelError, match="instruct"):
        make(model=str(path)).load()


def test_a_file_whose_weights_are_of_no_known_model_is_refused(tmp_path: Path, tiny_model: Path, make: Make) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_model.read_bytes().replace(b"blk.1.ffn_up", b"blk.1.ffn_no"))
    with pytest.raises(HotpinError, match=r"llama\.cpp cannot load"):
        make(model=str(path)).load()
