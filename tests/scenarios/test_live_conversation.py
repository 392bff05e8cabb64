"""Live conversations: muted, asleep, called, told to stop; what is shown of them while they are held."""

import time
from typing import Self

import pytest

from hotpin.audio.frame import Frame
from hotpin.conversation_options import ConversationOptions
from hotpin.events import (
    Attention,
    AttentionChanged,
    Heard,
    Interrupted,
    Level,
    Partial,
    ReplyWritten,
    Speaking,
    Spoken,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.registry import EngineInfo
from hotpin.turn_policy import TurnPolicy
from tests.fakes.engines import silence, speech
from tests.fakes.sound import play
from tests.scenarios.stage import TIMEOUT, Make, Stage


class FakeWake:
    """Hears its word in whatever is as loud as a shout."""

    info = EngineInfo("fake", "hey_you")

    def load(self) -> None: ...

    def close(self) -> None: ...

    def fork(self) -> Self:
        return type(self)()

    def probability(self, frame: Frame) -> float:
        return 0.9 if abs(frame.samples).max(initial=0) > 20_000 else 0.0


def shout(stage: Stage) -> None:
    stage.mic.hear((speech(0.04) * 0 + 25_000).astype("int16"))


def live(**options: object) -> ConversationOptions:
    return ConversationOptions(live=True, policy=TurnPolicy(barge_in=True), **options)  # type: ignore[arg-type]


def speaking(stage: Stage) -> None:
    stage.conversation.type("tell me a story")
    stage.until(ReplyWritten)
    while not play(stage.playback, stage.clock, 0.02):
        pass
    stage.until(Speaking)


def ask_in_vain(stage: Stage) -> None:
    stage.ask()
    stage.until(Level, lambda level: level.probability > 0.9)
    stage.until(Level, lambda level: level.probability < 0.1)


def attention(stage: Stage, wanted: Attention) -> None:
    stage.until(AttentionChanged, lambda changed: changed.attention is wanted)
    assert stage.conversation.attention is wanted


def test_a_muted_microphone_is_not_heard_until_it_is_unmuted(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.conversation.mute()
    attention(stage, Attention.MUTED)
    ask_in_vain(stage)
    stage.conversation.unmute()
    stage.mic.hear(silence(0.02))
    attention(stage, Attention.AWAKE)
    assert stage.stt.heard_seconds == []
    stage.ask()
    assert stage.hear_reply().turn == 1


def test_a_muted_conversation_still_answers_what_is_typed(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.conversation.mute()
    attention(stage, Attention.MUTED)
    stage.conversation.type("hello")
    assert stage.hear_reply().heard == "hello"


def test_asleep_it_hears_nothing_but_its_word(make_stage: Make) -> None:
    stage = make_stage(live(word=FakeWake()))
    stage.mic.hear(silence(0.02))
    attention(stage, Attention.ASLEEP)
    ask_in_vain(stage)
    shout(stage)
    attention(stage, Attention.AWAKE)
    stage.ask()
    assert stage.hear_reply().turn == 1
    assert stage.stt.heard_seconds == [pytest.approx(1.7, abs=0.3)]
    stage.mic.hear(silence(9.0))
    attention(stage, Attention.ASLEEP)


def test_its_word_silences_a_reply(make_stage: Make) -> None:
    stage = make_stage(live(word=FakeWake()))
    speaking(stage)
    shout(stage)
    stage.until(Interrupted)
    stage.ask()
    assert stage.until(Heard).turn == 2


def test_without_hands_free_each_utterance_is_asked_for(make_stage: Make) -> None:
    stage = make_stage(live(hands_free=False))
    stage.mic.hear(silence(0.02))
    attention(stage, Attention.ASLEEP)
    ask_in_vain(stage)
    stage.conversation.listen()
    attention(stage, Attention.AWAKE)
    stage.ask()
    assert stage.hear_reply().turn == 1
    assert stage.conversation.attention is Attention.ASLEEP
    ask_in_vain(stage)
    stage.conversation.set_hands_free(True)
    attention(stage, Attention.AWAKE)
    stage.ask()
    assert stage.hear_reply().turn == 2


def test_without_hands_free_talking_does_not_interrupt_but_the_key_does(make_stage: Make) -> None:
    stage = make_stage(live(hands_free=False))
    speaking(stage)
    stage.mic.hear(speech(1.5))
    stage.mic.hear(silence(0.1))
    play(stage.playback, stage.clock, 0.2)
    assert not stage.playback.progress().finished
    stage.conversation.press()
    stage.until(Interrupted)
    stage.mic.hear(speech(1.0))
    stage.until(Level)
    stage.conversation.release()
    assert stage.until(Heard).turn == 2


def test_stop_is_answered_by_silence_and_is_no_turn_of_the_history(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.stt.text = "Stop!"
    stage.ask()
    assert stage.until(Heard).text == "Stop!"
    done = stage.until(TurnDone)
    assert (done.heard, done.reply) == ("", "")
    assert stage.llm.prompts == []
    stage.until(StateChanged, lambda changed: changed.state is State.LISTENING)
    stage.stt.text = "how are you"
    stage.ask()
    stage.hear_reply()
    assert "Stop" not in str(stage.llm.prompts[-1])


def test_a_text_is_spoken_as_it_is_and_is_not_kept(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.conversation.say("Dinner is ready. Come down!")
    done = stage.hear_reply()
    assert done.spoken == "Dinner is ready. Come down!"
    assert stage.llm.prompts == []
    with pytest.raises(ValueError, match="empty"):
        stage.conversation.say("  ")


def test_the_spoken_part_of_a_reply_grows_until_it_is_whole(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.conversation.type("how are you")
    stage.until(ReplyWritten)
    while not stage.playback.progress().finished:
        play(stage.playback, stage.clock, 0.3)
        stage.mic.hear(silence(0.2))
        for _ in range(2):  # between two levels the listener has looked at what was played
            stage.until(Level)
    whole = stage.llm.text
    grown = [event.text for event in stage.seen if isinstance(event, Spoken)]
    assert len(grown) > 1
    assert all(whole.startswith(text) for text in grown)
    assert sorted(grown, key=len) == grown


def test_the_level_is_told_ten_times_a_second(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.mic.hear(speech(1.0))
    levels = [stage.until(Level) for _ in range(10)]
    assert all(level.probability > 0.9 and -60 < level.dbfs <= 0 for level in levels)


def test_where_it_may_hear_itself_only_a_key_interrupts(make_stage: Make) -> None:
    stage = make_stage(live())
    stage.mic.hears_itself = True
    speaking(stage)
    stage.mic.hear(speech(2.0))
    stage.mic.hear(silence(0.02))
    play(stage.playback, stage.clock, 0.1)
    stage.mic.hears_itself = False
    stage.mic.hear(silence(0.1))
    stage.mic.hear(speech(1.0))
    assert stage.until(Interrupted).turn == 1
    assert stage.stt.heard_seconds == []


@pytest.mark.parametrize("understood", ["stop", "wait a moment", "fine, but why?"])
def test_other_words_silence_a_reply(make_stage: Make, understood: str) -> None:
    stage = make_stage(live())
    speaking(stage)
    play(stage.playback, stage.clock, 0.6)
    stage.stt.text = understood
    stage.mic.hear(speech(0.5))  # too short to interrupt without a word
    stage.mic.hear(silence(0.2))
    stage.until(Partial)
    stage.mic.hear(silence(0.1))
    assert stage.until(Interrupted).turn == 1


def test_a_reply_is_not_silenced_by_its_own_words(make_stage: Make) -> None:
    stage = make_stage(live())
    speaking(stage)
    play(stage.playback, stage.clock, 0.6)
    stage.stt.text = "I am"
    stage.mic.hear(speech(0.5))
    stage.mic.hear(silence(0.2))
    stage.until(Partial)
    stage.mic.hear(silence(2.5))
    deadline = time.monotonic() + TIMEOUT
    while not stage.playback.progress().finished and time.monotonic() < deadline:
        play(stage.playback, stage.clock, 0.1)
    assert stage.until(TurnDone).spoken == stage.llm.text
    assert not [event for event in stage.seen if isinstance(event, Interrupted)]
