"""Loudspeakers: one made of software, PortAudio's through a stand-in, and a real one on a sound server."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.devices import DeviceInUseError
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.audio.speaker import DEVICE_LATENCY_SECONDS, DeviceSpeaker, Speaker, VirtualSpeaker, has_output, play_all
from hotpin.cancel import Generation, Ticket
from hotpin.clock import RealClock
from hotpin.errors import AudioError
from tests.audio.test_device_mic import playing
from tests.e2e.rig import sound_server
from tests.fakes.portaudio import FakePortAudio
from tests.fakes.sound import ManualClock

from .sounds import tone

RATE = 8_000
TIMEOUT = 5.0


def begun(speaker: Speaker) -> Ticket:
    counter = Generation()
    ticket = Ticket("kitchen", 1, counter.number, counter)
    speaker.playback.begin(ticket)
    return ticket


def reply(speaker: Speaker, samples: Samples, piece: int = 700) -> None:
    """Let a whole reply be played."""
    ticket = begun(speaker)
    for written in np.split(samples, range(piece, len(samples), piece)):
        assert speaker.playback.write(ticket, 0, written)
    speaker.playback.end(ticket)
    speaker.playback.wait_finished()


# --- made of software ---


@pytest.mark.parametrize("paced", [True, False])
def test_a_software_loudspeaker_gives_the_reply_and_nothing_else_to_its_sink(*, paced: bool) -> None:
    played: list[Samples] = []
    speaker = VirtualSpeaker(RATE, RealClock(), paced=paced, sink=played.append)
    first, second = tone(RATE, 0.1234), tone(RATE, 0.05, hertz=200)
    reply(speaker, first)
    reply(speaker, second)
    speaker.close()
    assert np.array_equal(np.concatenate(played), np.concatenate((first, second)))


def test_a_paced_loudspeaker_takes_as_long_as_playing() -> None:
    clock = RealClock()
    speaker = VirtualSpeaker(RATE, clock, paced=True)
    began = clock.now()
    reply(speaker, tone(RATE, 0.2))
    ended = clock.now()
    speaker.close()
    assert ended - began >= 0.17
    first_audible = speaker.playback.progress().first_audible
    assert first_audible is not None
    assert began <= first_audible <= ended


def test_an_unpaced_loudspeaker_is_as_fast_as_the_voice() -> None:
    clock = RealClock()
    speaker = VirtualSpeaker(RATE, clock, paced=False)
    began = clock.now()
    reply(speaker, tone(RATE, 60.0), piece=RATE)
    assert clock.now() - began < 10.0
    speaker.close()


def test_a_reply_longer_than_the_capacity_is_played_whole() -> None:
    played: list[Samples] = []
    speaker = VirtualSpeaker(RATE, RealClock(), paced=False, sink=played.append, capacity_seconds=0.01)
    reply(speaker, tone(RATE, 0.5))
    speaker.close()
    assert np.array_equal(np.concatenate(played), tone(RATE, 0.5))


def test_a_sink_that_fails_does_not_hold_up_the_reply_and_is_told_at_the_end() -> None:
    def full(samples: Samples) -> None:
        raise AudioError("the disk is full")

    speaker = VirtualSpeaker(RATE, RealClock(), paced=False, sink=full)
    reply(speaker, tone(RATE, 0.5))
    with pytest.raises(AudioError, match="the disk is full"):
        speaker.close()


def test_a_closed_loudspeaker_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    speaker = VirtualSpeaker(RATE, RealClock(), paced=True)
    own = set(threading.enumerate()) - before
    speaker.close()
    assert [thread.is_alive() for thread in own] == [False]


# --- PortAudio, through a stand-in for the sounddevice module ---


Install = Callable[..., FakePortAudio]


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a stand-in in PortAudio's place."""

    def install(**rates: list[int]) -> FakePortAudio:
        fake = FakePortAudio(**rates)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        return fake

    return install


@pytest.fixture
def no_portaudio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What importing sounddevice does where the library is missing."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)


def test_the_voice_s_own_rate_is_taken_where_the_device_has_it(portaudio: Install) -> None:
    machine = portaudio(speaker=[48_000, 24_000])
    speaker = DeviceSpeaker(24_000, RealClock())
    speaker.close()
    assert speaker.playback.rate == 24_000
    wanted = {
        "samplerate": 24_000,
        "channels": 1,
        "dtype": "int16",
        "device": None,
        "latency": DEVICE_LATENCY_SECONDS,
        "blocksize": 240,
    }
    assert machine.streams[0].options == wanted


def test_the_device_s_own_rate_is_taken_where_it_refuses_the_voice_s(portaudio: Install) -> None:
    machine = portaudio(speaker=[44_100])
    speaker = DeviceSpeaker(24_000, RealClock())
    speaker.close()
    assert speaker.playback.rate == machine.streams[0].options["samplerate"] == 44_100


@pytest.mark.parametrize(("device", "chosen"), [("1", 1), ("USB", "USB"), ("", None)])
def test_a_device_is_chosen_by_index_or_name(portaudio: Install, device: str, chosen: int | str | None) -> None:
    machine = portaudio(Built_in=[RATE], USB_headset=[RATE])
    DeviceSpeaker(RATE, RealClock(), device).close()
    assert machine.streams[0].options["device"] == chosen


def test_what_is_written_is_played(portaudio: Install) -> None:
    machine = portaudio(speaker=[RATE])
    speaker = DeviceSpeaker(RATE, RealClock())
    reply(speaker, np.arange(1, RATE // 2, dtype=np.int16))
    speaker.close()
    assert [sample for sample in machine.streams[0].played if sample] == list(range(1, RATE // 2))


@pytest.mark.parametrize(("latency", "counted"), [(0.15, 0.15), (-3.0, 0.0), (1e9, 1.0)])
def test_a_sample_is_heard_after_the_device_s_latency(portaudio: Install, latency: float, counted: float) -> None:
    clock = ManualClock()
    clock.time = 100.0
    machine = portaudio(speaker=[RATE])
    speaker = DeviceSpeaker(RATE, clock)
    speaker.close()
    speaker.playback.write(begun(speaker), 0, np.full(10, 9_000, np.int16))
    assert machine.streams[0].ask(20, latency).tolist() == [9_000] * 10 + [0] * 10
    assert speaker.playback.progress().first_audible == pytest.approx(100.0 + counted)


@pytest.mark.parametrize(
    ("rates", "device", "why"),
    [
        pytest.param({"speaker": [RATE]}, "nothing like it", "No output device matching", id="unknown name"),
        pytest.param({"speaker": [RATE]}, "7", "Error querying device 7", id="unknown index"),
        pytest.param({}, "", "Error querying device", id="no device at all"),
    ],
)
def test_a_device_that_cannot_be_opened_is_named(
    portaudio: Install, rates: dict[str, list[int]], device: str, why: str
) -> None:
    portaudio(**rates)
    with pytest.raises(AudioError, match=why) as caught:
        DeviceSpeaker(RATE, RealClock(), device)
    assert repr(device or "default") in caught.value.message
    assert "audio.output" in caught.value.fix


def test_a_device_that_another_program_holds_is_named(portaudio: Install) -> None:
    portaudio(busy=[RATE])
    with pytest.raises(DeviceInUseError, match="another program uses the loudspeaker 'default'") as caught:
        DeviceSpeaker(RATE, RealClock())
    assert "Close that program" in caught.value.fix


@pytest.mark.usefixtures("no_portaudio")
def test_without_portaudio_a_person_is_told_what_to_install() -> None:
    with pytest.raises(AudioError, match="PortAudio library is missing") as caught:
        DeviceSpeaker(RATE, RealClock())
    assert "libportaudio2" in caught.value.fix
    assert not has_output()


def test_a_machine_has_an_output_or_not(portaudio: Install) -> None:
    portaudio(speaker=[RATE])
    assert has_output()
    portaudio()
    assert not has_output()


@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
def test_frames_are_played_to_their_end_at_the_device_s_rate(portaudio: Install, rate: int) -> None:
    machine = portaudio(speaker=[rate])
    play_all([Frame(piece, RATE) for piece in np.array_split(tone(RATE, 0.5), 3)])
    played = np.array(machine.streams[0].played)
    assert np.count_nonzero(played) / rate == pytest.approx(0.5, abs=0.01)
    assert np.max(np.abs(played)) == pytest.approx(np.max(tone(RATE, 0.5)), rel=0.05)


# --- a real one ---

PLAY = """
import numpy as np
from hotpin.audio.frame import Frame
from hotpin.audio.speaker import play_all
play_all([Frame((8_000 * np.sin(2 * np.pi * 440 / 24_000 * np.arange(24_000))).astype(np.int16), 24_000)])
"""


@pytest.mark.e2e
def test_a_tone_arrives_whole_at_the_sound_server(tmp_path: Path) -> None:
    # In a process of its own: PortAudio reads the list of devices once.
    # Alone, a sink without hardware stands still for 2 s when a stream begins.
    with sound_server(tmp_path) as rig, playing(rig, "speaker", 0):
        heard = rig.heard([sys.executable, "-c", PLAY])
    audible = np.flatnonzero(np.abs(heard.astype(np.int32)) > 400)
    sound = heard[audible[0] : audible[-1] + 1]
    assert len(sound) / CAPTURE_RATE == pytest.approx(1.0, abs=0.15)
    spectrum = np.abs(np.fft.rfft(sound.astype(float)))
    assert np.argmax(spectrum) * CAPTURE_RATE / len(sound) == pytest.approx(440.0, abs=5.0)
