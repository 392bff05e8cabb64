"""When is there more than the room's noise?"""

import numpy as np
import numpy.typing as npt
import pytest

from hotpin.audio.frame import CAPTURE_RATE, FULL_SCALE, Samples
from hotpin.audio.noise_gate import HANG_SECONDS, NoiseGate

BLOCK = 512


def hiss(seconds: float, dbfs: float, *, rumbling: bool = False) -> Samples:
    count = int(seconds * CAPTURE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(size=count))
    if rumbling:
        spectrum /= np.maximum(np.arange(len(spectrum)) * CAPTURE_RATE / count, 30)
    sound = np.fft.irfft(spectrum, count)
    return at_level(sound, dbfs)


def hum(seconds: float, dbfs: float) -> Samples:
    at = np.arange(int(seconds * CAPTURE_RATE)) / CAPTURE_RATE
    overtones = np.arange(1, 12)[:, np.newaxis]
    return at_level((np.sin(2 * np.pi * 140 * overtones * at) / overtones).sum(axis=0), dbfs)


def at_level(sound: npt.NDArray[np.float64], dbfs: float) -> Samples:
    samples: Samples = np.rint(sound / sound.std() * FULL_SCALE * 10 ** (dbfs / 20)).astype(np.int16)
    return samples


def opened(gate: NoiseGate, sound: Samples) -> list[bool]:
    return [gate.opens(sound[start : start + BLOCK]) for start in range(0, len(sound) - BLOCK + 1, BLOCK)]


@pytest.mark.parametrize("rumbling", [False, True])
def test_it_closes_in_a_room_and_stays_closed(rumbling: bool) -> None:
    heard = opened(NoiseGate(), hiss(60, -60, rumbling=rumbling))
    assert not any(heard[round((HANG_SECONDS + 1) * CAPTURE_RATE / BLOCK) :])


@pytest.mark.parametrize("rumbling", [False, True])
@pytest.mark.parametrize("over", [5, 20])
def test_a_voice_opens_it_at_once_and_keeps_it_open_for_a_while(over: int, rumbling: bool) -> None:
    gate, room = NoiseGate(), hiss(20, -60, rumbling=rumbling)
    opened(gate, room)
    voice = hum(1, -60 + over)
    heard = opened(gate, room[: len(voice)] + voice)
    assert all(heard[2:])
    assert all(opened(gate, room)[: int((HANG_SECONDS - 1) * CAPTURE_RATE / BLOCK)])


def test_a_voice_in_digital_silence_opens_it() -> None:
    gate = NoiseGate()
    assert not opened(gate, np.zeros(10 * CAPTURE_RATE, np.int16))[-1]
    assert gate.opens(hum(1, -75)[:BLOCK])


def test_a_voice_that_begins_with_it_is_not_taken_for_noise() -> None:
    gate = NoiseGate()
    word, pause = hum(0.4, -35), hiss(0.2, -65)
    assert all(all(opened(gate, word)) and all(opened(gate, pause)) for _ in range(20))


def test_in_noise_that_a_voice_may_hide_in_it_stays_open() -> None:
    assert all(opened(NoiseGate(), hiss(30, -40)))


def test_it_closes_again_when_a_fan_was_turned_on() -> None:
    gate = NoiseGate()
    opened(gate, hiss(10, -75))
    heard = opened(gate, hiss(60, -62))
    assert heard[0]
    assert not heard[-1]
