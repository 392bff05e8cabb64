"""When the microphone may be listened to while the loudspeaker plays."""

import sys

import numpy as np
import pytest

from hotpin.audio.echo_guard import EchoGuard
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples
from hotpin.settings import AudioSettings


def noise(seconds: float, level: float, seed: int) -> Samples:
    made = level * np.random.default_rng(seed).standard_normal(int(seconds * CAPTURE_RATE))
    return made.astype(np.int16)


def converse(guard: EchoGuard, played: Samples, heard: Samples, begin: float) -> float:
    """Let both happen at once from ``begin`` on; return when it is over."""
    for start in range(0, len(heard), FRAME_SAMPLES):
        guard.play(Frame(played[start : start + FRAME_SAMPLES], CAPTURE_RATE, begin + 2 * FRAME_SECONDS))
        guard.clean(Frame(heard[start : start + FRAME_SAMPLES], CAPTURE_RATE, begin))
        begin += FRAME_SECONDS
    return begin


def needs_the_canceller() -> None:
    pytest.importorskip("pywebrtc_audio")


def test_with_headphones_it_is_listened_to_after_two_seconds_of_a_reply() -> None:
    needs_the_canceller()
    guard = EchoGuard(AudioSettings())
    now = converse(guard, np.zeros(CAPTURE_RATE, np.int16), noise(1, 30, seed=1), 0.0)
    assert guard.hears_itself  # nothing is known yet
    now = converse(guard, noise(3, 3_000, seed=2), noise(3, 30, seed=3), now)
    assert not guard.hears_itself
    guard.path_changed()
    assert guard.hears_itself


def test_an_echo_is_not_trusted_before_it_is_removed() -> None:
    needs_the_canceller()
    guard = EchoGuard(AudioSettings())
    now = converse(guard, np.zeros(CAPTURE_RATE, np.int16), noise(1, 30, seed=1), 0.0)
    played = noise(3, 3_000, seed=2)
    converse(guard, played, np.concatenate((np.zeros(800, np.int16), played[:-800])), now)
    assert guard.hears_itself


def test_the_settings_can_forbid_listening_or_always_allow_it() -> None:
    assert EchoGuard(AudioSettings(echo="half-duplex")).hears_itself
    off = EchoGuard(AudioSettings(echo="off"))
    assert not off.hears_itself
    frame = Frame(noise(FRAME_SECONDS, 3_000, seed=1))
    off.play(frame)
    assert off.clean(frame) is frame
    assert off.quality is None


def test_without_the_canceller_s_package_it_is_half_duplex_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    guard = EchoGuard(AudioSettings())
    frame = Frame(noise(FRAME_SECONDS, 3_000, seed=1))
    assert guard.clean(frame) is frame
    assert guard.hears_itself
    assert "pywebrtc-audio" in guard.missing


def syllables(seconds: float, seed: int) -> Samples:
    """Noise whose colour and loudness change four times a second."""
    chance = np.random.default_rng(seed)
    pieces = []
    for _ in range(round(4 * seconds)):
        width = int(chance.integers(1, 12))
        piece = np.convolve(chance.standard_normal(CAPTURE_RATE // 4), np.ones(width) / width, "same")
        pieces.append(chance.uniform(0.2, 1.0) * piece / np.abs(piece).max())
    return (8_000 * np.concatenate(pieces)).astype(np.int16)


def test_a_removed_echo_is_trusted_and_stays_so_when_the_filter_fits_no_longer_for_a_while() -> None:
    needs_the_canceller()
    guard = EchoGuard(AudioSettings())
    now = converse(guard, np.zeros(CAPTURE_RATE, np.int16), noise(1, 5, seed=1), 0.0)
    played = syllables(12, seed=2)
    room = noise(12, 5, seed=3)
    room[800:] += played[:-800] // 2
    now = converse(guard, played, room, now)
    assert not guard.hears_itself
    moved = noise(12, 5, seed=4)
    moved[800 : 6 * CAPTURE_RATE] += played[: 6 * CAPTURE_RATE - 800] // 2
    step, chance = CAPTURE_RATE // 10, np.random.default_rng(5)
    for at in range(6 * CAPTURE_RATE, len(moved), step):  # the echo's way changes ten times a second
        late = 800 + int(chance.integers(-320, 320))
        moved[at : at + step] += played[at - late :][:step] // 2
    converse(guard, played, moved, now)
    assert guard.quality is not None
    assert not guard.quality.converged
    assert not guard.hears_itself
