"""Voices elsewhere, over the loopback."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from hotpin.audio.frame import Samples
from hotpin.errors import TtsError
from hotpin.tts import pcm
from tests.cloud.conftest import BuildTts
from tests.fakes.api_server import TIMEOUT, ApiServer, Reply, failing, sound
from tests.fakes.counterparts import KEY

RATE = 24_000


def tone(seconds: float) -> Samples:
    return (8000 * np.sin(np.arange(int(seconds * RATE)) / 20)).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def joined(pieces: list[Samples]) -> Samples:
    return np.concatenate(pieces)


def test_openai_is_asked_as_its_reference_says(api: ApiServer, tts: BuildTts) -> None:
    api.usual = sound(tone(0.5))
    assert list(tts(speed=1.2).speak(" Good\nmorning. ", "nova"))
    (asked,) = api.asked
    assert asked.path == "/v1/audio/speech"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.json == {
        "model": "tts-1",
        "voice": "nova",
        "input": "Good morning.",
        "response_format": "pcm",
        "speed": 1.2,
    }


def test_elevenlabs_is_asked_as_its_reference_says(api: ApiServer, tts: BuildTts) -> None:
    api.usual = sound(tone(0.5))
    assert list(tts("elevenlabs").speak("Good morning.", "21m00Tcm4TlvDq8ikWAM"))
    assert list(tts("elevenlabs", speed=2.0).speak("Good morning."))
    asked, fast = api.asked
    assert asked.path == "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream?output_format=pcm_24000"
    assert asked.headers["xi-api-key"] == KEY
    assert "authorization" not in asked.headers
    assert asked.json == {
        "text": "Good morning.",
        "model_id": "eleven_monolingual_v1",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75},
    }
    assert fast.json["voice_settings"]["speed"] == 1.2


def test_any_voice_of_an_account_can_be_named(tts: BuildTts) -> None:
    voice = "JBFqnCBsd6RMkjVDRZzb"
    assert tts("elevenlabs").voice(voice).name == voice
    with pytest.raises(TtsError, match=r"'../v1/user'"):
        tts("elevenlabs").voice("../v1/user")


def test_only_models_of_many_languages_speak_them(tts: BuildTts) -> None:
    assert tts("elevenlabs").voice().languages == ("en",)
    assert tts("elevenlabs", elevenlabs_model="eleven_flash_v2_5").voice().speaks("ko")


def test_the_voices_of_another_server_can_be_named(tts: BuildTts) -> None:
    voices = tts(openai_voices="af_heart, bf_emma").voices
    assert [voice.name for voice in voices] == ["af_heart", "bf_emma"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openai", "elevenlabs"])
def test_nothing_is_asked_where_there_is_nothing_to_say(api: ApiServer, tts: BuildTts, engine: str) -> None:
    assert list(tts(engine).speak(" … \x00 🙂 ")) == []
    assert not api.asked


@pytest.mark.slow
@pytest.mark.parametrize("odd", [False, True], ids=["whole samples", "cut samples"])
def test_all_sound_comes_without_the_silence_around_it(api: ApiServer, tts: BuildTts, odd: bool) -> None:
    heard = tone(0.7)
    api.usual = sound(silence(0.5), heard, silence(1.0), heard, silence(2.0), odd=odd)
    frames = [frame.samples for frame in tts().speak("Hello. Hello.")]
    assert len(frames) > 3
    assert len(joined(frames)) / RATE == pytest.approx(0.02 + 0.7 + 1.0 + 0.7 + 0.22, abs=0.01)
    found = "".join("x" if part.any() else "-" for part in np.array_split(joined(frames)[480:], 26))
    assert found.startswith("x" * 7)
    start = int(np.flatnonzero(joined(frames))[0])
    assert np.array_equal(joined(frames)[start : start + len(heard) - 1], heard[1:])


@pytest.mark.slow
def test_sound_comes_before_the_clause_is_whole(api: ApiServer, tts: BuildTts) -> None:
    go_on = threading.Event()

    def slowly(reply: Reply) -> None:
        reply.begin("audio/pcm")
        reply.send(tone(0.3).tobytes())
        assert go_on.wait(TIMEOUT)
        reply.send(tone(0.3).tobytes())
        reply.end()

    api.usual = slowly
    frames = tts().speak("Hello.")
    assert next(frames).seconds >= 0.1
    go_on.set()
    assert list(frames)


@pytest.mark.slow
def test_what_is_no_sound_is_not_played(api: ApiServer, tts: BuildTts) -> None:
    for answer in (lambda reply: reply.json({"detail": "no"}), lambda reply: reply.whole(b"<html>", "text/html")):
        api.usual = answer
        with pytest.raises(TtsError, match="is no sound"):
            list(tts().speak("Hello."))


@pytest.mark.slow
def test_speech_without_end_is_ended(api: ApiServer, tts: BuildTts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcm, "MAX_SECONDS", 2.0)

    def endless(reply: Reply) -> None:
        reply.begin("audio/pcm")
        while True:
            reply.send(tone(0.5).tobytes())

    api.usual = endless
    with pytest.raises(TtsError, match="more than 96,000 bytes"):
        list(tts().speak("Hello."))
    assert api.dropped.wait(TIMEOUT)


@pytest.mark.slow
def test_a_refusal_of_elevenlabs_is_told(api: ApiServer, tts: BuildTts) -> None:
    detail = {"detail": {"status": "quota_exceeded", "message": f"{KEY} has no credits"}}
    api.usual = lambda reply: reply.json(detail, 401)
    with pytest.raises(TtsError, match=r"refused the key .quota_exceeded.*ELEVENLABS_API_KEY") as caught:
        list(tts("elevenlabs").speak("Hello."))
    assert KEY not in str(caught.value)


@pytest.mark.slow
def test_a_voice_that_fails_for_a_moment_is_asked_again(api: ApiServer, tts: BuildTts) -> None:
    api.usual = sound(tone(0.5))
    api.script = [failing(429), failing(503)]
    assert list(tts().speak("Hello."))
    assert len(api.asked) == 3


@pytest.mark.slow
def test_cancelled_speech_drops_the_connection(api: ApiServer, tts: BuildTts) -> None:
    def begin(reply: Reply) -> None:
        reply.begin("audio/pcm")
        reply.send(tone(0.3).tobytes())
        reply.hang()

    api.usual = begin
    cancelled = False
    frames: Iterator[object] = tts().speak("Hello.", cancelled=lambda: cancelled)
    next(frames)
    cancelled = True
    assert list(frames) == []
    assert api.dropped.wait(TIMEOUT)
