"""A frame knows its format and refuses any other."""

import dataclasses
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, to_float, to_int16
from hotpin.errors import AudioError


def test_a_capture_frame_is_twenty_milliseconds() -> None:
    frame = Frame(np.zeros(FRAME_SAMPLES, np.int16))
    assert frame.rate == CAPTURE_RATE == 16_000
    assert frame.seconds == pytest.approx(0.02)


def test_the_end_is_the_start_and_the_duration() -> None:
    frame = Frame(np.zeros(12_000, np.int16), rate=24_000, start=1.25)
    assert frame.seconds == 0.5
    assert frame.end == 1.75


def test_a_frame_may_be_empty() -> None:
    assert Frame(np.empty(0, np.int16)).seconds == 0.0


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (np.zeros(4, np.float32), "float32 of shape (4,)"),
        (np.zeros(4, np.int32), "int32 of shape (4,)"),
        (np.zeros((4, 2), np.int16), "int16 of shape (4, 2)"),
        ([0, 0], "list of shape None"),
        (b"\0\0", "bytes of shape None"),
    ],
)
def test_only_mono_int16_is_taken(samples: npt.NDArray[np.int16], found: str) -> None:
    with pytest.raises(AudioError) as caught:
        Frame(samples)
    assert found in str(caught.value)


@pytest.mark.parametrize("rate", [0, -16_000])
def test_the_rate_must_be_positive(rate: int) -> None:
    with pytest.raises(AudioError, match=str(rate)):
        Frame(np.zeros(1, np.int16), rate)


def test_a_frame_cannot_be_changed() -> None:
    frame = Frame(np.zeros(1, np.int16))
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.rate = 8_000  # type: ignore[misc]


@given(arrays(np.int16, st.integers(0, 200)))
def test_int16_survives_the_way_through_float(samples: npt.NDArray[np.int16]) -> None:
    floats = to_float(samples)
    assert floats.dtype == np.float32
    assert np.all((floats >= -1) & (floats < 1))
    assert np.array_equal(to_int16(floats), samples)


@given(arrays(np.float32, st.integers(0, 200), elements=st.floats(-4, 4, width=32)))
def test_what_is_too_loud_is_clipped_and_never_wraps_around(floats: npt.NDArray[np.float32]) -> None:
    samples = to_int16(floats)
    assert samples.dtype == np.int16
    assert np.all(np.abs(to_float(samples) - np.clip(floats, -1, 1)) <= 1 / 32_768)


def test_values_that_are_no_numbers_become_silence_or_full_scale() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        samples = to_int16(np.array([np.nan, np.inf, -np.inf]))
    assert samples.tolist() == [0, 32_767, -32_768]
