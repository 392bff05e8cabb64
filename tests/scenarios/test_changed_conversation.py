"""A conversation that goes on with other options."""

from dataclasses import replace

from hotpin.conversation_options import ConversationOptions
from hotpin.events import Attention, AttentionChanged, Noticed, Speaking, TurnDone
from hotpin.llm.base import Message
from tests.scenarios.stage import Make


def test_the_next_turn_has_the_new_prompt_and_all_that_was_said(make_stage: Make) -> None:
    stage = make_stage(ConversationOptions(prompt="Be brief."))
    stage.conversation.type("who are you")
    first = stage.hear_reply()
    stage.conversation.change(replace(stage.conversation.options, prompt="Be rude."))
    stage.conversation.type("and what now")
    stage.hear_reply()
    assert stage.llm.prompts[-1] == [
        Message("system", "Be rude."),
        Message("user", "who are you"),
        Message("assistant", first.spoken),
        Message("user", "and what now"),
    ]


def test_a_reply_that_is_spoken_is_spoken_to_its_end(make_stage: Make) -> None:
    stage = make_stage()
    stage.conversation.type("who are you")
    stage.conversation.change(replace(stage.conversation.options, prompt="Be rude.", notice="Another voice speaks"))
    stage.until(Noticed)
    done: TurnDone = stage.hear_reply()
    assert done.spoken == done.reply
    assert any(isinstance(event, Speaking) for event in stage.seen)


def test_it_can_be_told_to_wait_for_a_key(make_stage: Make) -> None:
    stage = make_stage()
    stage.conversation.change(replace(stage.conversation.options, hands_free=False))
    assert stage.until(AttentionChanged).attention is Attention.ASLEEP


def test_who_waits_for_a_key_sleeps_before_there_is_a_microphone(make_stage: Make) -> None:
    stage = make_stage(ConversationOptions(live=True, hands_free=False))
    assert stage.until(AttentionChanged).attention is Attention.ASLEEP
