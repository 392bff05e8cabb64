"""Recognisers elsewhere, over the loopback."""

import io
import math
import wave

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.errors import SttError
from hotpin.stt import openai
from hotpin.stt.base import Stt, SttStream, Transcript
from tests.cloud.conftest import BuildStt
from tests.conftest import Spoken
from tests.fakes.api_server import TIMEOUT, ApiServer, Reply, failing, transcription
from tests.fakes.counterparts import KEY

pytestmark = pytest.mark.slow


@pytest.fixture
def question(spoken: Spoken) -> Samples:
    return spoken("What is the capital of France?")


def fed(stt: Stt, sound: Samples) -> SttStream:
    stream = stt.stream()
    stream.feed(Frame(sound))
    return stream


def test_what_is_asked_is_what_the_reference_says(api: ApiServer, stt: BuildStt, question: Samples) -> None:
    api.usual = transcription(" What is the capital\nof France? ")
    found = fed(stt(), question).finish()
    assert found == Transcript("What is the capital of France?", final=True)
    (asked,) = api.asked
    assert asked.path == "/v1/audio/transcriptions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    form = asked.form
    with wave.open(io.BytesIO(form.pop("file"))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (CAPTURE_RATE, 1, 2)
        sent = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    assert form == {"model": b"whisper-1", "response_format": b"json", "language": b"en"}
    assert len(sent) > 0.8 * len(question)
    assert sent.tobytes() in question.tobytes()


def test_groq_is_asked_for_its_own_model_and_any_language(api: ApiServer, stt: BuildStt, question: Samples) -> None:
    api.usual = transcription("Hello.")
    fed(stt("groq", language="auto"), question).finish()
    form = api.asked[0].form
    assert form["model"] == b"whisper-large-v3-turbo"
    assert "language" not in form


def test_nothing_is_sent_before_it_is_asked_for_and_no_silence_ever(
    api: ApiServer, stt: BuildStt, question: Samples
) -> None:
    api.usual = transcription("Hello.")
    built = stt()
    stream = fed(built, question)
    assert stream.partial() is None
    assert not api.asked
    assert fed(built, np.zeros(3 * CAPTURE_RATE, np.int16)).finish().text == ""
    assert stream.finish(lambda: True).text == ""
    assert not api.asked


def test_a_person_who_goes_on_is_sent_whole_and_silence_is_not_sent_again(
    api: ApiServer, stt: BuildStt, question: Samples
) -> None:
    api.script = [transcription("first"), transcription("both")]
    stream = fed(stt(), question)
    assert stream.finish().text == "first"
    stream.feed(Frame(np.zeros(CAPTURE_RATE, np.int16)))
    assert stream.finish().text == "first"
    stream.feed(Frame(question))
    assert stream.finish().text == "both"
    assert len(api.asked[1].body) > 1.8 * len(api.asked[0].body)


def test_where_drafts_are_paid_for_no_pause_is_long_enough_for_one(stt: BuildStt) -> None:
    paid = {"openai_base_url": "https://example.org/v1"}
    assert stt().draft_seconds == 0.12
    assert stt(**paid).draft_seconds == math.inf
    assert stt(**paid, speculate=True).draft_seconds == 0.12


@pytest.mark.parametrize("answer", [b"", b"Hello.", b'{"text": 5}', b"[" * 50_000, b"x" * 2_000_000])
def test_what_is_no_transcription_is_an_error(api: ApiServer, stt: BuildStt, question: Samples, answer: bytes) -> None:
    api.usual = lambda reply: reply.whole(answer, "application/json")
    with pytest.raises(SttError, match=r"no transcription|more than"):
        fed(stt(), question).finish()


def test_a_server_that_fails_is_asked_again_and_later_understands(
    api: ApiServer, stt: BuildStt, question: Samples
) -> None:
    api.script = [failing(500)] * 3 + [failing(429), transcription("Hello.")]
    stream = fed(stt(), question)
    with pytest.raises(SttError, match=r"failed .500.") as caught:
        stream.finish()
    assert caught.value.retryable
    assert stream.finish().text == "Hello."
    assert len(api.asked) == 5


def test_cancelling_drops_the_connection(api: ApiServer, stt: BuildStt, question: Samples) -> None:
    api.usual = Reply.hang
    looks = iter(range(1000))
    assert fed(stt(), question).finish(lambda: next(looks) > 5).text == ""
    assert api.dropped.wait(TIMEOUT)


def test_an_utterance_too_long_to_be_sent_is_refused(
    stt: BuildStt, question: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "MAX_SECONDS", 1.0)
    with pytest.raises(SttError, match="too long"):
        fed(stt(), question)
