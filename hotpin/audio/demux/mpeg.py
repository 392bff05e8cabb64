"""MP3: frames one after another, without a container."""

from dataclasses import dataclass

from hotpin.audio.demux.source import Items, Source, Track, damaged

TAG = b"ID3"
SYNC_BYTES = 4

_TAG_BYTES = 10
_RATES = (44_100, 48_000, 32_000)
_KBITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_3 = 1
_MONO = 3
_COUNTERS = (b"Xing", b"Info")
_COUNTER_WITHIN = 48
"""Bytes: a frame that counts the others holds no sound; its mark stands near its beginning."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the four bytes before each frame say."""

    rate: int
    """Hz."""

    channels: int
    """1 or 2."""

    size: int
    """Bytes of the whole frame."""


def head(data: bytes) -> Head | None:
    """Read the four bytes that a frame begins with; ``None`` if they are none."""
    bits = int.from_bytes(data[:SYNC_BYTES])
    version, layer, bit_rate, rate = bits >> 19 & 3, bits >> 17 & 3, bits >> 12 & 15, bits >> 10 & 3
    if bits >> 21 != 0x7FF or layer != _LAYER_3 or version == 1 or bit_rate in {0, 15} or rate == 3:  # noqa: PLR2004
        return None
    first = version == 3  # noqa: PLR2004 - MPEG 1; 2 and 0 are MPEG 2 and 2.5
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    kbits = (_KBITS_1 if first else _KBITS_2)[bit_rate - 1]
    size = (144_000 if first else 72_000) * kbits // hertz + (bits >> 9 & 1)
    return Head(hertz, 1 if bits >> 6 & 3 == _MONO else 2, size)


def packets(source: Source) -> Items:
    """Take a stream apart; after damage it goes on at the next frame, and a tag is passed over wherever it stands."""
    known: tuple[int, int] | None = None
    lost = False
    while True:
        data = yield from source.peek(SYNC_BYTES)
        found = head(data)
        if found is None and data.startswith(TAG):
            tag = yield from source.take(_TAG_BYTES)
            yield from source.skip(_tag_size(tag[6:]))
        elif found is None:
            if not lost and not data.startswith(b"TAG"):
                yield damaged("MP3", "a frame does not begin where it should")
            lost = True
            yield from source.skip(1)
            yield from source.find(b"\xff")
        else:
            lost = False
            if known != (found.rate, found.channels):
                known = (found.rate, found.channels)
                yield Track("mp3float", *known)
            packet = yield from source.take(found.size)
            if not any(mark in packet[:_COUNTER_WITHIN] for mark in _COUNTERS):
                yield packet


def _tag_size(coded: bytes) -> int:
    """Return a tag's length: seven bits of each byte, so that it never looks like the beginning of a frame."""
    size = 0
    for byte in coded:
        size = size << 7 | byte & 0x7F
    return size
