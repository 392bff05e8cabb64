"""How long an MP3 says it is.

Encoders put a silent first frame before the sound that counts the others (a Xing or Info header). FFmpeg disregards it
where the file is shorter than it says, which is just what should be told.
"""

import struct
from typing import BinaryIO

_LOOKED_AT_BYTES = 4096
_ID3 = struct.Struct(">3s3x4B")
_HAS_FRAMES = 1
_TRIM_OFFSET = 141
"""Bytes from the header's name to what encoders note of the silence they add: 12 bits each for beginning and end."""

_LONG_FRAME, _SHORT_FRAME = 1152, 576
"""Samples of a frame from 32 kHz on, and below."""


def stated_seconds(file: BinaryIO, rate: int) -> float | None:
    """Give the length that the header states; ``None`` where there is none.

    Args:
        file: an MP3, at its beginning.
        rate: Hz.
    """
    head = file.read(_ID3.size)
    start = 0
    if len(head) == _ID3.size and head[:3] == b"ID3":
        sizes = _ID3.unpack(head)[1:]
        start = _ID3.size + sum(size << shift for size, shift in zip(sizes, (21, 14, 7, 0), strict=True))
    file.seek(start)
    data = file.read(_LOOKED_AT_BYTES)
    at = max(data.find(b"Xing"), data.find(b"Info"))
    if at < 0 or len(data) < at + _TRIM_OFFSET + 3 or not data[at + 7] & _HAS_FRAMES:
        return None
    frames = int.from_bytes(data[at + 8 : at + 12])
    trim = int.from_bytes(data[at + _TRIM_OFFSET : at + _TRIM_OFFSET + 3])
    samples = frames * (_LONG_FRAME if rate >= 32_000 else _SHORT_FRAME)  # noqa: PLR2004 - as above
    return max(0, samples - (trim >> 12) - (trim & 0xFFF)) / rate
