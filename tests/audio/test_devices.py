"""Sound devices are asked for in another process, which may crash or hang."""

from pathlib import Path

import pytest

from hotpin.audio import devices
from hotpin.audio.devices import Device, find_devices
from hotpin.errors import AudioError

WORKING = """
class PortAudioError(Exception): pass
def get_portaudio_version(): return 1, "PortAudio V19, revision 1"
def query_devices(device, kind):
    if kind == "output": raise ValueError("no such device")
    return {"name": f"{device!r} é", "default_samplerate": 44100.0}
print("a library says something")
"""


@pytest.fixture
def portaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that is taken for PortAudio's."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "sounddevice.py"


def test_devices_are_looked_up_by_name_index_or_default(portaudio: Path) -> None:
    portaudio.write_text(WORKING)
    found = find_devices("7", "no such loudspeaker")
    assert found.portaudio == "PortAudio V19"
    assert found.microphone == Device("7 é", 44_100)
    assert found.loudspeaker is None


def test_a_crash_costs_the_other_process_only(portaudio: Path) -> None:
    portaudio.write_text("import os, sys; print('assertion failed', file=sys.stderr, flush=True); os.abort()")
    with pytest.raises(AudioError, match=r"SIGABRT: assertion failed\. .*asoundrc"):
        find_devices()


def test_a_sound_server_that_hangs_is_not_waited_for(portaudio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio.write_text("import signal; signal.pause()")
    monkeypatch.setattr(devices, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(AudioError, match=r"within 0\.3 s"):
        find_devices()


def test_a_missing_library_is_said(portaudio: Path) -> None:
    portaudio.write_text("raise OSError('PortAudio library not found')")
    with pytest.raises(AudioError, match="PortAudio library not found"):
        find_devices()
