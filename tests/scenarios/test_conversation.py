"""Whole conversations with fake engines: what is published, said, remembered, and in which order."""

from dataclasses import replace
from typing import cast

import pytest

from hotpin.audio.frame import Frame
from hotpin.conversation_options import ConversationOptions
from hotpin.errors import SttError, TtsError
from hotpin.events import (
    Failed,
    Heard,
    InputOver,
    Interrupted,
    ReplyWritten,
    Speaking,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.llm.base import Message
from hotpin.turn_policy import TurnPolicy
from tests.fakes.engines import FakeLlm, FakeStt, FakeSttStream, FakeTts, silence, speech
from tests.fakes.sound import play
from tests.scenarios.stage import TIMEOUT, Make


def test_a_question_is_heard_answered_and_spoken(make_stage: Make) -> None:
    stage = make_stage()
    stage.ask()
    done = stage.hear_reply()
    assert (done.heard, done.reply, done.spoken) == ("how are you", stage.llm.text, stage.llm.text)
    kinds = [type(event) for event in stage.seen if isinstance(event, Heard | ReplyWritten | Speaking | TurnDone)]
    assert kinds == [Heard, ReplyWritten, Speaking, TurnDone]
    states = [event.state for event in stage.seen if isinstance(event, StateChanged)]
    assert states == [State.HEARING, State.THINKING, State.SPEAKING]
    assert stage.until(StateChanged).state is State.LISTENING


def test_every_stage_of_a_spoken_turn_is_timed_in_order(make_stage: Make) -> None:
    stage = make_stage()
    stage.ask()
    timing = stage.hear_reply().timing
    moments = [timing.speech_end, timing.endpoint, timing.stt_final, timing.llm_first_token]
    moments += [timing.tts_first_audio, timing.first_audio]
    assert None not in moments
    assert moments == sorted(cast("list[float]", moments))
    assert timing.speech_end == pytest.approx(1.0)
    assert timing.endpoint == pytest.approx(1.5, abs=0.03)


def test_the_loudspeaker_learns_that_a_reply_is_to_be_expected_when_somebody_begins_to_speak(make_stage: Make) -> None:
    stage = make_stage()
    stage.mic.hear(silence(1.0))
    assert not stage.playback.expected.wait(0.05)
    stage.mic.hear(speech(1.0))
    assert stage.playback.expected.wait(TIMEOUT)
    assert stage.playback.progress().ticket is None  # long before there is one


def test_the_recogniser_gets_the_pre_roll(make_stage: Make) -> None:
    stage = make_stage()
    stage.mic.hear(silence(1.0))
    stage.ask()
    stage.until(Heard)
    assert stage.stt.heard_seconds[0] == pytest.approx(0.5 + 1.0 + 0.5, abs=0.1)


def test_the_first_clause_is_spoken_while_the_model_still_writes(make_stage: Make) -> None:
    stage = make_stage()
    stage.llm.text = "Well, I think so, yes. " + "And more and more. " * 3
    stage.ask()
    stage.hear_reply()
    assert stage.tts.said[0] == "Well, I think so,"
    assert len(stage.tts.said) > 3


def test_a_typed_message_is_answered_without_the_recogniser(make_stage: Make) -> None:
    stage = make_stage()
    stage.conversation.type("hello there")
    done = stage.hear_reply()
    assert done.heard == "hello there"
    assert done.timing.speech_end is None
    assert stage.stt.heard_seconds == []


def test_a_blank_typed_message_is_refused(make_stage: Make) -> None:
    with pytest.raises(ValueError, match="empty"):
        make_stage().conversation.type("  \n")


def test_sound_without_words_is_no_turn_of_the_history(make_stage: Make) -> None:
    stage = make_stage()
    stage.stt.text = " "
    stage.ask()
    assert stage.until(TurnDone).heard == ""
    stage.until(StateChanged, lambda event: event.state is State.LISTENING)
    stage.stt.text = "how are you"
    stage.ask()
    stage.hear_reply()
    assert stage.llm.prompts == [[Message("system", "Be brief."), Message("user", "how are you")]]


def test_earlier_turns_are_given_to_the_model(make_stage: Make) -> None:
    stage = make_stage()
    stage.conversation.type("first")
    stage.hear_reply()
    stage.conversation.type("second")
    stage.hear_reply()
    first, second = stage.llm.prompts
    assert second[: len(first)] == first
    assert second[len(first) :] == [Message("assistant", stage.llm.text), Message("user", "second")]


def test_the_system_prompt_is_evaluated_ahead(make_stage: Make) -> None:
    stage = make_stage()
    stage.conversation.type("first")
    stage.hear_reply()
    assert stage.llm.prepared[0] == [Message("system", "Be brief.")]


def test_a_long_history_is_trimmed_and_evaluated_ahead(make_stage: Make) -> None:
    stage = make_stage(ConversationOptions(prompt="Be brief.", max_turns=2, keep_turns=1))
    for text in ("one", "two", "three"):
        stage.conversation.type(text)
        stage.hear_reply()
    stage.conversation.type("four")
    stage.hear_reply()
    kept = [Message("system", "Be brief."), Message("user", "three"), Message("assistant", stage.llm.text)]
    assert kept in stage.llm.prepared
    assert stage.llm.prompts[-1] == [*kept, Message("user", "four")]


@pytest.mark.parametrize("failing", ["stt", "llm", "tts"])
def test_a_failing_engine_ends_the_turn_and_the_conversation_goes_on(make_stage: Make, failing: str) -> None:
    stage = make_stage()
    engine: FakeStt | FakeLlm | FakeTts = getattr(stage, failing)
    engine.error = TtsError("broken") if failing == "tts" else SttError("broken")
    stage.ask()
    failed = stage.until(Failed)
    assert (failed.stage, str(failed.error)) == (failing, "broken")
    while not stage.playback.progress().finished:
        play(stage.playback, stage.clock, 0.1)
    stage.until(TurnDone)
    engine.error = None
    stage.conversation.type("and now?")
    assert stage.hear_reply().reply == stage.llm.text


def test_a_question_of_which_the_recogniser_missed_a_part_is_not_answered(
    make_stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def feed(stream: FakeSttStream, frame: Frame) -> None:
        stream.seconds += frame.seconds
        if 0.5 < stream.seconds < 0.6:
            raise SttError("broken")

    monkeypatch.setattr(FakeSttStream, "feed", feed)
    stage = make_stage()
    stage.ask()
    assert stage.until(TurnDone).heard == ""
    assert stage.llm.prompts == []


def test_going_on_after_a_pause_takes_the_turn_back(make_stage: Make) -> None:
    stage = make_stage()
    stage.llm.gate.clear()
    stage.ask()
    stage.until(Heard)
    stage.mic.hear(speech(1.0))
    stage.until(StateChanged, lambda event: event.state is State.HEARING and event.turn == 0)
    stage.llm.gate.set()
    stage.mic.hear(silence(0.6))
    done = stage.hear_reply()
    assert done.turn == 1
    first, whole = stage.stt.heard_seconds
    assert whole - first == pytest.approx(1.0 + 0.6, abs=0.15)
    assert not any(isinstance(event, TurnDone | Speaking) for event in stage.seen[: stage.seen.index(done) - 2])


def test_an_interrupted_reply_is_remembered_as_far_as_it_was_heard(make_stage: Make) -> None:
    stage = make_stage()
    stage.llm.text = "This was heard. This was not heard at all."
    stage.conversation.type("first")
    stage.until(ReplyWritten)
    while not stage.playback.progress().written:
        stage.clock.time += 0.0
    play(stage.playback, stage.clock, 0.5)
    stage.until(Speaking)
    stage.conversation.interrupt()
    assert stage.until(Interrupted).spoken == "This was heard."
    assert stage.until(TurnDone).spoken == "This was heard."
    assert play(stage.playback, stage.clock, 1.0) == 0
    stage.conversation.type("second")
    stage.hear_reply()
    assert Message("assistant", "This was heard.") in stage.llm.prompts[-1]


def test_speaking_over_the_reply_pauses_then_cancels_it(make_stage: Make) -> None:
    options = ConversationOptions(policy=TurnPolicy(barge_in=True))
    stage = make_stage(options)
    stage.conversation.type("tell me a story")
    stage.until(ReplyWritten)
    while not play(stage.playback, stage.clock, 0.02):
        pass
    stage.until(Speaking)
    stage.mic.hear(speech(0.2))
    stage.mic.hear(silence(0.02))
    stage.mic.hear(speech(1.1))
    stage.until(Interrupted)
    stage.mic.hear(silence(0.6))
    done = stage.until(Heard)
    assert done.turn == 2
    assert stage.stt.heard_seconds[-1] > 0.7
    assert stage.hear_reply().heard == "how are you"


def test_without_barge_in_the_reply_is_not_disturbed(make_stage: Make) -> None:
    stage = make_stage()
    stage.conversation.type("tell me a story")
    stage.until(ReplyWritten)
    while not play(stage.playback, stage.clock, 0.02):
        pass
    stage.until(Speaking)
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.6))
    while not stage.playback.progress().finished:
        play(stage.playback, stage.clock, 0.1)
    done = stage.until(TurnDone)
    assert done.spoken == done.reply


def test_a_held_key_sends_everything_at_the_end_of_the_input(make_stage: Make) -> None:
    stage = make_stage(replace(ConversationOptions(), push_to_talk=True))
    for _ in range(3):
        stage.mic.hear(speech(0.5))
        stage.mic.hear(silence(3.0))
    stage.mic.end()
    stage.until(InputOver)
    assert stage.hear_reply().heard == "how are you"
    assert stage.stt.heard_seconds == [pytest.approx(10.5, abs=0.05)]


def test_a_silent_input_that_ends_is_told(make_stage: Make) -> None:
    stage = make_stage()
    stage.mic.hear(silence(1.0))
    stage.mic.end()
    assert stage.until(InputOver).turn == 0


def test_closing_stops_a_reply_that_is_being_written(make_stage: Make) -> None:
    stage = make_stage()
    stage.llm.gate.clear()
    stage.conversation.type("hello")
    stage.until(Heard)
    stage.conversation.close()
    stage.llm.gate.set()
    assert stage.engines.llm_worker.close()
    assert stage.tts.said == []


def test_a_recogniser_that_is_far_behind_is_waited_for(make_stage: Make) -> None:
    stage = make_stage(replace(ConversationOptions(), push_to_talk=True))
    stage.stt.feeding.clear()
    stage.mic.hear(speech(32.2))  # exactly what its queue can hold
    stage.mic.end()
    while not stage.mic.ended:
        stage.events.get(0.01)
    stage.stt.feeding.set()
    assert stage.hear_reply().heard == "how are you"
    assert stage.stt.heard_seconds == [pytest.approx(32.2, abs=0.05)]
