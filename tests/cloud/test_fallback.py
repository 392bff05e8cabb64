"""An engine of this machine takes over where one elsewhere cannot be reached."""

from collections.abc import Iterator

import numpy as np
import pytest

from hotpin import cloud, fallback, models, outage, registry
from hotpin.audio.frame import Frame
from hotpin.engines import Engines
from hotpin.errors import HotpinError, LlmError, ModelError, SettingsError
from hotpin.fallback import FallbackLlm, FallbackStt, FallbackTts
from hotpin.llm.base import Message
from hotpin.notices import MAX_KEPT, Notices
from hotpin.settings import Settings
from tests.cloud.conftest import BuildLlm, BuildStt, BuildTts, choosing_engine
from tests.conftest import Spoken
from tests.fakes.api_server import ApiServer, Reply, Script, chat, failing, piece_of_chat, sound, transcription
from tests.fakes.counterparts import pointed_at
from tests.fakes.engines import FakeLlm, FakeStt, FakeTts

QUESTION = [Message("user", "What is the capital of France?")]
TONE = np.full(12_000, 8000, np.int16)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def both(llm: BuildLlm, told: list[str]) -> FallbackLlm:
    engine = FallbackLlm(llm(timeout_seconds=0.3), FakeLlm("From here."), told.append)
    engine.load()
    return engine


def reply(engine: FallbackLlm) -> str:
    return "".join(engine.reply("s", QUESTION)).strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", [failing(503), failing(429), Reply.reset, Reply.hang], ids=["503", "429", "reset", "time-out"]
)
def test_a_turn_is_answered_here_where_the_server_fails(
    api: ApiServer, both: FallbackLlm, told: list[str], script: Script
) -> None:
    api.usual = script
    assert reply(both) == "From here."
    assert len(told) == 1
    assert told[0].endswith("; fake answers instead")


@pytest.mark.slow
def test_a_server_that_failed_is_left_alone_for_a_while_and_told_of_once(
    api: ApiServer, both: FallbackLlm, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(outage, "monotonic", lambda: now)
    api.usual = failing(503)
    assert reply(both) == reply(both) == "From here."
    assert len(api.asked) == 3
    now += outage.FIRST_PAUSE_SECONDS
    assert reply(both) == "From here."
    assert len(api.asked) == 6
    now += outage.FIRST_PAUSE_SECONDS  # it has failed twice: the pause is longer
    assert reply(both) == "From here."
    assert len(api.asked) == 6
    assert len(told) == 1
    now += outage.FIRST_PAUSE_SECONDS
    api.usual = chat("From there.")
    assert reply(both) == reply(both) == "From there."
    api.usual = failing(503)
    assert reply(both) == "From here."
    assert len(told) == 2


@pytest.mark.slow
def test_a_wrong_key_is_told_and_not_covered_up(api: ApiServer, both: FallbackLlm, told: list[str]) -> None:
    api.usual = failing(401)
    with pytest.raises(LlmError, match="refused the key"):
        reply(both)
    assert not told


@pytest.mark.slow
def test_a_reply_that_breaks_off_is_not_begun_anew_here(api: ApiServer, both: FallbackLlm) -> None:
    def break_off(answer: Reply) -> None:
        answer.begin("text/event-stream")
        answer.events(piece_of_chat("It is"))
        answer.reset()

    api.usual = break_off
    pieces = both.reply("s", QUESTION)
    assert next(pieces) == "It is"
    with pytest.raises(LlmError, match="broke off"):
        list(pieces)


@pytest.mark.slow
def test_a_cancelled_reply_is_no_outage(api: ApiServer, both: FallbackLlm, told: list[str]) -> None:
    assert list(both.reply("s", QUESTION, cancelled=lambda: True)) == []
    assert reply(both) == "It is Paris."
    assert not told


@pytest.mark.slow
def test_during_an_outage_the_model_here_is_prepared(api: ApiServer, both: FallbackLlm) -> None:
    api.usual = failing(503)
    both.prepare("s", QUESTION)
    assert both.finished("s", QUESTION[-1].content) is None
    reply(both)
    both.prepare("s", QUESTION)
    assert both.finished("s", QUESTION[-1].content) == 0.95


@pytest.mark.slow
def test_an_utterance_is_understood_here_from_its_beginning(
    api: ApiServer, stt: BuildStt, told: list[str], spoken: Spoken
) -> None:
    here = FakeStt("from here")
    engine = FallbackStt(stt(), here, told.append)
    stream = engine.stream()
    question = spoken("What is the capital of France?")
    for part in np.array_split(question, 5):
        stream.feed(Frame(part))
    api.usual = failing(503)
    assert stream.finish().text == "from here"
    assert here.heard_seconds[-1] == pytest.approx(len(question) / 16_000)
    stream.feed(Frame(question))
    assert stream.finish().text == "from here"
    assert here.heard_seconds[-1] == pytest.approx(2 * len(question) / 16_000)
    assert len(told) == 1
    assert len(api.asked) == 3
    assert engine.stream().finish().text == "from here"


@pytest.mark.slow
def test_an_utterance_is_understood_elsewhere_where_that_works(
    api: ApiServer, stt: BuildStt, told: list[str], spoken: Spoken
) -> None:
    api.usual = transcription("From there.")
    stream = FallbackStt(stt(), FakeStt(), told.append).stream()
    stream.feed(Frame(spoken("Hello there.")))
    assert stream.finish().text == "From there."
    assert not told


@pytest.mark.slow
def test_a_reply_is_spoken_here_with_the_same_personas_voice(
    api: ApiServer, tts: BuildTts, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = FakeTts()
    voices: list[str] = []

    def speak(text: str, voice: str = "", cancelled: object = None) -> Iterator[Frame]:
        voices.append(voice)
        return FakeTts.speak(here, text)

    monkeypatch.setattr(here, "speak", speak)
    engine = FallbackTts(tts("elevenlabs"), here, told.append, {"21m00Tcm4TlvDq8ikWAM": "fake"})
    api.script = [sound(TONE), *[failing(500)] * 3]
    assert list(engine.speak("One.", "21m00Tcm4TlvDq8ikWAM"))
    assert not voices
    assert list(engine.speak("Two.", "21m00Tcm4TlvDq8ikWAM"))
    assert list(engine.speak("Three.", "pNInz6obpgDQGcFmaJgB"))
    assert voices == ["fake", ""]
    assert here.said == ["Two.", "Three."]
    assert len(told) == 1


def test_what_is_behind_an_engine_is_loaded_at_the_start(settings: Settings) -> None:
    chosen = choosing_engine(
        pointed_at(settings, "http://127.0.0.1:9"), "llm", "openai", fallback="xllamacpp", model="smollm2-360m-instruct"
    )
    assert "smollm2-360m-instruct" in models.chosen(chosen)
    nowhere = chosen.model_copy(update={"models": chosen.models.model_copy(update={"dir": "/nowhere"})})
    with pytest.raises(ModelError, match="smollm2-360m-instruct"):
        fallback.build_llm(nowhere, print).load()


def test_without_a_fallback_no_model_is_needed(settings: Settings) -> None:
    chosen = choosing_engine(choosing_engine(settings, "llm", "openai"), "stt", "groq")
    assert not {"whisper-base", "smollm2-135m-instruct"} & set(models.chosen(chosen))


@pytest.mark.parametrize("name", ["groq", "nobody"])
def test_what_is_no_engine_of_this_machine_cannot_be_a_fallback(settings: Settings, name: str) -> None:
    with pytest.raises(SettingsError, match=f"llm.fallback is '{name}'") as caught:
        Engines.build(choosing_engine(settings, "llm", "openai", fallback=name))
    assert "xllamacpp" in caught.value.fix


def test_a_fallback_means_nothing_to_an_engine_of_this_machine(settings: Settings) -> None:
    chosen = choosing_engine(settings, "tts", "hibari", fallback="pyttsx3", voice="heart")
    assert type(fallback.build_tts(chosen, print)) is type(registry.build_tts(chosen))
    assert cloud.local(chosen) == chosen


@pytest.mark.slow
def test_a_failure_of_the_engine_here_is_told(api: ApiServer, both: FallbackLlm) -> None:
    api.usual = failing(503)
    both._local.error = LlmError("no memory")  # type: ignore[attr-defined]
    with pytest.raises(HotpinError, match="no memory"):
        reply(both)


def test_notices_are_given_once_to_each_that_looks() -> None:
    notices = Notices()
    notices.tell("one")
    seen = notices.count
    notices.tell("two")
    assert notices.since(seen) == (["two"], 2)
    assert notices.since(2) == ([], 2)
    for number in range(MAX_KEPT + 5):
        notices.tell(str(number))
    texts, count = notices.since(2)
    assert (len(texts), texts[-1], count) == (MAX_KEPT, str(MAX_KEPT + 4), MAX_KEPT + 7)
