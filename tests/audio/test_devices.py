"""Sound devices are asked for in another process, which may crash or hang."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from hotpin.audio import devices
from hotpin.audio.devices import Device, Listing, find_devices
from hotpin.errors import AudioError

WORKING = """
class PortAudioError(Exception): pass
class default: device = [1, -1]
def get_portaudio_version(): return 1, "PortAudio V19, revision 1"
def query_hostapis(): return [{"name": "ALSA"}, {"name": "JACK"}]
def query_devices():
    names = ["USB headset é: Audio (hw:1,0)", "default", "USB camera: Audio (hw:2,0)", "Monitor of Speakers"]
    common = {"hostapi": 0, "default_samplerate": 44100.0, "max_output_channels": 0}
    return [{"name": name, "max_input_channels": 2, **common} for name in names]
print("a library says something")
"""


@pytest.fixture
def portaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that is taken for PortAudio's."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path / "sounddevice.py"


def test_devices_are_looked_up_by_name_index_or_default(portaudio: Path) -> None:
    portaudio.write_text(WORKING)
    found = find_devices("0", "no such loudspeaker")
    assert found.portaudio == "PortAudio V19"
    assert found.microphone == Device("USB headset é: Audio (hw:1,0)", 44_100, 0, "ALSA", inputs=2)
    assert found.loudspeaker is None


def listing(*names: str, default: int = 0, hosts: Sequence[str] = ()) -> Listing:
    """Microphones of these names."""
    pairs = zip_longest(names, hosts, fillvalue="ALSA")
    found = (Device(name, 48_000, index, host, inputs=1) for index, (name, host) in enumerate(pairs))
    return Listing("PortAudio V19", tuple(found), default, -1)


CARDS = ("USB headset: Audio (hw:1,0)", "USB camera: Audio (hw:2,0)", "default", "Monitor of Speakers", "pulse.monitor")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("", 2), ("1", 1), ("headset", 0), ("CAMERA", 1), ("hw:2,0", 1), ("plughw:1,0", 0), ("monitor of speakers", 3)],
)
def test_a_microphone_is_chosen_by_name_part_of_it_or_index(wanted: str, index: int) -> None:
    assert listing(*CARDS, default=2).choose("input", wanted).index == index


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("usb", "'usb' may be any of these: 0 .*headset.*, 1 .*camera"), ("9", "no microphone '9'. There are: 0 .*, 2 ")],
)
def test_a_name_that_fits_several_devices_or_none_lists_them(wanted: str, said: str) -> None:
    with pytest.raises(AudioError, match=said):
        listing(*CARDS).choose("input", wanted)


@pytest.mark.parametrize("wanted", ["3", "4", "speakers", "monitor"])
def test_a_loudspeaker_s_monitor_is_not_taken_by_mistake(wanted: str) -> None:
    with pytest.raises(AudioError, match="no microphone") as refused:
        listing(*CARDS).choose("input", wanted)
    assert "Speakers" not in str(refused.value)


def test_a_default_that_is_a_monitor_gives_way_to_a_microphone() -> None:
    assert listing("Monitor of Speakers", "headset").choose("input").name == "headset"


def test_no_microphone_at_all_is_said() -> None:
    with pytest.raises(AudioError, match="there is no microphone"):
        listing("Monitor of Speakers").choose("input")


def test_a_device_that_several_sound_systems_list_is_taken_from_the_default_one() -> None:
    found = listing("Headset", "Headset", "Headset", default=1, hosts=("MME", "WASAPI", "DirectSound"))
    assert found.choose("input", "headset").index == 1


def test_a_crash_costs_the_other_process_only(portaudio: Path) -> None:
    portaudio.write_text("import os, sys; print('assertion failed', file=sys.stderr, flush=True); os.abort()")
    with pytest.raises(AudioError, match=r"SIGABRT: assertion failed\. .*asoundrc"):
        find_devices()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has ALSA")
@pytest.mark.parametrize("written", ["", "pcm.!default { type"])
def test_a_broken_configuration_of_alsa_is_said_and_ends_nothing(tmp_path: Path, written: str) -> None:
    broken = tmp_path / "asound.conf"
    broken.write_text(written)
    asked = subprocess.run(
        [sys.executable, "-m", "hotpin.audio.devices"],
        env=os.environ | {"ALSA_CONFIG_PATH": str(broken)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 0
    assert "ALSA's configuration" in json.loads(asked.stdout)["missing"]


def test_a_sound_server_that_hangs_is_not_waited_for(portaudio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio.write_text("import signal; signal.pause()")
    monkeypatch.setattr(devices, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(AudioError, match=r"within 0\.3 s"):
        find_devices()


def test_a_missing_library_is_said(portaudio: Path) -> None:
    portaudio.write_text("raise OSError('PortAudio library not found')")
    with pytest.raises(AudioError, match="PortAudio library not found"):
        find_devices()
