"""The microphone of a conversation, where another program holds it."""

import sys
from collections.abc import Callable
from queue import Queue
from typing import Any

import numpy as np
import pytest

from hotpin.audio import device_mic, hotplug, live_mic
from hotpin.audio.device_news import DeviceNews
from hotpin.audio.echo_guard import EchoGuard
from hotpin.audio.live_mic import LiveMicrophone
from hotpin.audio.sound_server import SoundServer
from hotpin.clock import RealClock
from hotpin.settings import AudioSettings
from tests.fakes.portaudio import FakePortAudio, FakeStream

TIMEOUT = 5.0
RATE = 16_000


class OneMicrophone(FakePortAudio):
    """A machine with one microphone, which another program may hold."""

    def __init__(self) -> None:
        super().__init__(studio=[RATE])
        self.held = True

    def check_input_settings(self, device: int, channels: int, dtype: str, *, samplerate: int) -> None:
        if self.held:
            raise self.PortAudioError("Error opening InputStream: Device unavailable", -9985)

    def InputStream(self, *, callback: Callable[..., None], **options: object) -> FakeStream:  # noqa: N802
        class Status:
            input_overflow = False

        def give(out: Any, frames: int, time: object, status: object) -> None:  # noqa: ANN401
            callback(np.full((frames, 1), 1000, np.int16), frames, time, Status)

        self.streams.append(FakeStream(give, options))
        return self.streams[-1]

    def _described(self, name: str) -> dict[str, Any]:
        return super()._described(name) | {"max_input_channels": 1, "max_output_channels": 0}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> OneMicrophone:
    """Attempts come quickly there."""
    fake = OneMicrophone()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(SoundServer, "connect", lambda: None)
    monkeypatch.setattr(live_mic, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(live_mic, "_TICK_SECONDS", 0.01)
    monkeypatch.setattr(device_mic, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(device_mic, "_TICK_SECONDS", 0.02)
    monkeypatch.setattr(hotplug, "_known", hotplug._Known())
    monkeypatch.setattr(hotplug, "_present", lambda: frozenset(fake.rates))
    return fake


def test_a_microphone_that_another_program_holds_is_named_and_taken_once_it_is_free(machine: OneMicrophone) -> None:
    told: Queue[DeviceNews] = Queue()
    microphone = LiveMicrophone("", RealClock(), EchoGuard(AudioSettings(echo="off")), told.put)
    try:
        news = told.get(timeout=TIMEOUT)
        assert not news.present
        assert news.detail.startswith("Another program uses the microphone 'studio'. Close that program")
        assert microphone.read(0.01) is None
        machine.held = False
        assert told.get(timeout=TIMEOUT).present
        assert microphone.read(TIMEOUT) is not None
        machine.held, machine.streams[-1].active = True, False  # it is lost, and another program was quicker
        while "Another program" not in (news := told.get(timeout=TIMEOUT)).detail:
            assert not news.present
        machine.held = False
        assert told.get(timeout=TIMEOUT).present
        assert microphone.read(TIMEOUT) is not None
    finally:
        microphone.close()
