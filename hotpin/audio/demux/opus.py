"""The header of Opus, which several containers carry."""

import struct

from hotpin.audio.demux.source import Track, damaged

RATE = 48_000
"""Hz. Opus always decodes to it, whatever was recorded."""

MARK = b"OpusHead"

_HEAD = struct.Struct("<8sBBHIhB")


def track(head: bytes, container: str) -> Track:
    """Read an ``OpusHead``.

    Raises:
        AudioError: if it is none.
    """
    if len(head) < _HEAD.size or not head.startswith(MARK):
        raise damaged(container, "its Opus header is incomplete")
    return Track("libopus", RATE, head[9], head)


def head_from_mp4(box: bytes) -> bytes:
    """Return the ``OpusHead`` for what an MP4's ``dOps`` box holds: the same numbers, big-endian, under version 0."""
    head = struct.Struct(">xBHIhB")
    if len(box) < head.size:
        raise damaged("MP4", "its Opus header is incomplete")
    channels, pre_skip, rate, gain, family = head.unpack_from(box)
    return _HEAD.pack(MARK, 1, channels, pre_skip, rate, gain, family) + box[head.size :]
