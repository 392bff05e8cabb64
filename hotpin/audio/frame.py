"""Audio as it travels: samples with their format."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotpin.errors import AudioError

CAPTURE_RATE = 16_000
"""Hz. What every VAD and recogniser here was trained on."""

FRAME_SECONDS = 0.02
"""s. One capture frame; WebRTC's VAD takes 10, 20 or 30 ms, engines that need other blocks re-block inside."""

FRAME_SAMPLES = int(CAPTURE_RATE * FRAME_SECONDS)
"""Samples in one capture frame."""

FULL_SCALE = 32_768.0
"""int16 sample value that corresponds to 1.0 in float audio."""

Samples = npt.NDArray[np.int16]
"""Mono audio, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A stretch of mono audio that knows its format and when it began.

    Raises:
        AudioError: if the samples are not one-dimensional int16 or the rate is not positive.
    """

    samples: Samples
    """int16, shape (n,), mono; must not be written to once it is in a frame."""

    rate: int = CAPTURE_RATE
    """Hz."""

    start: float = 0.0
    """s, on the clock of whoever made the frame: when its first sample was captured or is to be played."""

    no_echo: bool = False
    """Whether there certainly is something in it, over what the loudspeaker plays, that is no echo."""

    def __post_init__(self) -> None:
        """Refuse what would only sound wrong later."""
        if not isinstance(self.samples, np.ndarray) or self.samples.dtype != np.int16 or self.samples.ndim != 1:
            shape = getattr(self.samples, "shape", None)
            kind = getattr(self.samples, "dtype", type(self.samples).__name__)
            raise AudioError(f"a frame needs one-dimensional int16 samples, got {kind} of shape {shape}")
        if self.rate <= 0:
            raise AudioError(f"a frame needs a positive sample rate, got {self.rate}")

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.rate

    @property
    def end(self) -> float:
        """When the last sample is over, in seconds on the same clock as ``start``."""
        return self.start + self.seconds


def to_float(samples: Samples) -> npt.NDArray[np.float32]:
    """Convert int16 samples to float32 in [-1, 1)."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def to_int16(samples: npt.NDArray[np.floating]) -> Samples:
    """Convert float audio in [-1, 1] to int16; what lies outside is clipped, NaN becomes silence."""
    scaled = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) * FULL_SCALE
    clipped: Samples = np.clip(np.rint(scaled), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return clipped
