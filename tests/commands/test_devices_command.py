"""``hotpin devices``: what a person is shown of microphones and loudspeakers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.audio.test_device_mic import playing, plug
from tests.e2e.rig import Rig, sound_server


def run(rig: Rig, home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hotpin", "devices", *arguments],
        env={**rig.environment, "HOTPIN_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def of(ran: "subprocess.CompletedProcess[str]", direction: str) -> dict[str, Any]:
    """The device that is used."""
    found = [device for device in json.loads(ran.stdout)[direction] if device["used"]]
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.e2e
def test_devices_are_listed_with_their_rate_and_marked(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        ran = run(rig, tmp_path)
        assert ran.returncode == 0, ran.stderr
        microphones, loudspeakers = ran.stdout.split("\n\n")
        assert microphones.startswith("Microphones\n")
        assert loudspeakers.startswith("Loudspeakers\n")
        (line,) = [line for line in microphones.splitlines() if line.endswith("default, used")]
        assert "Hz" in line
        assert of(run(rig, tmp_path, "--json"), "inputs")["default"] is True


@pytest.mark.e2e
def test_the_test_plays_a_tone_and_tells_how_loud_the_microphone_was(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        with playing(rig, "room", 16_384):
            ran = run(rig, tmp_path, "--test", "--seconds", "3", "--json")
        assert ran.returncode == 0, ran.stdout
        found = json.loads(ran.stdout)
        assert found["test"]["peak_dbfs"] == pytest.approx(-6, abs=1.5)
        assert found["test"]["overruns"] == 0


@pytest.mark.e2e
def test_an_index_out_of_range_says_what_there_is(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        ran = run(rig, tmp_path, "--input", "99")
        assert ran.returncode == 1
        assert "there is no microphone '99'. There are: " in ran.stderr


@pytest.mark.e2e
def test_a_machine_without_devices_says_so(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        ran = run(rig, tmp_path, PULSE_SERVER=f"unix:{tmp_path / 'no server'}")
    assert ran.returncode == 1
    assert "  none" in ran.stdout
    assert "there is no microphone" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_portaudio_the_fix_is_said(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    ran = subprocess.run(
        [sys.executable, "-c", "import sys; from hotpin.cli import main; main(['devices'])"],
        env={"PATH": "", "HOTPIN_HOME": str(tmp_path), "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("hotpin: there is no sound: PortAudio library not found. ")
