"""What is paid for is not asked for in a pause: it may be thrown away."""

from dataclasses import replace

import pytest

from hotpin.conversation_options import ConversationOptions
from hotpin.endpoint import EndpointPolicy
from hotpin.events import Heard, Noticed
from hotpin.registry import EngineInfo
from hotpin.turn_policy import TurnPolicy
from tests.fakes.engines import silence, speech
from tests.scenarios.stage import Make, Stage
from tests.scenarios.test_running_ahead import wait_until, wait_until_weighed

POLICY = TurnPolicy(speculate_seconds=0.12, endpoint=EndpointPolicy(0.3, 0.3, 0.3, 0.3))
OPTIONS = ConversationOptions(prompt="Be brief.", policy=POLICY)
PAID = EngineInfo("paid", "paid", server="example.org", leaves=True, ahead=False)


@pytest.fixture
def stage(make_stage: Make) -> Stage:
    return make_stage(OPTIONS, ahead=True)


def pause(stage: Stage) -> None:
    stage.mic.hear(speech(1.0))
    stage.mic.hear(silence(0.2))
    wait_until_weighed(stage)


def test_a_paid_model_is_asked_once_when_the_turn_is_over(stage: Stage) -> None:
    stage.llm.info = PAID
    pause(stage)
    assert stage.stt.drafts == 1
    assert not stage.llm.prompts
    stage.mic.hear(silence(0.2))
    assert stage.until(Heard).text == "how are you"
    assert stage.hear_reply().reply == "I am fine, thank you. And how are you today?"
    assert len(stage.llm.prompts) == 1
    assert len(stage.tts.said) == 2


def test_a_person_who_goes_on_has_cost_nothing(stage: Stage) -> None:
    stage.llm.info = PAID
    pause(stage)
    stage.mic.hear(speech(0.5))
    stage.mic.hear(silence(0.5))
    stage.hear_reply()
    assert len(stage.llm.prompts) == 1


def test_a_paid_voice_speaks_when_the_turn_is_over(stage: Stage) -> None:
    stage.tts.info = PAID
    pause(stage)
    wait_until(lambda: len(stage.llm.prompts) == 1 and stage.engines.llm_worker.idle("default"))
    assert not stage.tts.said
    stage.mic.hear(silence(0.2))
    stage.hear_reply()
    assert stage.tts.said == ["I am fine, thank you.", "And how are you today?"]


def test_what_engines_have_to_tell_is_told_in_every_conversation(stage: Stage, make_stage: Make) -> None:
    other = make_stage(replace(OPTIONS, name="other"))
    other.engines.notices = stage.engines.notices  # as where they share their engines
    stage.engines.notices.tell("The network is gone")
    stage.mic.hear(silence(0.1))
    other.mic.hear(silence(0.1))
    assert stage.until(Noticed).text == other.until(Noticed).text == "The network is gone"
