"""What every language model keeps, run against every engine there is, with the real small model."""

import threading
from contextlib import closing
from typing import cast

import pytest

from hotpin import registry
from hotpin.errors import LlmError
from hotpin.llm import native
from hotpin.llm.base import Message, ReplyOptions
from hotpin.llm.llama_cpp_python import LlamaCppPython
from hotpin.settings import Settings
from tests.conftest import choosing
from tests.llm.conftest import ENGINES, GREEDY, CountingLlm, Make, Talk, evaluated_tokens, load_or_skip

SYSTEM = Message(
    "system",
    "You are Hotpin, a friendly voice assistant. Answer in one to three short spoken sentences, in plain words, "
    "without lists, markdown or emoji. If you do not know something, say so.",
)
FRANCE = Message("user", "What is the capital of France?")
STORY = Message("user", "Tell me a story about a dragon.")

QUESTIONS = (
    "What is the capital of France",
    "Tell me a story about a dragon",
    "Could you tell me how far away the moon is",
    "What should I cook for dinner tonight",
    "Can you help me with my homework",
    "Please explain how a rainbow forms",
    "Who was the first person on the moon",
    "How many legs does a spider have",
    "Can you recommend a good book for children",
    "What is the difference between a frog and a toad",
    "How long does it take to boil an egg",
    "I would like to learn how to play the guitar",
    "What time does the sun rise in summer",
    "Do you know a good joke about computers",
)
"""As a person speaks them; none makes sense without its last two words."""

FEW_TOKENS = 24
"""The questions here have 7 or 8 tokens; the chat format adds 8 around a message."""


def conversation(*texts: str) -> list[Message]:
    """Give a conversation: the system prompt, then user and assistant by turns."""
    return [SYSTEM, *(Message("assistant" if i % 2 else "user", text) for i, text in enumerate(texts))]


def asked(text: str) -> list[Message]:
    """Give a conversation that begins with a question."""
    return conversation(text)


def test_loading_twice_is_loading_once(llm: CountingLlm) -> None:
    before = llm.info
    llm.load()
    assert llm.info == before


def test_a_reply_before_loading_is_an_error(make_any: Make) -> None:
    with pytest.raises(LlmError, match="not loaded"):
        list(make_any().reply("s", [FRANCE]))


def test_a_reply_comes_in_pieces_and_makes_sense(talk: Talk) -> None:
    pieces = list(talk.llm.reply(talk.session, [SYSTEM, FRANCE], GREEDY))
    assert len(pieces) > 1
    assert all(pieces)
    assert "Paris" in "".join(pieces)


def test_a_reply_without_options_or_system_prompt_is_fine(talk: Talk) -> None:
    assert "".join(talk.llm.reply(talk.session, [FRANCE])).strip()


@pytest.mark.slow
def test_at_temperature_zero_the_reply_is_always_the_same(talk: Talk) -> None:
    assert talk.fresh_reply([SYSTEM, STORY]) == talk.fresh_reply([SYSTEM, STORY])


@pytest.mark.slow
def test_above_temperature_zero_replies_differ(talk: Talk) -> None:
    options = ReplyOptions(temperature=1.0, max_tokens=20)
    assert len({talk.reply([SYSTEM, STORY], options) for _ in range(4)}) > 1


@pytest.mark.slow
def test_no_more_tokens_are_written_than_asked_for(talk: Talk) -> None:
    whole = talk.fresh_reply([SYSTEM, STORY])
    part = talk.fresh_reply([SYSTEM, STORY], ReplyOptions(temperature=0.0, max_tokens=5))
    assert 0 < len(part) < len(whole)
    assert whole.startswith(part)


@pytest.mark.slow
def test_a_stop_text_ends_the_reply_and_is_not_part_of_it(talk: Talk) -> None:
    whole = talk.fresh_reply([SYSTEM, STORY])
    stop = whole[len(whole) // 2 :][:9]
    stopped = talk.fresh_reply([SYSTEM, STORY], ReplyOptions(temperature=0.0, max_tokens=40, stop=("@@", "", stop)))
    assert stopped == whole.partition(stop)[0]


def test_cancelling_between_tokens_ends_the_reply_at_once(talk: Talk) -> None:
    pieces: list[str] = []
    for piece in talk.llm.reply(talk.session, [SYSTEM, STORY], GREEDY, lambda: len(pieces) >= 3):
        pieces.append(piece)
    assert len(pieces) == 3


def test_what_is_cancelled_before_it_begins_writes_nothing(talk: Talk) -> None:
    before = evaluated_tokens(talk.llm)
    assert not list(talk.llm.reply(talk.session, [SYSTEM, STORY], GREEDY, lambda: True))
    assert evaluated_tokens(talk.llm) - before <= native.BATCH_TOKENS


@pytest.mark.parametrize("call", ["reply", "prepare"])
def test_cancelling_while_a_long_prompt_is_read_stops_before_its_end(talk: Talk, call: str) -> None:
    long = [SYSTEM, Message("user", "One two three four five six seven eight nine ten. " * 40)]
    asked = iter(range(1000))
    before = evaluated_tokens(talk.llm)
    if call == "reply":
        assert not list(talk.llm.reply(talk.session, long, GREEDY, lambda: next(asked) >= 3))
    else:
        talk.llm.prepare(talk.session, long, lambda: next(asked) >= 3)
    assert 0 < evaluated_tokens(talk.llm) - before <= 4 * native.BATCH_TOKENS


def test_after_a_cancelled_reply_the_next_one_is_as_if_nothing_had_been(talk: Talk) -> None:
    expected = talk.fresh_reply([SYSTEM, FRANCE])
    talk.llm.forget(talk.session)
    pieces: list[str] = []
    for piece in talk.llm.reply(talk.session, [SYSTEM, STORY], GREEDY, lambda: len(pieces) >= 3):
        pieces.append(piece)
    assert talk.reply([SYSTEM, FRANCE]) == expected


def test_a_reply_that_is_closed_early_leaves_nothing_running(talk: Talk) -> None:
    expected = talk.fresh_reply([SYSTEM, FRANCE])
    threads = threading.active_count()
    with closing(talk.llm.reply(talk.session, [SYSTEM, STORY], GREEDY)) as pieces:  # type: ignore[type-var]
        next(pieces)
    assert threading.active_count() == threads
    assert talk.reply([SYSTEM, FRANCE]) == expected


def test_after_preparing_only_the_new_words_are_evaluated(talk: Talk) -> None:
    talk.prepare([SYSTEM])
    assert talk.evaluated > FEW_TOKENS
    talk.reply([SYSTEM, FRANCE])
    assert 0 < talk.evaluated <= FEW_TOKENS
    talk.prepare([SYSTEM])
    assert talk.evaluated <= 1


def test_the_beginning_of_a_question_can_be_prepared(talk: Talk) -> None:
    talk.prepare([SYSTEM, Message("user", "What is the capital")])
    talk.reply([SYSTEM, FRANCE])
    assert 0 < talk.evaluated <= 12


def test_words_that_come_one_by_one_are_evaluated_one_by_one(talk: Talk) -> None:
    words = "Could you tell me how far away the moon".split()
    talk.prepare([Message("user", words[0])])
    evaluated = 0
    for count in range(2, len(words) + 1):
        talk.prepare([Message("user", " ".join(words[:count]) + " ")])
        evaluated += talk.evaluated
    assert len(words) - 1 <= evaluated <= len(words) + 1


def test_from_turn_to_turn_only_what_is_new_is_evaluated(talk: Talk) -> None:
    said = ["What is the capital of France?"]
    said += [talk.reply(conversation(*said)), "And of Italy?"]
    said += [talk.reply(conversation(*said)), "And of Spain?"]
    assert 0 < talk.evaluated <= FEW_TOKENS
    talk.reply(conversation(*said))
    assert 0 < talk.evaluated <= FEW_TOKENS


def test_a_discarded_question_leaves_the_history_in_the_cache(talk: Talk) -> None:
    said = ["What is the capital of France?"]
    said.append(talk.reply(conversation(*said)))
    talk.reply(conversation(*said, "And of"))
    talk.reply(conversation(*said, "And of Italy, please?"))
    assert 0 < talk.evaluated <= FEW_TOKENS


def spoken(turns: range) -> list[Message]:
    """Give a conversation about the questions of some ``turns``."""
    answer = "That is a good question, and I am glad to tell you all about it."
    return conversation(*(text for number in turns for text in (f"{QUESTIONS[number]}?", answer)))


def test_after_a_trim_the_kept_turns_are_not_evaluated_again(talk: Talk) -> None:
    talk.prepare(spoken(range(4)))
    talk.prepare(spoken(range(1, 4)))
    assert 0 < talk.evaluated <= 8
    talk.prepare([*spoken(range(1, 4)), FRANCE])
    assert 0 < talk.evaluated <= FEW_TOKENS


@pytest.mark.slow
def test_trim_after_trim_is_no_more_than_a_handful_of_tokens(talk: Talk) -> None:
    for first in range(0, 9, 3):
        for last in range(first + 3, first + 7):
            talk.reply([*spoken(range(first, last)), FRANCE], ReplyOptions(temperature=0.0, max_tokens=5))
        talk.prepare(spoken(range(first + 3, last)))
        assert 0 < talk.evaluated <= FEW_TOKENS


@pytest.mark.slow
def test_the_model_makes_much_the_same_of_turns_that_were_moved(talk: Talk) -> None:
    begin = ReplyOptions(temperature=0.0, max_tokens=3)
    for question in ("What is the capital of France?", "Can you tell me a joke?", "What time is it?"):
        kept = [*spoken(range(4, 10)), Message("user", question)]
        expected = talk.fresh_reply(kept, begin)
        talk.prepare(spoken(range(10)))
        talk.prepare(kept[:-1])
        assert talk.reply(kept, begin) == expected
        assert 0 < talk.evaluated <= FEW_TOKENS


@pytest.mark.slow
def test_a_conversation_put_aside_after_a_trim_goes_on_as_if_it_had_not_been(talk: Talk) -> None:
    def reply(*, aside: bool) -> str:
        talk.llm.forget(talk.session)
        talk.prepare(spoken(range(8)))
        talk.prepare(spoken(range(4, 8)))
        if aside:
            other = Talk(talk.llm, f"{talk.session}-other")
            other.prepare(asked("Who are you?"))
            talk.llm.forget(other.session)
        said = talk.reply([*spoken(range(4, 8)), STORY])
        assert 0 < talk.evaluated <= FEW_TOKENS
        return said

    assert reply(aside=True) == reply(aside=False)


@pytest.mark.slow
def test_a_conversation_put_aside_before_a_trim_is_not_evaluated_again(talk: Talk) -> None:
    talk.prepare(spoken(range(8)))
    other = Talk(talk.llm, f"{talk.session}-other")
    other.prepare(spoken(range(2)))
    talk.prepare(spoken(range(4, 8)))
    assert 0 < talk.evaluated <= FEW_TOKENS
    talk.llm.forget(other.session)


@pytest.mark.slow
def test_what_was_made_of_anothers_words_is_never_moved(llm: CountingLlm) -> None:
    others = [Talk(llm, f"moved-{number}") for number in range(5)]  # more than there are slots
    for other in others:
        other.prepare(spoken(range(8)))
    talk = Talk(llm, "moved")
    talk.prepare(spoken(range(4, 8)))
    assert talk.evaluated > 4 * FEW_TOKENS
    for each in (talk, *others):
        llm.forget(each.session)


@pytest.mark.slow
def test_what_was_moved_is_not_shared_with_who_says_the_same(llm: CountingLlm) -> None:
    others = [Talk(llm, f"alike-{number}") for number in range(5)]
    for other in others:
        other.prepare(spoken(range(8)))
        other.prepare(spoken(range(4, 8)))
    talk = Talk(llm, "alike")
    talk.prepare(spoken(range(4, 8)))
    assert talk.evaluated > 4 * FEW_TOKENS
    for each in (talk, *others):
        llm.forget(each.session)


@pytest.mark.slow
def test_conversations_that_alternate_keep_their_own_history_in_the_cache(llm: CountingLlm) -> None:
    talks = {topic: Talk(llm, f"alternating-{topic}") for topic in ("dogs", "cats", "birds")}
    said = {topic: [f"Tell me about {topic}."] for topic in talks}
    for topic, talk in talks.items():
        said[topic] += [talk.reply(conversation(*said[topic])), "Tell me more."]
    for topic, talk in talks.items():
        assert talk.reply(conversation(*said[topic]))
        assert 0 < talk.evaluated <= FEW_TOKENS, topic
        llm.forget(talk.session)


@pytest.mark.slow
def test_what_others_say_does_not_show_in_a_conversation(make: Make) -> None:
    """Sums may be rounded otherwise among others; but they are the same to the last bit whatever the others say."""

    def judged(*others: str) -> list[tuple[float, str]]:
        llm = load_or_skip(make())
        found = []
        for turn in range(4):
            for number, word in enumerate(("apple", *others)):
                said = [
                    f"The secret word is {word}.",
                    "Thank you.",
                    "And now let us talk about it again. " * turn + "Is",
                ]
                talk = Talk(llm, f"s{number}")
                found.append((number, talk.finished(said[-1]), talk.reply(conversation(*said))))
        llm.close()
        return [(likelihood, reply) for number, likelihood, reply in found if number == 0]

    # Single tokens, all of them, and more conversations than there are slots.
    assert judged("river", "stone", "horse", "green", "table") == judged("cloud", "bread", "light", "house", "water")


@pytest.mark.slow
def test_in_company_half_of_the_cores_are_left_to_the_others(settings: Settings) -> None:
    chosen = choosing(settings, "llm", engine="llama-cpp-python", threads=0)
    llm = cast(LlamaCppPython, load_or_skip(cast(CountingLlm, registry.build_llm(chosen))))
    context, _ = llm._ready()
    alone = context.writing_threads
    llm.prepare("one", [SYSTEM])
    assert context.writing_threads == alone
    llm.prepare("other", [SYSTEM])
    assert context.writing_threads == max(1, alone // 2)
    llm.forget("one")
    llm.prepare("other", [SYSTEM, FRANCE])
    assert context.writing_threads == alone
    llm.close()


def test_what_is_forgotten_is_evaluated_anew(talk: Talk) -> None:
    talk.reply([SYSTEM, FRANCE])
    talk.llm.forget(talk.session)
    talk.reply([SYSTEM, FRANCE])
    assert talk.evaluated > FEW_TOKENS


def test_forgetting_somebody_unknown_does_nothing(llm: CountingLlm) -> None:
    llm.forget("nobody")


@pytest.mark.parametrize(
    "messages",
    [[], [SYSTEM], [SYSTEM, Message("user", " \n")], [FRANCE, Message("assistant", "Paris.")]],
    ids=["none", "no question", "blank question", "answered"],
)
def test_what_asks_nothing_is_an_error(llm: CountingLlm, messages: list[Message]) -> None:
    with pytest.raises(LlmError, match="nothing to answer"):
        llm.reply("nothing", messages)


def test_without_words_there_is_nothing_to_weigh(llm: CountingLlm) -> None:
    with pytest.raises(LlmError, match="nothing to weigh"):
        llm.finished("nothing", " \n")


def test_a_whole_question_is_likelier_to_be_finished_than_its_beginning(talk: Talk) -> None:
    for cut, rest in (("What is the capital of", "France"), ("Can you help me with", "my homework")):
        assert talk.finished(cut) < 0.1
        assert talk.finished(f"{cut} {rest}") > 0.5


@pytest.mark.slow
def test_most_whole_questions_are_likelier_to_be_finished_than_most_beginnings(talk: Talk) -> None:
    whole = [talk.finished(text) for text in QUESTIONS]
    cut = [talk.finished(" ".join(text.split()[:-2])) for text in QUESTIONS]
    ordered = [one > other for one in whole for other in cut]
    assert sum(ordered) >= 0.8 * len(ordered)


def test_to_see_whether_it_is_finished_only_what_is_new_of_a_question_is_evaluated(talk: Talk) -> None:
    talk.prepare(asked("What is the capital of France"))
    talk.finished("What is the capital")
    assert 0 < talk.evaluated <= 6
    talk.finished("What is the capital of France")
    assert 0 < talk.evaluated <= 4
    assert "Paris" in talk.reply([SYSTEM, FRANCE])
    assert 0 < talk.evaluated <= 8


def test_what_was_heard_of_a_question_ahead_is_not_evaluated_to_see_whether_it_is_finished(talk: Talk) -> None:
    talk.hear("What is the capital of France, and how many people live")
    assert talk.evaluated >= 10
    talk.finished("What is the capital of France, and how many people live there")
    assert 0 < talk.evaluated <= 2


def test_a_question_that_is_cancelled_is_not_heard(talk: Talk) -> None:
    before = evaluated_tokens(talk.llm)
    talk.llm.hear(talk.session, FRANCE.content, lambda: True)
    assert evaluated_tokens(talk.llm) - before <= native.BATCH_TOKENS


@pytest.mark.slow
def test_whether_a_question_is_finished_does_not_depend_on_what_was_evaluated_before(talk: Talk) -> None:
    cut, whole = "What is the capital of", "What is the capital of France"
    likelihoods = talk.finished(cut), talk.finished(whole)
    talk.reply([SYSTEM, FRANCE])
    assert talk.finished(whole) == pytest.approx(likelihoods[1], abs=0.05)
    assert talk.finished(cut) == pytest.approx(likelihoods[0], abs=0.05)
    talk.finished(whole)
    other = Talk(talk.llm, f"{talk.session}-other")
    other.finished("What is the capital of the")  # as many tokens
    other.llm.forget(other.session)
    assert talk.finished(whole) == pytest.approx(likelihoods[1], abs=0.05)


@pytest.mark.parametrize("text", ["请用中文写一首", "👍👍👍👍 👍👍👍👍 👍👍"])
def test_words_after_which_a_part_of_a_character_is_likeliest_can_be_judged(talk: Talk, text: str) -> None:
    assert 0.0 <= talk.finished(text) <= 1.0


def test_a_question_that_is_cancelled_is_not_judged(talk: Talk) -> None:
    before = evaluated_tokens(talk.llm)
    assert talk.llm.finished(talk.session, FRANCE.content, lambda: True) is None
    assert evaluated_tokens(talk.llm) - before <= native.BATCH_TOKENS


@pytest.mark.slow
def test_all_engines_judge_alike(settings: Settings) -> None:
    judged = []
    for name in ENGINES:
        engine = load_or_skip(cast(CountingLlm, registry.build_llm(choosing(settings, "llm", engine=name))))
        judged.append([Talk(engine, "s").finished(text) for text in QUESTIONS])
        engine.close()
    # They are compiled for different processors, and round differently.
    for other in judged[1:]:
        assert other == pytest.approx(judged[0], abs=0.1)


@pytest.mark.slow
def test_a_model_that_was_closed_can_be_loaded_again(make_any: Make) -> None:
    llm = load_or_skip(make_any())
    llm.close()
    llm.close()
    with pytest.raises(LlmError, match="not loaded"):
        llm.reply("s", [FRANCE])
    llm.load()
    assert "Paris" in "".join(llm.reply("s", [SYSTEM, FRANCE], GREEDY))
    llm.close()
