"""Sound as FFmpeg decodes it, made one channel of 16-bit samples."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hotpin.audio.frame import Samples, to_int16
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame

_SCALES: Mapping[str, tuple[float, float]] = {
    "u8": (128.0, 128.0),
    "s16": (0.0, 2.0**15),
    "s32": (0.0, 2.0**31),
    "flt": (0.0, 1.0),
    "dbl": (0.0, 1.0),
}
"""FFmpeg's name of a sample format: its zero and its full scale."""


# A float file may hold infinities and NaN: to_int16 knows what becomes of them.
@np.errstate(over="ignore", invalid="ignore")
def mono(frame: "AudioFrame") -> Samples:
    """Return the mean of the channels, int16 of shape (n,).

    Raises:
        AudioError: if the sample format is none that is known here.
    """
    kind = frame.format.packed.name
    if kind not in _SCALES:
        raise AudioError(f"sound in the sample format {kind} cannot be decoded", "Convert it to 16-bit WAV")
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.int16 and len(samples) == 1:
        only: Samples = samples[0]
        return only
    zero, full_scale = _SCALES[kind]
    return to_int16((samples.mean(axis=0, dtype=np.float32) - np.float32(zero)) / np.float32(full_scale))
