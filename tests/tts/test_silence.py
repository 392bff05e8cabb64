"""The silence around speech is cut to what a listener needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.audio.frame import Samples
from hotpin.tts.silence import AUDIBLE, LEAD_SECONDS, TAIL_SECONDS, trim

RATE = 1_000
LEAD, TAIL = int(LEAD_SECONDS * RATE), int(TAIL_SECONDS * RATE)


def sound(before: int, speech: int, after: int, value: int = 9_000) -> Samples:
    return np.concatenate([np.full(n, v, np.int16) for n, v in ((before, 0), (speech, value), (after, 0))])


@pytest.mark.parametrize("around", [LEAD + TAIL, 700])
def test_long_silence_is_cut(around: int) -> None:
    assert np.array_equal(trim(sound(around, 50, around), RATE), sound(LEAD, 50, TAIL))


def test_less_is_kept_after_speech_that_goes_on() -> None:
    assert np.array_equal(trim(sound(0, 50, 700), RATE, tail_seconds=0.04), sound(0, 50, 40))


def test_short_silence_is_left_as_it_is() -> None:
    short = sound(LEAD - 1, 50, TAIL - 1)
    assert np.array_equal(trim(short, RATE), short)


def test_pauses_within_are_kept() -> None:
    speech = np.concatenate((sound(0, 10, 900), sound(0, 10, 0)))
    assert np.array_equal(trim(speech, RATE), speech)


@pytest.mark.parametrize("value", [AUDIBLE + 1, -AUDIBLE - 1, 32_767, -32_768])
def test_soft_and_loud_samples_of_either_sign_are_heard(value: int) -> None:
    assert len(trim(sound(700, 1, 700, value), RATE)) == LEAD + 1 + TAIL


@pytest.mark.parametrize("value", [0, AUDIBLE, -AUDIBLE])
def test_what_nobody_can_hear_becomes_empty(value: int) -> None:
    assert len(trim(sound(700, 50, 700, value), RATE)) == 0


def test_nothing_stays_nothing() -> None:
    assert len(trim(np.empty(0, np.int16), RATE)) == 0


@given(st.integers(0, 2_000), st.integers(1, 50), st.integers(0, 2_000))
def test_all_that_can_be_heard_is_kept(before: int, speech: int, after: int) -> None:
    trimmed = trim(sound(before, speech, after), RATE)
    assert np.count_nonzero(trimmed) == speech
    assert len(trimmed) <= LEAD + speech + TAIL
    assert np.array_equal(trim(trimmed, RATE), trimmed)
