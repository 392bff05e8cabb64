"""WAV, with or without a true length."""

import struct

from hotpin.audio.demux.source import MAX_ITEM_BYTES, Items, Source, Track, damaged
from hotpin.errors import AudioError

MARK, KIND = b"RIFF", b"WAVE"
KIND_AT = 8

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_EXTENSIBLE = 0xFFFE
_SUBFORMAT_AT = 24
_UNKNOWN_SIZES = (0, 2**32 - 1)
_LEAST_MOMENTS, _MOST_MOMENTS = 160, 4_096

_CODECS = {
    (1, 8): "pcm_u8",
    (1, 16): "pcm_s16le",
    (1, 24): "pcm_s24le",
    (1, 32): "pcm_s32le",
    (3, 32): "pcm_f32le",
    (3, 64): "pcm_f64le",
    (6, 8): "pcm_alaw",
    (7, 8): "pcm_mulaw",
}
"""By the code of a format and the bits of a sample."""


def packets(source: Source) -> Items:
    """Take a recording apart; what follows its samples is passed over, up to another WAV.

    Raises:
        AudioError: if it is damaged or of a format that is not supported.
    """
    while True:
        yield from source.take(KIND_AT + len(KIND))
        layout = b""
        while True:
            name, size = _CHUNK.unpack((yield from source.take(_CHUNK.size)))
            if name == b"data":
                break
            body = yield from source.take(min(size + size % 2, MAX_ITEM_BYTES))
            yield from source.skip(size + size % 2 - len(body))
            layout = body if name == b"fmt " else layout
        track, moment_bytes = _track(layout)
        yield track
        left = 2**62 if size in _UNKNOWN_SIZES else size - size % moment_bytes
        while left:
            # Whatever has arrived of it, in whole moments, but not one by one.
            first = yield from source.take(min(left, _LEAST_MOMENTS * moment_bytes))
            more = min(source.waiting, left - len(first), _MOST_MOMENTS * moment_bytes)
            data = first + (yield from source.take(more - more % moment_bytes))
            left -= len(data)
            yield data
        yield from source.find(MARK)


def _track(layout: bytes) -> tuple[Track, int]:
    """Return the track, and the bytes of one moment in all channels."""
    if len(layout) < _FORMAT.size:
        raise damaged("WAV", "it does not say its format")
    code, channels, rate, _, _, bits = _FORMAT.unpack_from(layout)
    if code == _EXTENSIBLE:
        code = int.from_bytes(layout[_SUBFORMAT_AT : _SUBFORMAT_AT + 2], "little")
    codec = _CODECS.get((code, bits))
    if codec is None:
        raise AudioError(f"a WAV of format {code} with {bits} bits a sample cannot be streamed", "Use 16-bit PCM")
    if not channels:
        raise damaged("WAV", "it has no channels")
    return Track(codec, rate, channels), channels * bits // 8
