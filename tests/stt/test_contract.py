"""What every recogniser keeps, run against every one there is, with its real model."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from hotpin import cloud, registry
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.bench import words
from hotpin.bench.utterances import QUESTIONS
from hotpin.cancel import Cancelled, never
from hotpin.errors import AudioError, ModelError, SttError
from hotpin.settings import Settings
from hotpin.stt.base import Stt, SttStream, Transcript
from tests.conftest import STT_LANGUAGES, Loaded, Spoken, choosing

ENGINES = [
    pytest.param(name, marks=pytest.mark.slow if name in STT_LANGUAGES or name in cloud.ENGINES else ())
    for name in registry.names("stt")
]
ENGLISH = [
    pytest.param(name, marks=pytest.mark.slow if name in cloud.ENGINES else ())
    for name in registry.names("stt")
    if name not in STT_LANGUAGES
]
"""Those whose words can be compared with what the voice said; whatever the others make of it, the rest holds."""

SENTENCES = QUESTIONS[:5]


@pytest.fixture(params=ENGINES)
def stt(request: pytest.FixtureRequest, loaded: Loaded) -> Stt:
    return loaded.stt(request.param)


@pytest.fixture(params=ENGLISH)
def english(request: pytest.FixtureRequest, loaded: Loaded) -> Stt:
    return loaded.stt(request.param)


@pytest.fixture(params=ENGINES)
def build(request: pytest.FixtureRequest, loaded: Loaded) -> Callable[..., Stt]:
    """Makes recognisers of one kind, not yet loaded, with other ``stt`` settings."""
    engine = request.param
    return lambda **values: registry.build_stt(choosing(loaded.settings("stt", engine), "stt", engine=engine, **values))


def only_here(engine: Stt) -> None:
    """End a test of what a server cannot tell, or does in its own way."""
    if engine.info.server:
        pytest.skip(f"{engine.info.name} leaves this to its server")


def feed(stream: SttStream, sound: Samples, size: int = FRAME_SAMPLES) -> SttStream:
    for start in range(0, len(sound), size):
        stream.feed(Frame(sound[start : start + size], start=start / CAPTURE_RATE))
    return stream


def heard(stt: Stt, sound: Samples, size: int = FRAME_SAMPLES) -> str:
    """Give the words of one utterance."""
    return feed(stt.stream(), sound, size).finish().text


def word_errors(text: str, understood: str) -> float:
    """Errors per word."""
    reference = words.normalised(text)
    return words.errors(reference, words.normalised(understood)) / len(reference)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * CAPTURE_RATE), np.int16)


def tone(hertz: float, amplitude: int, seconds: float = 2.0) -> Samples:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(seconds * CAPTURE_RATE) / CAPTURE_RATE)).astype(np.int16)


def noise(level: float, seconds: float = 2.0) -> Samples:
    samples = np.random.default_rng(7).normal(0.0, level, int(seconds * CAPTURE_RATE))
    return np.clip(samples, -32_768, 32_767).astype(np.int16)


def clicks(amplitude: int) -> Samples:
    sound = silence(2.0)
    sound[:: CAPTURE_RATE // 4] = amplitude
    return sound


# --- words ---


@pytest.mark.parametrize("text", SENTENCES)
def test_a_spoken_sentence_is_understood(english: Stt, spoken: Spoken, text: str) -> None:
    result = feed(english.stream(), np.concatenate((silence(0.5), spoken(text), silence(0.5)))).finish()
    assert result == Transcript(result.text, True, confidence=result.confidence, full_stop=result.full_stop)
    assert word_errors(text, result.text) < 0.2


@pytest.mark.parametrize("size", [77, 1_000, 5_000, 10 * CAPTURE_RATE])
def test_frames_of_any_length_give_the_same_words(stt: Stt, spoken: Spoken, size: int) -> None:
    sound = np.concatenate((spoken(SENTENCES[0]), silence(0.5)))
    assert heard(stt, sound, size) == heard(stt, sound) != ""


def test_quiet_speech_is_understood(english: Stt, spoken: Spoken) -> None:
    assert word_errors(SENTENCES[0], heard(english, spoken(SENTENCES[0]) // 10)) < 0.2


def test_speech_after_a_long_silence_is_understood(english: Stt, spoken: Spoken) -> None:
    assert word_errors(SENTENCES[0], heard(english, np.concatenate((silence(40.0), spoken(SENTENCES[0]))))) < 0.2


def test_noise_around_speech_adds_no_words(english: Stt, spoken: Spoken) -> None:
    sound = np.concatenate((noise(1_000.0, 3.0), spoken(SENTENCES[1]), noise(1_000.0, 5.0)))
    assert words.normalised(heard(english, sound)) == words.normalised(SENTENCES[1])


def test_streams_do_not_hear_each_other(stt: Stt, spoken: Spoken) -> None:
    sounds = [np.concatenate((spoken(text), silence(2.0)))[: 2 * CAPTURE_RATE] for text in SENTENCES[:2]]
    alone = [heard(stt, sound) for sound in sounds]
    streams = [stt.stream(), stt.stream()]
    for start in range(0, 2 * CAPTURE_RATE, FRAME_SAMPLES):
        for stream, sound in zip(streams, sounds, strict=True):
            stream.feed(Frame(sound[start : start + FRAME_SAMPLES]))
    assert [stream.finish().text for stream in streams] == alone
    assert alone[0] != alone[1]


def test_what_is_told_before_the_end_is_not_final(stt: Stt, spoken: Spoken) -> None:
    partial = feed(stt.stream(), spoken(SENTENCES[0])).partial()
    assert partial is None or not partial.final


# --- pauses ---


@pytest.fixture
def halves(spoken: Spoken) -> tuple[Samples, Samples]:
    """What is said before a pause, with 0.12 s of it, and after it."""
    return np.concatenate((spoken(SENTENCES[1]), silence(0.12))), np.concatenate((silence(0.6), spoken(SENTENCES[2])))


def test_a_draft_has_the_words_of_the_end_and_is_not_final(stt: Stt, halves: tuple[Samples, Samples]) -> None:
    stream = feed(stt.stream(), halves[0])
    draft = stream.draft()
    assert draft.text == stream.finish().text == heard(stt, halves[0]) != ""
    assert not draft.final


def test_silence_after_a_draft_changes_nothing_and_takes_no_time(stt: Stt, halves: tuple[Samples, Samples]) -> None:
    stream = feed(stt.stream(), halves[0])
    draft = stream.draft()
    feed(stream, silence(0.4))
    began = perf_counter()
    again, last = stream.draft(), stream.finish()
    assert perf_counter() - began < 0.05
    assert draft.text == again.text == last.text


@pytest.mark.slow
def test_words_after_a_draft_are_added(english: Stt, halves: tuple[Samples, Samples]) -> None:
    stream = feed(english.stream(), halves[0])
    first = stream.draft().text
    feed(stream, halves[1])
    both = stream.draft().text
    assert words.normalised(both) == words.normalised(f"{first} {SENTENCES[2]}")
    assert stream.finish().text == both


@pytest.mark.slow
def test_a_person_who_goes_on_after_the_end_is_understood_whole(stt: Stt, halves: tuple[Samples, Samples]) -> None:
    stream = feed(stt.stream(), halves[0])
    first = stream.finish().text
    whole = feed(stream, halves[1]).finish().text
    assert words.normalised(whole)[: len(words.normalised(first))] == words.normalised(first)
    assert len(whole) > len(first)


def test_a_draft_of_nothing_has_no_words(stt: Stt) -> None:
    assert stt.stream().draft() == Transcript("", final=False)
    assert feed(stt.stream(), noise(300.0)).draft().text == ""


@pytest.mark.slow
def test_a_cancelled_draft_has_no_words_and_harms_no_later_one(stt: Stt, spoken: Spoken) -> None:
    stream = feed(stt.stream(), spoken(SENTENCES[0]))
    assert stream.draft(lambda: True) == Transcript("", final=False)
    assert stream.draft().text == heard(stt, spoken(SENTENCES[0]))


@pytest.mark.slow
def test_confidence_is_a_log_probability_of_words_and_lower_where_one_is_cut_off(english: Stt, spoken: Spoken) -> None:
    sound = spoken(SENTENCES[1])
    whole = feed(english.stream(), sound).finish().confidence
    cut = feed(english.stream(), sound[: len(sound) * 4 // 5]).finish().confidence
    assert english.stream().finish().confidence is None
    assert whole is None or cut is None or cut < whole <= 0.0


@pytest.mark.slow
def test_a_full_stop_is_likelier_after_a_sentence_than_in_it(english: Stt, spoken: Spoken) -> None:
    sound = spoken(SENTENCES[1])
    whole = feed(english.stream(), sound).finish().full_stop
    cut = feed(english.stream(), sound[: len(sound) // 2]).finish().full_stop
    assert english.stream().finish().full_stop is None
    assert whole is None or cut is None or 0.0 <= cut < whole <= 1.0


# --- no words ---


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(silence(0.0), id="nothing"),
        pytest.param(silence(0.05), id="50 ms"),
        pytest.param(silence(3.0), id="silence"),
        pytest.param(noise(30.0), id="faint noise"),
        pytest.param(noise(300.0), id="noise"),
        pytest.param(noise(3_000.0), id="loud noise"),
        pytest.param(noise(12_000.0), id="deafening noise"),
        pytest.param(noise(3_000.0, 0.05), id="50 ms of noise"),
        pytest.param(tone(440.0, 500), id="faint tone"),
        pytest.param(tone(440.0, 20_000), id="loud tone"),
        pytest.param(tone(100.0, 8_000), id="hum"),
        pytest.param(clicks(3_000), id="clicks"),
        pytest.param(clicks(32_767), id="loud clicks"),
    ],
)
def test_nothing_is_invented_where_nobody_speaks(stt: Stt, sound: Samples) -> None:
    assert heard(stt, sound) == ""


def test_a_stream_that_was_fed_nothing_has_no_words(stt: Stt) -> None:
    assert stt.stream().finish() == Transcript("", final=True)


def test_a_fragment_of_a_word_does_no_harm(stt: Stt, spoken: Spoken) -> None:
    middle = len(spoken(SENTENCES[0])) // 2
    fragment = spoken(SENTENCES[0])[middle : middle + CAPTURE_RATE // 20]
    assert len(heard(stt, fragment).split()) <= 1


# --- more than a window ---


@pytest.mark.slow
def test_a_long_utterance_is_understood_whole_and_held_in_part(stt: Stt, spoken: Spoken) -> None:
    only_here(stt)
    said = QUESTIONS[:20]
    sound = np.concatenate([np.concatenate((spoken(text), silence(0.7))) for text in said])
    assert len(sound) > 40 * CAPTURE_RATE
    stream = stt.stream()
    held = 0
    tracemalloc.start()
    try:
        for start in range(0, len(sound), FRAME_SAMPLES):
            stream.feed(Frame(sound[start : start + FRAME_SAMPLES].copy()))
            held = max(held, tracemalloc.get_traced_memory()[0])
        heard = stream.finish().text
    finally:
        tracemalloc.stop()
    if stt.info.name not in STT_LANGUAGES:
        assert word_errors(" ".join(said), heard) < 0.1
    assert heard
    assert held < sound.nbytes


# --- cancelling ---


def cancelled_after(looks: int) -> Cancelled:
    """Want the work until it has been asked ``looks`` times."""
    asked = iter(range(looks))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize("looks", [0, 1])
def test_cancelled_work_gives_no_words(stt: Stt, spoken: Spoken, looks: int) -> None:
    sound = np.concatenate([np.concatenate((spoken(text), silence(0.6))) for text in SENTENCES])
    assert feed(stt.stream(), sound).finish(cancelled_after(looks)).text == ""


def test_cancelled_work_is_not_done(stt: Stt, spoken: Spoken) -> None:
    stream = feed(stt.stream(), spoken(SENTENCES[0]))
    began = perf_counter()
    stream.finish(lambda: True)
    assert perf_counter() - began < 0.1


# --- refusals ---


def test_another_rate_is_refused(stt: Stt) -> None:
    with pytest.raises(AudioError, match="16000 Hz, got 24000 Hz"):
        stt.stream().feed(Frame(np.zeros(480, np.int16), 24_000))


def test_nothing_can_be_understood_before_loading_or_after_closing(build: Callable[..., Stt]) -> None:
    stt = build()
    with pytest.raises(SttError, match="not been loaded"):
        stt.stream()
    stt.close()
    with pytest.raises(SttError, match="not been loaded"):
        stt.stream()


def test_an_unknown_language_is_named(stt: Stt, settings: Settings) -> None:
    only_here(stt)
    unable = registry.build_stt(choosing(settings, "stt", engine=stt.info.name, language="xx"))
    with pytest.raises((ModelError, SttError), match="'xx'"):
        unable.load()


def test_the_language_can_be_found_out(english: Stt, loaded: Loaded, spoken: Spoken) -> None:
    name = english.info.name
    guessing = registry.build_stt(choosing(loaded.settings("stt", name), "stt", engine=name, language="auto"))
    guessing.load()
    assert heard(guessing, spoken(SENTENCES[1])) == heard(english, spoken(SENTENCES[1]))
    guessing.close()


def test_a_folder_without_a_model_is_named(build: Callable[..., Stt], tmp_path: Path) -> None:
    only_here(build())
    with pytest.raises(ModelError, match=str(tmp_path)):
        build(model=str(tmp_path)).load()


def test_a_damaged_model_is_named(build: Callable[..., Stt], tmp_path: Path) -> None:
    only_here(build())
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match=str(tmp_path)):
        build(model=str(tmp_path)).load()


def test_a_second_load_keeps_the_model(stt: Stt, spoken: Spoken) -> None:
    stream = feed(stt.stream(), spoken(SENTENCES[0]))
    began = perf_counter()
    stt.load()
    assert perf_counter() - began < 0.05
    assert stream.finish(never).text
