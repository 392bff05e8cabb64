"""What stands before the samples of a WAV file.

Plain ones are read without PyAV, whose import takes longer than all the rest of a short command; and only the header
tells that a file is cut short, where FFmpeg tells the length of what is left.
"""

import struct
import sys
from dataclasses import dataclass
from typing import BinaryIO

from hotpin.audio.frame import CAPTURE_RATE

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
"""Of a fmt chunk: codec, channels, Hz, bytes per second, bytes in all channels of one moment, bits of a sample."""

_PLAIN = _FORMAT.pack(1, 1, CAPTURE_RATE, 2 * CAPTURE_RATE, 2, 16)
_UNKNOWN_SIZES = (0, 2**32 - 1)
"""What programs that write a WAV into a pipe give as its length: all that follows is audio."""


@dataclass(frozen=True, slots=True)
class WavHead:
    """The format of a WAV and how much of it there should be."""

    format: bytes
    """The fmt chunk, as far as it matters; empty if there was none."""

    stated_bytes: int
    """Bytes of samples that follow, as the header says."""

    @property
    def plain(self) -> bool:
        """Whether it needs no conversion: PCM, mono, 16 kHz, 16-bit."""
        return self.format == _PLAIN

    @property
    def data_bytes(self) -> int:
        """Bytes of samples to read at most: all that follow, where the header does not say."""
        return sys.maxsize if self.stated_bytes in _UNKNOWN_SIZES else self.stated_bytes

    @property
    def stated_seconds(self) -> float | None:
        """Length that the header states; ``None`` where it does not."""
        if self.stated_bytes in _UNKNOWN_SIZES or len(self.format) < _FORMAT.size:
            return None
        bytes_per_second = int(_FORMAT.unpack(self.format)[3])
        return self.stated_bytes / bytes_per_second if bytes_per_second else None


def read_head(file: BinaryIO) -> WavHead | None:
    """Go to the samples of a WAV and return what stands before them; ``None`` if it is none."""
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return None
    layout = b""
    while len(head := file.read(_CHUNK.size)) == _CHUNK.size:
        name, size = _CHUNK.unpack(head)
        if name == b"data":
            return WavHead(layout, size)
        body = file.tell()
        if name == b"fmt ":
            layout = file.read(_FORMAT.size)
        file.seek(body + size + size % 2)
    return None
