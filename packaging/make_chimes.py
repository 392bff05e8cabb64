"""Makes the chimes, assets/chimes/*.wav, out of plain tones: run it again after changing them.

All lie between 1.1 and 1.6 kHz, begin softly and are quiet: other tones of the same length are taken for speech by
WebRTC's voice activity detector. tests/audio/test_chimes.py measures that.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hotpin.audio.codecs import WavWriter
from hotpin.audio.frame import to_int16

RATE = 24_000
"""Hz, that of most voices."""

PEAK = 0.06
"""Of full scale. At 0.1 WebRTC's detector takes them for speech where the echo is as loud as the loudspeaker."""

NOTE_SECONDS = 0.19
ATTACK_SECONDS = 0.035
DECAY_SECONDS = 0.06
"""s in which a note falls to about a third."""
RELEASE_SECONDS = 0.04

FOLDER = Path(__file__).parent.parent / "assets" / "chimes"


@dataclass(frozen=True)
class Tune:
    """One or two notes."""

    notes: tuple[float, ...]
    """Hz of each."""

    peak: float = PEAK
    apart: float = 0.1
    """s from one note to the next."""


TUNES = {
    "heard": Tune((1174.7, 1480.0)),
    "asleep": Tune((1396.9, 1174.7), peak=0.6 * PEAK),
    "thinking": Tune((1318.5,), peak=0.6 * PEAK),
    "error": Tune((1244.5, 1244.5), apart=0.11),
}
"""File name and what is played: rising for "yes?", falling for "good night", a knock at the same pitch for "no"."""


def sound(tune: Tune) -> npt.NDArray[np.float64]:
    """Return float audio of shape (n,), at ``RATE``."""
    step, note = round(tune.apart * RATE), round(NOTE_SECONDS * RATE)
    mixed = np.zeros(step * (len(tune.notes) - 1) + note)
    at = np.arange(note) / RATE
    rise = np.sin(np.clip(at / ATTACK_SECONDS, 0, 1) * np.pi / 2) ** 2
    fall = np.sin(np.clip((NOTE_SECONDS - at) / RELEASE_SECONDS, 0, 1) * np.pi / 2) ** 2
    for number, hertz in enumerate(tune.notes):
        tone = np.sin(2 * np.pi * hertz * at) * np.exp(-at / DECAY_SECONDS) * rise * fall
        mixed[number * step : number * step + note] += tone
    return mixed * (tune.peak / np.abs(mixed).max())


def main() -> None:
    """Write every chime."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, tune in TUNES.items():
        with WavWriter(FOLDER / f"{name}.wav", RATE) as writer:
            writer.write(to_int16(sound(tune)))


if __name__ == "__main__":
    main()
