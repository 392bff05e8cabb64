"""What every voice activity detector keeps, run against every one there is."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from hotpin import registry
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.errors import AudioError, VadError
from hotpin.settings import Settings
from hotpin.vad.base import Vad
from tests.conftest import Spoken, choosing

Build = Callable[[], Vad]

COMMON_BLOCK = 2_560
"""Samples: a whole number of 20 ms frames, of Silero's 512 samples, and of WebRTC's 10 and 20 ms."""

SILENCE = np.zeros(2 * CAPTURE_RATE, np.int16)


@pytest.fixture(params=registry.names("vad"))
def build(request: pytest.FixtureRequest, settings: Settings) -> Build:
    """Makes detectors of one kind, not yet loaded."""
    return lambda: registry.build_vad(choosing(settings, "vad", engine=request.param))


@pytest.fixture
def vad(build: Build) -> Iterator[Vad]:
    detector = build()
    detector.load()
    yield detector
    detector.close()


@pytest.fixture
def speech(spoken: Spoken) -> Samples:
    return spoken("How many days are there in a week?")


def answers(vad: Vad, sound: Samples, cuts: Iterable[int]) -> dict[int, float]:
    """Feed ``sound`` in pieces; return what is answered after each number of samples."""
    ends = sorted({0, *cuts, len(sound)})
    return {end: vad.probability(Frame(sound[start:end], start=start / CAPTURE_RATE)) for start, end in pairwise(ends)}


def in_frames(vad: Vad, sound: Samples) -> dict[int, float]:
    return answers(vad, sound, range(0, len(sound), FRAME_SAMPLES))


def test_silence_is_no_speech(vad: Vad) -> None:
    assert max(in_frames(vad, SILENCE).values()) < 0.2


def test_speech_is_speech(vad: Vad, speech: Samples) -> None:
    probabilities = list(in_frames(vad, speech).values())
    assert min(probabilities) >= 0.0
    assert max(probabilities) <= 1.0
    quarter = len(probabilities) // 4
    middle = probabilities[quarter:-quarter]
    assert np.mean(middle) > 0.8
    assert np.mean(np.array(middle) > 0.5) > 0.9


def test_speech_is_over_soon_after_its_end(vad: Vad, speech: Samples) -> None:
    in_frames(vad, speech)
    after = in_frames(vad, SILENCE)
    assert all(probability < 0.35 for at, probability in after.items() if at > 0.3 * CAPTURE_RATE)


def test_a_second_load_changes_nothing(vad: Vad, speech: Samples) -> None:
    undisturbed = in_frames(vad.fork(), speech)
    first, second = speech[:COMMON_BLOCK], speech[COMMON_BLOCK:]
    in_frames(vad, first)
    vad.load()
    assert list(in_frames(vad, second).values()) == [p for at, p in undisturbed.items() if at > COMMON_BLOCK]


def test_forks_do_not_hear_each_other(vad: Vad, speech: Samples) -> None:
    alone = list(in_frames(vad.fork(), speech).values())
    one, other = vad.fork(), vad.fork()
    together = []
    for start in range(0, len(speech), FRAME_SAMPLES):
        together.append(one.probability(Frame(speech[start : start + FRAME_SAMPLES])))
        assert other.probability(Frame(SILENCE[:FRAME_SAMPLES])) < 0.2
    assert together == alone


def test_a_fork_begins_afresh(vad: Vad, speech: Samples) -> None:
    assert in_frames(vad, speech[: len(speech) // 2])
    assert vad.fork().probability(Frame(SILENCE[:FRAME_SAMPLES])) < 0.2


def test_a_fork_reads_no_model(vad: Vad, speech: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: pytest.fail("the model was read again"))
    assert in_frames(vad.fork(), speech) == in_frames(vad, speech)


def test_a_fork_outlives_the_detector_it_came_from(vad: Vad, speech: Samples) -> None:
    expected = in_frames(vad.fork(), speech)
    fork = vad.fork()
    vad.close()
    assert in_frames(fork, speech) == expected


@pytest.mark.parametrize("size", [1, 77, 160, 511, 1_000])
def test_frames_of_any_length_give_the_same_answers(vad: Vad, speech: Samples, size: int) -> None:
    blocks = range(0, len(speech), COMMON_BLOCK)
    expected = in_frames(vad.fork(), speech)
    got = answers(vad, speech, {*blocks, *range(0, len(speech), size)})
    assert [got[at] for at in blocks[1:]] == [expected[at] for at in blocks[1:]]


def test_a_whole_recording_in_one_frame_is_answered_at_its_end(vad: Vad, speech: Samples) -> None:
    whole = speech[: len(speech) // COMMON_BLOCK * COMMON_BLOCK]
    assert vad.fork().probability(Frame(whole)) == in_frames(vad, whole)[len(whole)]


def test_an_empty_frame_repeats_the_last_answer(vad: Vad, speech: Samples) -> None:
    nothing = Frame(np.empty(0, np.int16))
    assert vad.probability(nothing) < 0.2
    last = vad.probability(Frame(speech[: len(speech) // 2]))
    assert vad.probability(nothing) == last > 0.5


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_another_rate_is_refused(vad: Vad, rate: int) -> None:
    with pytest.raises(AudioError, match=f"16000 Hz, got {rate} Hz"):
        vad.probability(Frame(np.zeros(320, np.int16), rate))


def test_nothing_can_be_asked_before_loading_or_after_closing(build: Build) -> None:
    vad = build()
    with pytest.raises(VadError, match="not been loaded"):
        vad.probability(Frame(SILENCE))
    vad.load()
    vad.close()
    with pytest.raises(VadError, match="not been loaded"):
        vad.probability(Frame(SILENCE))


def test_it_tells_the_name_it_is_chosen_by(settings: Settings) -> None:
    for name in registry.names("vad"):
        assert registry.build_vad(choosing(settings, "vad", engine=name)).info.name == name
