"""What ``hotpin doctor --audio`` makes of a room, and of how a service reaches the sound."""

import socket
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hotpin import settings
from hotpin.audio.echo_quality import EchoQuality
from hotpin.doctor import echo, service
from hotpin.doctor.echo import Room, judge, lag
from hotpin.settings import Settings
from tests.conftest import choosing
from tests.fakes.portaudio import FakePortAudio

REMOVED = Room(delay=0.123, quality=EchoQuality(-30.0, -65.0, 35.0, -60.0, 2), known_after=4.04, muted=False)
LEFT = replace(REMOVED, quality=EchoQuality(-30.0, -36.0, 6.0, -60.0, 10), known_after=None)
HEADPHONES = replace(REMOVED, delay=None, quality=EchoQuality(-59.0, -60.0, 1.0, -60.0, 2, inaudible=True))


@pytest.fixture
def chosen() -> Settings:
    """Settings with which speech may interrupt the reply."""
    return choosing(settings.load({}, {}), "turn", barge_in=True)


def test_a_room_whose_echo_is_removed_is_described(chosen: Settings) -> None:
    check = judge(REMOVED, chosen)
    assert check.ok
    assert check.detail == (
        "the echo comes 123 ms late, at -30 dBFS, 30 dB over the room's noise; 35 dB of it are removed: you can "
        "interrupt Hotpin by speaking, 4.0 s into its first reply and later"
    )
    assert check.fix == ""


def test_a_room_whose_echo_stays_says_what_to_do(chosen: Settings) -> None:
    check = judge(LEFT, chosen)
    assert not check.ok
    assert "you cannot interrupt Hotpin by speaking" in check.detail
    assert "headphones" in check.fix
    assert "a key interrupts" in check.fix


def test_headphones_need_no_canceller(chosen: Settings) -> None:
    check = judge(HEADPHONES, chosen)
    assert check.ok
    assert "hears nothing of the loudspeaker" in check.detail


def test_a_muted_microphone_says_nothing_about_the_room(chosen: Settings) -> None:
    check = judge(replace(HEADPHONES, muted=True), chosen)
    assert not check.ok
    assert "digital silence" in check.detail


def test_a_setting_that_does_not_fit_the_room_is_named(chosen: Settings) -> None:
    assert not judge(REMOVED, choosing(chosen, "audio", echo="off")).ok
    assert "audio.echo to auto" in judge(REMOVED, choosing(chosen, "audio", echo="half-duplex")).fix
    assert "turn.barge_in" in judge(REMOVED, choosing(chosen, "turn", barge_in=False)).fix


@pytest.mark.parametrize("offset", [0.0, -0.3, 0.02])
def test_the_delay_of_a_sound_is_found(offset: float) -> None:
    rng = np.random.default_rng(1)
    played = rng.standard_normal(16_000)
    heard = 0.001 * rng.standard_normal(24_000)
    at = round((0.15 - offset) * 16_000)
    heard[at : at + 16_000] += 0.1 * played[: len(heard) - at]
    assert lag(played, heard, offset) == pytest.approx(0.15, abs=0.001)


def test_a_sound_that_was_not_heard_has_no_delay() -> None:
    rng = np.random.default_rng(1)
    assert lag(rng.standard_normal(16_000), rng.standard_normal(24_000), 0.0) is None


def test_no_device_is_told_as_such(monkeypatch: pytest.MonkeyPatch, chosen: Settings) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio(speaker=[16_000]))
    (check,) = echo.echo(choosing(chosen, "audio", input="no such microphone"))
    assert not check.ok
    assert check.detail == "not measured: there is no microphone 'no such microphone'"
    assert check.fix


# --- a service ---


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Linux machine without a sound server and without cards; its runtime folder."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(service, "CARDS", tmp_path / "snd")
    monkeypatch.setattr(service, "LINGER", tmp_path / "linger")
    (tmp_path / "run" / "pulse").mkdir(parents=True)
    return tmp_path


def test_a_service_finds_the_sound_server_of_its_user(nothing: Path, chosen: Settings) -> None:
    path = nothing / "run" / "pulse" / "native"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        (check,) = service.service(chosen)
    assert check.ok
    assert str(path) in check.detail
    assert "loginctl enable-linger" in check.fix


def test_a_server_that_only_this_terminal_knows_is_told(
    nothing: Path, monkeypatch: pytest.MonkeyPatch, chosen: Settings
) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/elsewhere")
    (check,) = service.service(chosen)
    assert check.ok
    assert "set-environment PULSE_SERVER=unix:/elsewhere" in check.fix


def test_without_server_and_cards_there_is_no_sound(nothing: Path, chosen: Settings) -> None:
    (check,) = service.service(chosen)
    assert not check.ok
    assert "no sound server" in check.detail
    assert "user unit" in check.fix


def test_cards_that_may_not_be_used_name_the_group(
    nothing: Path, monkeypatch: pytest.MonkeyPatch, chosen: Settings
) -> None:
    (nothing / "snd").mkdir()
    (nothing / "snd" / "pcmC0D0p").touch()
    (check,) = service.service(chosen)
    assert check.ok
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (check,) = service.service(chosen)
    assert not check.ok
    assert "usermod -aG audio" in check.fix
