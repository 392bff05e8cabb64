"""Live conversations with real devices, as the sound server has them; ``python -m tests.live`` measures at length."""

from collections.abc import Iterator

import pytest

from hotpin.settings import Settings
from tests.live import barging_in, hands_free, own_voice, unplugging
from tests.live.figures import Value
from tests.live.material import Clip, Voices
from tests.live.rig import Echo
from tests.live.stand import SCRIPTED, Listener, Stand, stand

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def listener(settings: Settings) -> Iterator[Listener]:
    one = Listener(settings)
    yield one
    one.close()


@pytest.fixture(scope="module")
def question(settings: Settings) -> Iterator[Clip]:
    voices = Voices(settings)
    yield voices.say("How many days are there in a week?")
    voices.close()


@pytest.fixture(scope="module")
def headphones() -> Iterator[Stand]:
    """A conversation whose loudspeaker the microphone cannot hear."""
    with stand({**SCRIPTED, "audio.echo": "off"}) as here:
        yield here


def test_a_question_is_heard_whole_and_answered(headphones: Stand, question: Clip, listener: Listener) -> None:
    (row,) = hands_free.measure(headphones, [question], listener).rows
    assert row["heard"] == question.text
    assert row["answered"]
    assert not row["cut_off"]
    assert 0.3 < number(row["voice_to_voice"]) < 3.0


def test_a_person_interrupts_a_reply_and_is_answered(headphones: Stand, question: Clip, listener: Listener) -> None:
    (row,) = barging_in.measure(headphones, None, [question], listener).rows
    assert row["interrupted"], row
    assert number(row["to_silence"]) < 1.0
    assert row["word_errors"] == 0
    assert row["answered"]
    # The recogniser that hears how far it came is not always sure of half a word.
    assert abs(count(row["words_kept"]) - count(row["words_played"])) <= 2, (row["words_kept"], row["last_played"])


def test_an_unplugged_microphone_comes_back(headphones: Stand, question: Clip) -> None:
    rows = unplugging.measure(headphones, question, 1, ["listening"]).rows
    (row,) = rows
    assert number(row["back_after"]) < 2.0
    assert row["heard_after"]
    assert not row["recorded_monitor"]


def test_a_reply_is_not_interrupted_by_its_own_echo() -> None:
    echo = Echo(-6, 60)
    with stand(SCRIPTED, echo) as here:
        (row,) = own_voice.measure(here, echo, replies=1).rows
    assert (row["finished"], row["interrupted"], row["turns_of_echo"]) == (True, 0, 0), row


def number(value: Value) -> float:
    assert isinstance(value, float)
    return value


def count(value: Value) -> int:
    assert isinstance(value, int)
    return value
