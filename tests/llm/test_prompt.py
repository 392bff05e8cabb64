import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpin.errors import LlmError, ModelError
from hotpin.llm.base import Message, Role
from hotpin.llm.prompt import ChatTemplate, PromptWriter, check, common_length, fit, without_middle
from tests.llm.tiny_mistral import CHAT_TEMPLATE as MISTRAL

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Gemma's way: no system message at all.
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
# Loses the system message without a word.
DEAF = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
# The older Mistral format.
OLDER_MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('take turns') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }}[/INST]{% else %}{{ m.content + eos_token }}{% endif %}"
    "{% endfor %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "no system": NO_SYSTEM,
    "deaf": DEAF,
    "older mistral": OLDER_MISTRAL,
    "mistral": MISTRAL,
}

SYSTEM = Message("system", "Be kind.")
QUESTION = Message("user", "Who are you?")
ANSWER = Message("assistant", "A friend.")

texts = st.text(st.characters(codec="utf-8"), max_size=30)
message_lists = st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts), max_size=8)


COMPILED = {name: ChatTemplate(source, "<s>", "</s>") for name, source in TEMPLATES.items()}


def template(name: str) -> ChatTemplate:
    return COMPILED[name]


@pytest.fixture(params=TEMPLATES)
def any_template(request: pytest.FixtureRequest) -> ChatTemplate:
    return template(request.param)


@pytest.mark.parametrize(
    ("name", "folds"),
    [("chatml", False), ("no system", True), ("deaf", True), ("older mistral", True), ("mistral", True)],
)
def test_only_where_the_format_needs_it_the_system_prompt_goes_into_the_question(name: str, folds: bool) -> None:
    assert template(name).folds_system is folds


def test_mistral_gets_the_system_prompt_in_the_first_question() -> None:
    prompt = template("mistral").prompt([SYSTEM, QUESTION, ANSWER, Message("user", "Why?")])
    assert prompt == "<s>[INST] Be kind.\n\nWho are you?[/INST] A friend.</s>[INST] Why?[/INST]"


def test_every_prompt_holds_all_that_was_said(any_template: ChatTemplate) -> None:
    prompt = any_template.prompt([SYSTEM, QUESTION, ANSWER, Message("user", "Why?")])
    assert all(text in prompt for text in (SYSTEM.content, QUESTION.content, ANSWER.content, "Why?"))


def test_the_prompt_of_a_turn_begins_with_the_prompt_of_the_turn_before(any_template: ChatTemplate) -> None:
    first = any_template.prompt([SYSTEM, QUESTION])
    later = any_template.prompt([SYSTEM, QUESTION, ANSWER, Message("user", "Why?")])
    assert later.startswith(first)


def test_what_is_prepared_begins_every_later_prompt(any_template: ChatTemplate) -> None:
    said = [SYSTEM, QUESTION, ANSWER]
    beginning = any_template.beginning(said)
    assert SYSTEM.content in beginning
    assert ANSWER.content in beginning
    assert any_template.prompt([*said, Message("user", "Why?")]).startswith(beginning)


def test_the_system_prompt_alone_can_be_prepared(any_template: ChatTemplate) -> None:
    beginning = any_template.beginning([SYSTEM])
    assert SYSTEM.content in beginning
    assert any_template.prompt([SYSTEM, QUESTION]).startswith(beginning)


def test_words_that_go_on_can_be_prepared(any_template: ChatTemplate) -> None:
    beginning = any_template.beginning([SYSTEM, Message("user", "Who are")])
    assert "Who are" in beginning
    assert any_template.prompt([SYSTEM, QUESTION]).startswith(beginning)


@settings(deadline=None)
@given(message_lists)
def test_any_messages_can_be_rendered_in_any_format(messages: list[Message]) -> None:
    for chat_template in COMPILED.values():
        chat_template.prompt([*messages, QUESTION])


@settings(deadline=None)
@given(message_lists)
def test_blank_messages_make_no_difference(messages: list[Message]) -> None:
    chatml = template("chatml")
    some = [message for message in messages if message.content.strip()]
    assert chatml.prompt([*messages, QUESTION]) == chatml.prompt([*some, QUESTION])


def test_neighbours_of_one_role_are_joined() -> None:
    prompt = template("older mistral").prompt([QUESTION, Message("user", "Hello?")])
    assert prompt == "<s>[INST] Who are you?\n\nHello?[/INST]"


def test_a_later_system_message_becomes_the_users() -> None:
    prompt = template("chatml").prompt([QUESTION, ANSWER, SYSTEM])
    assert prompt.count("<|im_start|>user") == 2
    assert "<|im_start|>system" not in prompt


def test_a_greeting_stays_where_the_format_allows_it() -> None:
    greeting = Message("assistant", "Welcome!")
    assert "Welcome!" in template("chatml").prompt([greeting, QUESTION])
    assert "Welcome!" in template("mistral").prompt([SYSTEM, greeting, QUESTION])
    assert "Welcome!" not in template("mistral").prompt([greeting, QUESTION])


def test_a_base_model_is_refused() -> None:
    with pytest.raises(ModelError, match=r"base model cannot hold a conversation.*instruct"):
        ChatTemplate("", "", "")


@pytest.mark.parametrize("source", ["{% for %}", "{{ messages[0].role + 1 }}", "{{ raise_exception('no') }}"])
def test_a_template_that_never_works_is_refused(source: str) -> None:
    with pytest.raises(ModelError, match="chat template cannot be used"):
        ChatTemplate(source, "", "")


def test_a_template_cannot_reach_outside_of_its_sandbox() -> None:
    with pytest.raises(ModelError, match="unsafe"):
        ChatTemplate("{{ ''.__class__.__mro__ }}", "", "")


def test_a_template_that_refuses_one_conversation_is_an_error() -> None:
    picky = "{% for m in messages if 'bomb' in m.content %}{{ raise_exception('never') }}{% endfor %}" + CHATML
    with pytest.raises(LlmError, match="refuses the conversation: never"):
        ChatTemplate(picky, "", "").prompt([Message("user", "bomb")])


def test_templates_may_ask_for_the_date() -> None:
    dated = ChatTemplate("{{ strftime_now('%Y') }}" + CHATML, "", "")
    assert re.match(r"\d{4}<", dated.prompt([QUESTION]))


def test_models_that_think_aloud_are_asked_not_to() -> None:
    thinking = CHATML + "{% if enable_thinking is false %}<think></think>{% endif %}"
    assert ChatTemplate(thinking, "", "").prompt([QUESTION]).endswith("<think></think>")


@pytest.mark.parametrize(
    "messages", [[], [SYSTEM], [Message("user", " ")], [QUESTION, ANSWER]], ids=["none", "system", "blank", "answer"]
)
def test_what_asks_nothing_is_refused(messages: list[Message]) -> None:
    with pytest.raises(LlmError, match="nothing to answer"):
        check(messages)


def characters(messages: list[Message]) -> int:
    return sum(len(message.content) + 2 for message in messages)


def fitted(messages: list[Message], budget: int) -> list[Message]:
    return fit(messages, lambda some: characters(list(some)), budget)


def dialogue(exchanges: int, *, size: int = 10) -> list[Message]:
    said: list[Message] = [SYSTEM]
    for number in range(exchanges):
        role: Role
        for role in ("user", "assistant"):
            said.append(Message(role, f"{role} {number}".ljust(size)))
    return [*said, QUESTION]


def test_what_fits_stays_as_it_is() -> None:
    assert fitted(dialogue(3), 10_000) == dialogue(3)


def test_the_oldest_exchanges_are_dropped_first_and_several_at_a_time() -> None:
    said = dialogue(10)
    kept = fitted(said, characters(said) - 1)
    assert kept == [SYSTEM, *said[1 + 2 * 4 :]]
    assert fitted(said, characters(kept)) == kept


def test_when_little_fits_only_the_question_stays() -> None:
    assert fitted(dialogue(10), characters([SYSTEM, QUESTION])) == [SYSTEM, QUESTION]


def test_a_long_question_keeps_its_beginning_and_its_end() -> None:
    spoken = "Listen. " + "blah " * 1000 + "What do you say?"
    kept = fitted([SYSTEM, Message("user", spoken)], 400)
    assert kept[0] == SYSTEM
    assert kept[1].content.startswith("Listen. ")
    assert kept[1].content.endswith("What do you say?")
    assert 350 < characters(kept) <= 400


def test_a_long_system_prompt_is_cut_when_nothing_else_helps() -> None:
    kept = fitted([Message("system", "s" * 5000), Message("user", "u" * 5000)], 600)
    assert characters(kept) <= 600
    assert kept[1].content.count("u") >= 200


def test_an_impossible_budget_is_an_error() -> None:
    with pytest.raises(LlmError, match="too few for any question"):
        fitted([QUESTION], 1)


@settings(deadline=None)
@given(st.lists(texts, max_size=12), st.text(min_size=1, max_size=2000), st.integers(300, 3000))
def test_whatever_is_said_fits_afterwards(earlier: list[str], question: str, budget: int) -> None:
    said = [SYSTEM, *(Message("assistant" if i % 2 else "user", text) for i, text in enumerate(earlier))]
    kept = fitted([*said, Message("user", question)], budget)
    assert characters(kept) <= budget
    assert kept[0] == SYSTEM
    assert kept[-1].role == "user"


@given(texts, st.integers(0, 40))
def test_cutting_the_middle_keeps_both_ends(text: str, kept: int) -> None:
    cut = without_middle(text, kept)
    if len(text) <= kept:
        assert cut == text
    else:
        head, _, tail = cut.rpartition(" … ")
        assert len(head) + len(tail) == kept or " … " in text
        assert text.startswith(cut[: kept - kept // 2])


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_the_common_length_is_where_two_lists_part(first: list[int], second: list[int]) -> None:
    length = common_length(first, second)
    assert first[:length] == second[:length]
    assert first[length : length + 1] != second[length : length + 1] or length == min(len(first), len(second))


def test_the_writer_leaves_room_for_the_reply() -> None:
    writer = PromptWriter(template("chatml"), context=1000, count=len)
    long = [SYSTEM, Message("user", "u" * 5000)]
    assert 500 < len(writer.question(long, max_tokens=300)) <= 700
    assert len(writer.question(long, max_tokens=5000)) <= 500
    assert len(writer.beginning(long, max_tokens=300)) <= 700


def test_a_question_that_is_too_long_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    writer = PromptWriter(template("chatml"), context=1000, count=len)
    long = [SYSTEM, Message("user", "u" * 5000)]
    writer.beginning(long, max_tokens=300)
    assert caplog.messages == []
    writer.question(long, max_tokens=300)
    writer.question([*long, ANSWER, QUESTION], max_tokens=300)
    assert caplog.messages == ["the question is longer than the model can take in: its middle is left out"]
