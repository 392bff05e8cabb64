"""A recording that is heard as if it were spoken into a microphone, and a microphone that hears nothing."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FRAME_SECONDS, Frame
from hotpin.audio.mic import FileMicrophone, Microphone, NoMicrophone
from hotpin.clock import Clock, RealClock, SkippingClock
from tests.fakes.sound import ManualClock

LONG = 30.0
"""s. Longer than any test waits: what ends earlier was woken."""


def recording(frames: int, last: int = FRAME_SAMPLES) -> Iterator[Frame]:
    """Frames that hold their own number, the last one with ``last`` samples."""
    for number in range(frames):
        samples = FRAME_SAMPLES if number < frames - 1 else last
        yield Frame(np.full(samples, number + 1, np.int16), CAPTURE_RATE, number * FRAME_SECONDS)


def all_of(mic: Microphone) -> list[Frame]:
    """Read until it ends."""
    heard = []
    while (frame := mic.read(0.0)) is not None:
        heard.append(frame)
    assert mic.ended
    return heard


def test_a_frame_comes_when_it_has_been_spoken() -> None:
    clock = ManualClock()
    clock.time = 7.0
    mic = FileMicrophone(recording(3), clock)
    assert mic.started is None
    for number in (1, 2, 3):
        frame = mic.read(0.0)
        assert frame is not None
        assert frame.samples[0] == number
        assert clock.time == pytest.approx(7.0 + number * FRAME_SECONDS) == frame.end
    assert mic.started == 7.0


def test_time_stamps_are_contiguous_whatever_the_frames_lengths() -> None:
    frames = [Frame(np.zeros(length, np.int16), CAPTURE_RATE, 99.0) for length in (320, 1, 77, 320, 4_000)]
    heard = all_of(FileMicrophone(iter(frames), ManualClock(), silence_after=0.1))
    assert heard[0].start == 0.0
    for earlier, later in pairwise(heard):
        assert later.start == pytest.approx(earlier.end)


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.2, 0.5, 4.2])
def test_silence_follows_the_recording(seconds: float) -> None:
    heard = all_of(FileMicrophone(recording(2, last=100), ManualClock(), silence_after=seconds))
    silent = heard[2:]
    assert sum(frame.seconds for frame in silent) == pytest.approx(seconds)
    assert not any(np.any(frame.samples) for frame in silent)


def test_it_ends_with_the_silence_and_not_before() -> None:
    mic = FileMicrophone(recording(1), ManualClock(), silence_after=FRAME_SECONDS)
    ends = []
    for _ in range(4):
        ends.append((mic.read(0.0) is not None, mic.ended))
    assert ends == [(True, False), (True, True), (False, True), (False, True)]


def test_an_empty_recording_ends_at_once() -> None:
    assert all_of(FileMicrophone(recording(0), ManualClock())) == []


def test_nothing_is_read_ahead_of_its_time() -> None:
    taken: list[int] = []

    def counted() -> Iterator[Frame]:
        for frame in recording(5):
            taken.append(1)
            yield frame

    mic = FileMicrophone(counted(), ManualClock())
    mic.read(0.0)
    mic.read(0.0)
    assert len(taken) == 2


def test_a_reader_that_is_late_still_gets_every_frame_with_its_true_time() -> None:
    clock = ManualClock()
    mic = FileMicrophone(recording(3), clock)
    mic.read(0.0)
    clock.time += 5.0
    late = mic.read(0.0)
    assert late is not None
    assert late.samples[0] == 2
    assert late.start == pytest.approx(FRAME_SECONDS)
    assert clock.time == pytest.approx(5.02)


def test_on_a_skipping_clock_a_minute_of_silence_takes_no_time() -> None:
    real, skipping = RealClock(), SkippingClock()
    began = real.now(), skipping.now()
    heard = all_of(FileMicrophone(recording(1), skipping, silence_after=60.0))
    assert len(heard) == 1 + 60 / FRAME_SECONDS
    assert skipping.now() - began[1] >= 60.0
    assert real.now() - began[0] < 5.0


def test_on_a_real_clock_it_takes_as_long_as_speaking() -> None:
    clock = RealClock()
    began = clock.now()
    all_of(FileMicrophone(recording(5), clock))
    assert clock.now() - began >= 5 * FRAME_SECONDS


def finished(clock: Clock) -> FileMicrophone:
    """A recording that is over."""
    mic = FileMicrophone(recording(0), clock)
    assert mic.read(0.0) is None
    return mic


@pytest.mark.parametrize("mic", [NoMicrophone(), finished(ManualClock())])
def test_closing_wakes_a_reader_that_waits(mic: Microphone) -> None:
    heard: list[Frame | None] = []
    reader = threading.Thread(target=lambda: heard.append(mic.read(LONG)))
    reader.start()
    mic.close()
    reader.join(LONG / 6)
    assert not reader.is_alive()
    assert heard == [None]


def test_a_closed_recording_is_silent_and_goes_no_further() -> None:
    clock = ManualClock()
    mic = FileMicrophone(recording(3), clock)
    mic.read(0.0)
    mic.close()
    assert mic.read(LONG) is None
    assert clock.time == pytest.approx(FRAME_SECONDS)


def test_no_microphone_never_ends() -> None:
    mic = NoMicrophone()
    assert mic.read(0.001) is None
    assert not mic.ended
    mic.close()
    assert mic.read(LONG) is None
