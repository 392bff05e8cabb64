"""The room itself: the echo is as loud and as late as it was asked to be, and tapes agree on the time."""

from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, Samples
from tests.live.rig import Echo, room
from tests.live.sound import Mouth, Tape

pytestmark = pytest.mark.e2e

SECONDS = 1.0
LATE_SECONDS = 0.035
"""s that a delay may differ: the tapes' own latency, and what the server adds to a short one."""


@pytest.mark.parametrize("echo", [Echo(0, 60), Echo(-6, 150), Echo(-6, 60, clipped=True)], ids=lambda echo: echo.name)
def test_a_room_echoes_as_it_was_asked_to(tmp_path: Path, echo: Echo) -> None:
    noise = np.random.default_rng(1).normal(0, 1500, int(SECONDS * CAPTURE_RATE)).astype(np.int16)
    played, heard, late = through(tmp_path, echo, noise)
    assert late == pytest.approx(echo.delay_ms / 1000, abs=LATE_SECONDS)
    assert 20 * np.log10(level(heard) / level(played)) == pytest.approx(echo.db, abs=1.0)


def test_a_clipped_loudspeaker_cuts_the_peaks_off(tmp_path: Path) -> None:
    tone = (20_000 * np.sin(2 * np.pi * 300 * np.arange(CAPTURE_RATE) / CAPTURE_RATE)).astype(np.int16)
    played, heard, _ = through(tmp_path, Echo(0, 60, clipped=True), tone)
    assert np.abs(played).max() > 18_000
    assert np.percentile(np.abs(heard), 95) < 10_000  # -12 dBFS, and what the resampler rings


def test_a_room_without_an_echo_is_silent(tmp_path: Path) -> None:
    with room(tmp_path) as here, Tape(here.environment, "mic") as tape, Mouth(here.environment, "speaker") as speaker:
        began = speaker.say(np.full(CAPTURE_RATE, 5000, np.int16))
        assert tape.since(began).first_sound is None


def through(folder: Path, echo: Echo, sound: Samples) -> tuple[Samples, Samples, float]:
    """Play a sound; return what the loudspeaker plays, what the microphone hears, and how late it does, in s."""
    with (
        room(folder, echo) as here,
        Tape(here.environment, "speaker.monitor") as loudspeaker,
        Tape(here.environment, "mic") as microphone,
        Mouth(here.environment, "speaker") as speaker,
    ):
        speaker.say(np.zeros(CAPTURE_RATE, np.int16))  # until the echo path has found its pace
        began = speaker.say(np.concatenate((sound, np.zeros(CAPTURE_RATE, np.int16))))
        played, heard = loudspeaker.since(began), microphone.since(began)
    starts = [take.first_sound or 0.0 for take in (played, heard)]
    assert all(starts)
    pieces = [
        take.samples[round((start - take.start) * CAPTURE_RATE) :][: len(sound)]
        for take, start in zip((played, heard), starts, strict=True)
    ]
    return pieces[0], pieces[1], starts[1] - starts[0]


def level(samples: Samples) -> float:
    """Root mean square of the middle half."""
    quarter = len(samples) // 4
    return float(np.sqrt(np.mean(samples[quarter:-quarter].astype(float) ** 2)))
