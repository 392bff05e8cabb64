"""What every voice engine keeps, run against every one there is, with its real model."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pytest

from hotpin import registry
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.audio.resample import Resampler
from hotpin.bench import words
from hotpin.bench.utterances import QUESTIONS
from hotpin.errors import TtsError
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from hotpin.tts.silence import AUDIBLE
from tests.conftest import Loaded, choosing

FAST = ("hibari",)
"""Engines that are tested in every run; the others take their time."""

INEXACT = ("pyttsx3",)
"""Engines whose speech differs by some samples each time."""

ENGINES = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in registry.names("tts")]
SENTENCE = "What is the capital of France?"
STORY = "Once there was a cat. It lived in a house by the sea. Every day it went fishing. One day it came home late."


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine that can be had here."""
    name: str = request.param
    if name == "kokoro-torch" and not find_spec("kokoro"):
        pytest.skip("kokoro-torch needs the package kokoro with torch, several GB, and weights from the model hub")
    return name


@pytest.fixture
def tts(engine: str, loaded: Loaded) -> Tts:
    return loaded.tts(engine)


@pytest.fixture
def build(engine: str, loaded: Loaded) -> Callable[..., Tts]:
    """Makes voice engines of one kind, not yet loaded, with other ``tts`` settings."""
    return lambda **values: registry.build_tts(choosing(loaded.settings("tts", engine), "tts", engine=engine, **values))


def joined(frames: list[Frame]) -> Samples:
    return np.concatenate([frame.samples for frame in frames])


def audible(samples: Samples) -> npt.NDArray[np.intp]:
    """Positions of the samples that can be heard."""
    return np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)


@pytest.mark.parametrize("text", ["Hello.", SENTENCE, STORY, "Well, well"])
def test_speech_comes_as_mono_frames_of_one_rate(tts: Tts, text: str) -> None:
    frames = list(tts.speak(text))
    assert len({frame.rate for frame in frames}) == 1
    assert all(frame.samples.dtype == np.int16 and frame.samples.ndim == 1 and len(frame.samples) for frame in frames)


@pytest.mark.parametrize("text", [SENTENCE, STORY, "I would like a cup of tea and a piece of cake, please."])
def test_speech_is_as_long_as_speaking_takes(tts: Tts, text: str) -> None:
    seconds = sum(frame.seconds for frame in tts.speak(text))
    letters = sum(letter.isalpha() for letter in text)
    assert 0.2 < 10 * seconds / letters < 1.0


@pytest.mark.parametrize("text", ["Hello.", SENTENCE, STORY, "  Yes!  "])
def test_nobody_waits_for_silence(tts: Tts, text: str) -> None:
    for frame in tts.speak(text):
        heard = audible(frame.samples)
        assert heard[0] / frame.rate < 0.05
        assert (len(frame.samples) - heard[-1]) / frame.rate < 0.3


def test_speech_is_loud_enough_and_not_clipped(tts: Tts) -> None:
    peak = np.max(np.abs(joined(list(tts.speak(STORY))).astype(np.int32)))
    assert 3_000 < peak < 32_767


@pytest.mark.parametrize("text", ["", " \n\t ", "…", "...", "?!", "- -", "🙂", "🙂 ✨", "\x00", "()", "“”"])
def test_text_without_anything_to_say_gives_no_frame(tts: Tts, text: str) -> None:
    assert list(tts.speak(text)) == []


@pytest.mark.parametrize("text", ["🙂 " + SENTENCE, SENTENCE + " … ?! 🙂", "\x00" + SENTENCE])
def test_what_cannot_be_said_is_left_out(tts: Tts, text: str) -> None:
    alone = sum(frame.seconds for frame in tts.speak(SENTENCE))
    assert sum(frame.seconds for frame in tts.speak(text)) == pytest.approx(alone, rel=0.25)


@pytest.mark.parametrize("text", QUESTIONS[:4])
def test_what_it_says_is_understood(tts: Tts, whisper: Stt, text: str) -> None:
    stream = whisper.stream()
    frames = list(tts.speak(text))
    resampler = Resampler(frames[0].rate, CAPTURE_RATE)
    for frame in frames:
        stream.feed(Frame(resampler.push(frame.samples)))
    stream.feed(Frame(resampler.flush()))
    reference, heard = words.normalised(text), words.normalised(stream.finish().text)
    assert words.errors(reference, heard) / len(reference) < 0.2


def test_the_first_sentence_comes_before_the_others_are_spoken(tts: Tts) -> None:
    first = next(tts.speak(STORY))
    assert first.seconds < 0.6 * sum(frame.seconds for frame in tts.speak(STORY))


def test_cancelled_speech_ends_after_the_sentence(tts: Tts) -> None:
    cancelled = False
    frames = tts.speak(STORY, cancelled=lambda: cancelled)
    next(frames)
    cancelled = True
    assert list(frames) == []


def test_speech_that_was_cancelled_before_gives_no_frame(tts: Tts) -> None:
    assert list(tts.speak(STORY, cancelled=lambda: True)) == []


def test_abandoned_speech_does_no_harm(tts: Tts) -> None:
    abandoned = tts.speak(STORY)
    next(abandoned)
    assert list(tts.speak(SENTENCE))


def test_each_voice_can_be_asked_for_by_name(tts: Tts) -> None:
    assert tts.voices
    assert all(tts.voice(voice.name) == voice for voice in tts.voices)
    for voice in [voice for voice in tts.voices if voice.speaks("en")]:
        assert list(tts.speak("Hello.", voice.name))


def test_an_unknown_voice_is_refused_with_those_there_are(tts: Tts, build: Callable[..., Tts]) -> None:
    for refused in (lambda: list(tts.speak(SENTENCE, "nobody")), build(voice="nobody").load):
        with pytest.raises(TtsError, match="'nobody'") as caught:
            refused()
        assert all(voice.name in caught.value.fix for voice in tts.voices)


@pytest.mark.slow
def test_every_load_gives_the_same_voice(engine: str, tts: Tts, build: Callable[..., Tts]) -> None:
    other = build()
    other.load()
    other.load()
    again, before = joined(list(other.speak(SENTENCE))), joined(list(tts.speak(SENTENCE)))
    other.close()
    if engine in INEXACT:
        assert len(again) == pytest.approx(len(before), rel=0.01)
    else:
        assert np.array_equal(again, before)


def test_a_faster_voice_takes_less_time(tts: Tts, build: Callable[..., Tts]) -> None:
    fast = sum(frame.seconds for frame in build(speed=1.5).speak(SENTENCE))
    assert 0.5 < fast / sum(frame.seconds for frame in tts.speak(SENTENCE)) < 0.9
