"""Resampling a stream: the same sound at another rate, however it is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.audio.frame import Samples
from hotpin.audio.resample import MAX_RATE, MIN_RATE, Resampler
from hotpin.errors import AudioError

from .sounds import level, tone

RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]


def loudest(samples: Samples, rate: int) -> float:
    """Hz of the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(np.argmax(spectrum)) * rate / len(samples)


def resampled(samples: Samples, rate_in: int, rate_out: int, cuts: list[int] | None = None) -> Samples:
    resampler = Resampler(rate_in, rate_out)
    pieces = [resampler.push(piece) for piece in np.split(samples, sorted(cuts or []))]
    return np.concatenate([*pieces, resampler.flush()])


@pytest.mark.parametrize("rate_in", RATES)
@pytest.mark.parametrize("rate_out", [16_000, 48_000])
def test_a_tone_keeps_duration_pitch_and_level(rate_in: int, rate_out: int) -> None:
    sound = resampled(tone(rate_in), rate_in, rate_out)
    assert sound.dtype == np.int16
    assert len(sound) == pytest.approx(rate_out, abs=1)
    assert loudest(sound, rate_out) == pytest.approx(440, abs=2)
    assert level(sound) == pytest.approx(level(tone(rate_in)), rel=0.01)


def test_what_the_lower_rate_cannot_hold_is_filtered_out() -> None:
    too_high = tone(48_000, hertz=11_000)
    assert level(resampled(too_high, 48_000, 16_000)) < 0.001 * level(too_high)


@given(
    rate_in=st.sampled_from(RATES),
    rate_out=st.sampled_from(RATES),
    cuts=st.lists(st.integers(0, 4_000), max_size=30),
)
def test_any_cutting_gives_the_same_samples(rate_in: int, rate_out: int, cuts: list[int]) -> None:
    noise = np.random.default_rng(7).integers(-20_000, 20_000, 4_000).astype(np.int16)
    assert np.array_equal(resampled(noise, rate_in, rate_out, cuts), resampled(noise, rate_in, rate_out))


def test_equal_rates_pass_through_without_a_copy() -> None:
    sound = tone(16_000)
    resampler = Resampler(16_000, 16_000)
    assert resampler.push(sound) is sound
    assert len(resampler.flush()) == 0


def test_the_loudest_sound_is_clipped_and_does_not_wrap_around() -> None:
    square = np.where(np.arange(8_000) // 20 % 2, 32_767, -32_768).astype(np.int16)
    sound = resampled(square, 8_000, 16_000)
    expected = np.repeat(square, 2).astype(int)
    steady = np.arange(16_000) % 40
    inside = (steady > 10) & (steady < 30)
    assert np.all(np.sign(sound.astype(int)[inside]) == np.sign(expected[inside]))


def test_after_a_flush_a_new_stream_begins() -> None:
    resampler = Resampler(44_100, 16_000)
    first, second = (np.concatenate([resampler.push(tone(44_100)), resampler.flush()]) for _ in range(2))
    assert np.array_equal(first, second)


def test_nothing_in_gives_nothing_out() -> None:
    assert len(resampled(np.empty(0, np.int16), 44_100, 16_000)) == 0


@pytest.mark.parametrize("rate", [0, -1, MIN_RATE - 1, MAX_RATE + 1])
def test_unusable_rates_are_refused(rate: int) -> None:
    with pytest.raises(AudioError, match=f"{rate} Hz"):
        Resampler(rate, 16_000)
    with pytest.raises(AudioError, match=f"{rate} Hz"):
        Resampler(16_000, rate)


@pytest.mark.parametrize("rate_out", [16_000, 48_000])
def test_only_mono_int16_is_taken(rate_out: int) -> None:
    floats = np.zeros(10, np.float32)
    with pytest.raises(AudioError, match="float32"):
        Resampler(16_000, rate_out).push(floats)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="shape"):
        Resampler(16_000, rate_out).push(np.zeros((10, 2), np.int16))
