"""The pipeline runs ahead in a pause: sooner heard if it was the end, and without a trace if it was not."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hotpin.cancel import Generation, Ticket
from hotpin.conversation_options import ConversationOptions
from hotpin.endpoint import EndpointPolicy
from hotpin.errors import LlmError, StoreError
from hotpin.events import (
    Failed,
    Heard,
    Partial,
    ReplyText,
    ReplyWritten,
    Speaking,
    State,
    TurnDone,
)
from hotpin.llm.base import Message
from hotpin.sessions.keeper import KeptTurn, SessionKeeper, Then, Unkept
from hotpin.sessions.memory import MemoryStore
from hotpin.turn_policy import TurnPolicy
from hotpin.worker import Worker
from tests.fakes.engines import FakeProsody, silence, speech
from tests.scenarios.stage import TIMEOUT, Make, Stage

POLICY = TurnPolicy(speculate_seconds=0.12, endpoint=EndpointPolicy(0.3, 0.3, 0.3, 0.3))
OPTIONS = ConversationOptions(prompt="Be brief.", policy=POLICY)
SHOWN_AS_FINAL = (Heard, ReplyText, ReplyWritten, Speaking, TurnDone)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def wait_until_weighed(stage: Stage) -> None:
    """Wait until everything is known of the pause."""
    workers = stage.engines.stt_worker, stage.engines.llm_worker, stage.engines.prosody_worker
    wait_until(lambda: bool(stage.llm.weighed) and all(worker.idle("default") for worker in workers))


def pause_after_a_question(stage: Stage) -> None:
    """Speak and fall silent for a moment, until all has been made that can be made ahead."""
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.2))
    wait_until(lambda: bool(stage.tts.said))
    wait_until(lambda: len(stage.llm.prompts) == 1)


def test_the_reply_is_ready_when_the_turn_ends(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    pause_after_a_question(stage)
    wait_until(lambda: stage.playback.queued_seconds > 0)
    assert stage.conversation.state is State.HEARING
    stage.mic.hear(silence(0.2))
    done = stage.hear_reply()
    assert done.heard == "how are you"
    assert done.reply == "I am fine, thank you. And how are you today?"
    assert len(stage.llm.prompts) == 1
    assert stage.tts.said == ["I am fine, thank you.", "And how are you today?"]
    timing = done.timing
    assert timing.speculated == pytest.approx(1.12, abs=0.03)
    assert timing.endpoint == pytest.approx(1.3, abs=0.03)
    assert timing.tts_first_audio is not None
    assert timing.endpoint is not None
    assert timing.tts_first_audio < timing.endpoint
    assert stage.engines.speculation.ahead.hit_rate == 1.0


def test_nothing_is_shown_as_final_before_the_turn_ends(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    pause_after_a_question(stage)
    before = list(iter(lambda: stage.events.get(0.05), None))
    assert Partial("default", 1, "how are you") in before
    assert not [event for event in before if isinstance(event, SHOWN_AS_FINAL)]
    stage.mic.hear(silence(0.2))
    assert stage.until(Heard).text == "how are you"
    assert stage.until(ReplyText)


def test_who_goes_on_after_a_pause_leaves_no_trace_of_the_first_half(make_stage: Make) -> None:
    store = MemoryStore()
    worker = Worker("store")
    stage = make_stage(replace(OPTIONS, keeper=SessionKeeper(store, worker, "kept", "hotpin")), ahead=True)
    stage.stt.text = "what is the capital"
    pause_after_a_question(stage)
    stage.stt.text = "what is the capital of France"
    stage.mic.hear(speech(0.5))
    stage.mic.hear(silence(0.2))
    wait_until(lambda: len(stage.llm.prompts) == 2)
    stage.mic.hear(silence(0.3))
    done = stage.hear_reply()
    assert done.turn == 1
    assert done.heard == "what is the capital of France"
    assert [event.text for event in stage.seen if isinstance(event, Heard)] == ["what is the capital of France"]
    assert [message.content for message in stage.llm.prompts[-1]] == ["Be brief.", "what is the capital of France"]
    session = store.load("kept", 10)
    assert session is not None
    assert [turn.heard for turn in session.turns] == ["what is the capital of France"]
    assert stage.engines.speculation.ahead.begun == 2
    assert stage.engines.speculation.ahead.confirmed == 1
    worker.close()


def test_the_recogniser_hears_the_whole_of_what_was_paused_in(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    pause_after_a_question(stage)
    stage.mic.hear(speech(0.5))
    stage.mic.hear(silence(0.5))
    stage.until(Heard)
    assert stage.stt.heard_seconds[-1] >= 1.7


def test_it_waits_longer_for_who_has_not_finished_the_sentence(make_stage: Make) -> None:
    waits = []
    for complete in (0.99, 0.001):
        policy = replace(POLICY, endpoint=EndpointPolicy(unknown=0.6, finished=0.3, doubtful=0.6, unfinished=2.0))
        stage = make_stage(replace(OPTIONS, policy=policy), ahead=True)
        stage.llm.complete = complete
        stage.stt.text = "How are you today?"
        stage.mic.hear(speech(1.0))
        stage.mic.hear((speech(0.2) * np.random.default_rng(1).uniform(-0.02, 0.02, 3200)).astype(np.int16))
        stage.mic.hear(silence(0.2))
        wait_until_weighed(stage)
        stage.mic.hear(silence(2.0))
        timing = stage.hear_reply().timing
        assert timing.endpoint is not None
        assert timing.speech_end is not None
        waits.append(timing.endpoint - timing.speech_end)
    assert waits[0] < 1.5
    assert waits[1] == pytest.approx(2.0, abs=0.05)


def test_the_sound_is_judged_before_the_recogniser_has_anything_to_do(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    prosody = stage.engines.prosody
    assert isinstance(prosody, FakeProsody)
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.06))
    wait_until(lambda: prosody.heard_seconds == [pytest.approx(1.02, abs=0.001)])
    assert not stage.llm.weighed
    stage.mic.hear(silence(0.1))
    wait_until_weighed(stage)
    assert len(prosody.heard_seconds) == 1


def test_a_sound_that_nobody_asks_about_any_more_is_not_judged(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    prosody = stage.engines.prosody
    assert isinstance(prosody, FakeProsody)
    prosody.may_answer.clear()
    for _ in range(2):  # the first is being judged, the second has to wait, and is over by then
        stage.mic.hear(speech(1.0))
        stage.mic.hear(silence(0.06))
        wait_until(lambda: bool(prosody.heard_seconds))
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.2))
    wait_until(lambda: bool(stage.llm.weighed))
    prosody.may_answer.set()
    wait_until_weighed(stage)
    assert prosody.heard_seconds == [pytest.approx(seconds, abs=0.001) for seconds in (1.02, 3.14)]


def test_the_model_reads_what_is_said_before_it_is_asked_but_for_the_word_that_is_being_said(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    stage.stt.words_so_far = "What is the capi"
    stage.mic.hear(speech(1.0))
    wait_until(lambda: stage.llm.listened == ["What is the"])
    assert stage.llm.prepared[-1] == [Message("system", "Be brief."), Message("user", "What is the")]
    assert not stage.llm.weighed


def test_the_model_is_asked_without_the_recognisers_full_stop(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    stage.stt.text = "What is the capital..."
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.2))
    wait_until(lambda: stage.llm.weighed == ["What is the capital"])


def test_releasing_the_key_plays_what_was_made_in_the_pause_before(make_stage: Make) -> None:
    stage = make_stage(replace(OPTIONS, push_to_talk=True), ahead=True)
    pause_after_a_question(stage)
    stage.conversation.release()
    assert stage.hear_reply().heard == "how are you"
    assert len(stage.llm.prompts) == 1


def test_typing_instead_of_going_on_drops_what_was_made_ahead(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    pause_after_a_question(stage)
    stage.conversation.type("Never mind")
    assert stage.hear_reply().heard == "Never mind"
    assert [event.text for event in stage.seen if isinstance(event, Heard)] == ["Never mind"]


def test_a_failure_ahead_is_told_only_when_the_turn_is_over(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    stage.llm.error = LlmError("broken")
    pause_after_a_question(stage)
    stage.mic.hear(silence(0.3))
    failed = stage.until(Failed)
    assert (failed.stage, str(failed.error)) == ("llm", "broken")
    assert isinstance(stage.seen[-2], ReplyText)
    assert stage.conversation.state is State.THINKING


def test_silence_without_words_is_no_turn(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    stage.stt.text = ""
    stage.mic.hear(speech(0.5))
    stage.mic.hear(silence(1.0))
    assert stage.until(TurnDone).heard == ""
    assert stage.llm.prompts == []


def test_closing_while_an_answer_is_held_stores_nothing(make_stage: Make) -> None:
    store = MemoryStore()
    worker = Worker("store")
    stage = make_stage(replace(OPTIONS, keeper=SessionKeeper(store, worker, "kept", "hotpin")), ahead=True)
    pause_after_a_question(stage)
    stage.conversation.close()
    assert store.load("kept", 10) is None
    worker.close()


def test_a_reply_made_ahead_gives_way_to_a_turn_of_somebody_else(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    stage.llm.gate.clear()
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.2))
    wait_until(lambda: len(stage.llm.prompts) == 1)
    counter = Generation()
    served = threading.Event()
    stage.engines.llm_worker.submit(Ticket("somebody else", 1, counter.number, counter), served.set)
    stage.llm.gate.set()
    assert served.wait(TIMEOUT)
    stage.mic.hear(silence(0.3))
    done = stage.hear_reply()
    assert done.reply == stage.llm.text
    assert len(stage.llm.prompts) == 2
    assert [event.text for event in stage.seen if isinstance(event, Heard)] == ["how are you"]


def test_where_it_does_not_pay_nothing_is_made_ahead(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    for _ in range(20):
        stage.engines.speculation.begin()
        stage.engines.speculation.drop()
        stage.engines.speculation.waste(cpu_seconds=1.0, late=3.0)
    begun = stage.engines.speculation.ahead.begun
    stage.ask()
    assert stage.hear_reply().timing.speculated is None
    assert stage.stt.drafts == 0
    assert stage.engines.speculation.ahead.begun == begun


class RefusingKeeper(Unkept):
    """A store that says no at once, on the thread that asks."""

    def written(self, turn: KeptTurn, heard: str, reply: str, then: Then) -> None:
        then(StoreError("the disk is full"))


def test_a_store_that_refuses_at_once_is_told_and_the_reply_is_heard(make_stage: Make) -> None:
    stage = make_stage(replace(OPTIONS, keeper=RefusingKeeper()), ahead=True)
    pause_after_a_question(stage)
    stage.mic.hear(silence(0.2))
    assert stage.hear_reply().reply == stage.llm.text
    assert [event.stage for event in stage.seen if isinstance(event, Failed)] == ["store"]


def test_sentences_that_come_at_once_are_said_in_their_order(make_stage: Make) -> None:
    stage = make_stage(OPTIONS, ahead=True)
    stage.llm.text = "That_is_the_first_one.\nThat_is_the_second_one.\nThat_is_the_third_one."
    pause_after_a_question(stage)
    assert stage.tts.said == ["That is the first one."]
    stage.mic.hear(silence(0.2))
    stage.hear_reply()
    assert stage.tts.said == ["That is the first one.", "That is the second one.", "That is the third one."]
