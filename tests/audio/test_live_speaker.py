"""The loudspeaker of a conversation: its replies go on, whatever becomes of the device."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from types import SimpleNamespace

import numpy as np
import pytest

from hotpin.audio import hotplug, live_speaker
from hotpin.audio.device_news import DeviceNews
from hotpin.audio.frame import Frame, Samples
from hotpin.audio.live_speaker import LiveSpeaker
from hotpin.audio.resample import Resampler
from hotpin.cancel import Generation, Ticket
from hotpin.clock import RealClock
from tests.fakes.portaudio import FakePortAudio

from .sounds import assert_tone, tone

RATE = 16_000
TIMEOUT = 5.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    """A machine with one loudspeaker, on which nothing else can be seen; attempts come quickly."""
    fake = FakePortAudio(speaker=[RATE])
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(live_speaker, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(hotplug, "_known", hotplug._Known())
    monkeypatch.setattr(hotplug, "_present", lambda: frozenset(fake.rates))
    return fake


class Told:
    """Gets the news and what is played."""

    def __init__(self) -> None:
        self.played: list[Frame] = []
        self._news: Queue[DeviceNews] = Queue()

    def news(self) -> DeviceNews:
        return self._news.get(timeout=TIMEOUT)

    @contextmanager
    def speaker(self) -> Iterator[LiveSpeaker]:
        def keep(frame: Frame) -> None:
            self.played.append(Frame(frame.samples.copy(), frame.rate, frame.start))

        speaker = LiveSpeaker("", RATE, RealClock(), keep, self._news.put)
        try:
            yield speaker
        finally:
            speaker.close()

    def sound(self) -> Samples:
        samples = np.concatenate([frame.samples for frame in self.played])
        return samples[np.flatnonzero(samples)[0] : np.flatnonzero(samples)[-1] + 1]


def begin(speaker: LiveSpeaker, seconds: float) -> threading.Thread:
    """Let a reply be played; it is over when the thread is."""
    counter = Generation()
    ticket = Ticket("kitchen", 1, counter.number, counter)
    speaker.playback.begin(ticket)
    speaker.playback.write(ticket, 0, tone(RATE, seconds))
    speaker.playback.end(ticket)
    thread = threading.Thread(target=speaker.playback.wait_finished, daemon=True)
    thread.start()
    return thread


def assert_over(reply: threading.Thread) -> None:
    reply.join(TIMEOUT)
    assert not reply.is_alive()


def test_all_that_is_played_is_handed_to_the_canceller_silence_too(machine: FakePortAudio) -> None:
    told = Told()
    with told.speaker() as speaker:
        assert told.news() == DeviceNews("loudspeaker", "speaker", present=True)
        assert_over(begin(speaker, 0.2))
    assert np.array_equal(told.sound(), tone(RATE, 0.2)[1:])  # it begins with a zero
    assert not told.played[0].samples.any()


def test_a_device_of_another_rate_plays_the_same_sound(machine: FakePortAudio) -> None:
    machine.rates["speaker"] = [44_100]
    told = Told()
    with told.speaker() as speaker:
        told.news()
        assert_over(begin(speaker, 0.5))
    assert {frame.rate for frame in told.played} == {44_100}
    heard = Resampler(44_100, RATE).push(told.sound())
    assert len(heard) > 0.4 * RATE  # the resampler still holds the end
    assert_tone(heard, seconds=len(heard) / RATE)


def test_without_a_device_a_reply_takes_its_time_and_ends(machine: FakePortAudio) -> None:
    del machine.rates["speaker"]
    told, clock = Told(), RealClock()
    with told.speaker() as speaker:
        news = told.news()
        assert not news.present
        assert "There is no loudspeaker" in news.detail
        began = clock.now()
        assert_over(begin(speaker, 0.2))
        assert clock.now() - began > 0.15
    assert told.played == []


def test_a_device_that_comes_is_taken(machine: FakePortAudio) -> None:
    del machine.rates["speaker"]
    told = Told()
    with told.speaker() as speaker:
        assert not told.news().present
        machine.rates["speaker"] = [RATE]
        assert told.news().present
        assert_over(begin(speaker, 0.1))
    assert len(told.sound())


def test_a_device_that_another_program_holds_is_named_and_taken_once_it_is_free(machine: FakePortAudio) -> None:
    machine.rates = {"busy": [RATE]}
    told = Told()
    with told.speaker() as speaker:
        news = told.news()
        assert not news.present
        assert news.detail.startswith("Another program uses the loudspeaker 'busy'. Close that program")
        assert_over(begin(speaker, 0.05))
        machine.rates = {"speaker": [RATE]}
        assert told.news().present


def test_a_reply_goes_on_when_its_device_dies_and_the_device_is_taken_back(machine: FakePortAudio) -> None:
    told = Told()
    with told.speaker() as speaker:
        told.news()
        reply = begin(speaker, 0.2)
        del machine.rates["speaker"]
        machine.streams[0].active = False
        assert not told.news().present
        assert_over(reply)
        machine.rates["speaker"] = [RATE]
        assert told.news().present


def test_what_the_device_had_to_do_without_is_counted(machine: FakePortAudio) -> None:
    told = Told()
    with told.speaker() as speaker:
        told.news()
        times, status = (
            SimpleNamespace(outputBufferDacTime=0.0, currentTime=0.0),
            SimpleNamespace(output_underflow=True),
        )
        machine.streams[0]._callback(np.zeros((10, 1), np.int16), 10, times, status)
        assert speaker.underflows == 1
    assert speaker.underflows == 1


def test_the_list_of_devices_is_made_anew_while_a_loudspeaker_is_open(machine: FakePortAudio) -> None:
    told = Told()
    with told.speaker() as speaker:
        told.news()
        assert hotplug.refresh()
        assert machine.initialised == 2
        assert machine.streams[0].closed
        assert_over(begin(speaker, 0.1))
        assert not hotplug.refresh()  # nothing has changed since
    assert len(machine.streams) == 2
    assert machine.streams[1].played


def test_a_reply_is_not_disturbed_for_a_list_of_devices_before_a_second_has_passed(
    machine: FakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, times = Told(), SimpleNamespace(now=100.0)
    monkeypatch.setattr(hotplug, "time", SimpleNamespace(monotonic=lambda: times.now))
    with told.speaker():
        told.news()
        monkeypatch.setattr(LiveSpeaker, "busy", True)
        assert not hotplug.refresh()
        times.now += hotplug.PATIENCE_SECONDS / 2
        assert not hotplug.refresh()
        times.now += hotplug.PATIENCE_SECONDS
        assert hotplug.refresh()


def test_a_closed_loudspeaker_leaves_no_thread_and_no_stream(machine: FakePortAudio) -> None:
    before = set(threading.enumerate())
    told = Told()
    with told.speaker():
        told.news()
    assert not set(threading.enumerate()) - before
    assert all(stream.closed for stream in machine.streams)
