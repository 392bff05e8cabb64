"""What every wake word engine keeps, run against every one there is."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hotpin import registry
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.errors import AudioError, HotpinError
from hotpin.settings import Settings
from hotpin.wake.base import Wake
from tests.conftest import Spoken, choosing, skip_or_fail

WORD = "hey_jarvis"
SAID = "Hey Jarvis!"

BLOCK = 6_400
"""Samples: a whole number of 20 ms frames and of openWakeWord's blocks."""

SILENCE = np.zeros(2 * CAPTURE_RATE, np.int16)
NOTHING = Frame(np.empty(0, np.int16))

Build = Callable[[], Wake]


@pytest.fixture(params=registry.names("wake"))
def build(request: pytest.FixtureRequest, settings: Settings) -> Build:
    """Makes engines of one kind, not yet loaded."""

    def make() -> Wake:
        try:
            wake = registry.build_wake(choosing(settings, "wake", engine=request.param, word=WORD))
        except HotpinError as error:
            skip_or_fail(str(error))
        assert wake is not None
        return wake

    return make


@pytest.fixture
def wake(build: Build) -> Iterator[Wake]:
    engine = build()
    engine.load()
    yield engine
    engine.close()


@pytest.fixture
def call(spoken: Spoken) -> Samples:
    """The word, a whole number of blocks, with silence after it."""
    said = np.concatenate([spoken(SAID), SILENCE])
    return said[: len(said) // BLOCK * BLOCK]


def answers(wake: Wake, sound: Samples, size: int = FRAME_SAMPLES) -> list[float]:
    return [wake.probability(Frame(sound[start : start + size])) for start in range(0, len(sound), size)]


def test_the_word_is_heard_once_and_over_soon(wake: Wake, call: Samples) -> None:
    heard = answers(wake, call)
    assert max(heard) > 0.5
    assert min(heard) >= 0.0
    assert max(heard) <= 1.0
    assert max(heard[-10:]) < 0.1


def test_silence_and_other_words_are_not_the_word(wake: Wake, spoken: Spoken) -> None:
    assert max(answers(wake, SILENCE)) < 0.1
    assert max(answers(wake, spoken("How many days are there in a week?"))) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("size", [77, 1_280, BLOCK])
def test_frames_of_any_length_hear_the_same(wake: Wake, call: Samples, size: int) -> None:
    expected, got = answers(wake.fork(), call), answers(wake.fork(), call, size)
    assert max(got) == max(expected)
    assert got[-1] == pytest.approx(expected[-1], abs=0.01)


@pytest.mark.slow
def test_a_word_within_a_long_frame_is_not_missed(wake: Wake, call: Samples) -> None:
    assert wake.probability(Frame(np.concatenate([call, SILENCE]))) > 0.5


def test_an_empty_frame_repeats_the_last_answer(wake: Wake, call: Samples) -> None:
    assert wake.probability(NOTHING) == 0.0
    last = wake.probability(Frame(call))
    assert wake.probability(NOTHING) == last > 0.5


@pytest.mark.slow
def test_forks_do_not_hear_each_other(wake: Wake, call: Samples) -> None:
    alone = answers(wake.fork(), call)
    one, other = wake.fork(), wake.fork()
    for start, expected in zip(range(0, len(call), FRAME_SAMPLES), alone, strict=True):
        assert one.probability(Frame(call[start : start + FRAME_SAMPLES])) == expected
        assert other.probability(Frame(SILENCE[:FRAME_SAMPLES])) < 0.1


@pytest.mark.slow
def test_a_fork_outlives_the_engine_it_came_from(wake: Wake, call: Samples) -> None:
    fork = wake.fork()
    wake.close()
    assert max(answers(fork, call)) > 0.5


@pytest.mark.slow
def test_a_second_load_forgets_nothing(wake: Wake, call: Samples) -> None:
    expected = answers(wake.fork(), call)
    half = len(call) // BLOCK // 2 * BLOCK
    first = answers(wake, call[:half])
    wake.load()
    assert first + answers(wake, call[half:]) == expected


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_another_rate_is_refused(wake: Wake, rate: int) -> None:
    with pytest.raises(AudioError, match=f"16000 Hz, got {rate} Hz"):
        wake.probability(Frame(np.zeros(320, np.int16), rate))


def test_nothing_can_be_asked_before_loading_or_after_closing(build: Build) -> None:
    wake = build()
    with pytest.raises(HotpinError, match="not been loaded"):
        wake.probability(NOTHING)
    wake.load()
    wake.close()
    wake.close()
    with pytest.raises(HotpinError, match="not been loaded"):
        wake.probability(NOTHING)


def test_it_tells_its_name_and_the_word(build: Build, settings: Settings) -> None:
    assert build().info.name in registry.names("wake")
    assert build().info.model == WORD
