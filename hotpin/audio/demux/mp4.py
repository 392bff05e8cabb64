"""Fragmented MP4, as Safari's MediaRecorder streams it: AAC or Opus."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hotpin.audio.demux import opus
from hotpin.audio.demux.source import Items, Source, Track, damaged
from hotpin.errors import AudioError

MARK = b"ftyp"
MARK_AT = 4
"""Bytes before the mark: the length of its box."""

_BOX = struct.Struct(">I4s")
_LONG_SIZE = struct.Struct(">Q")
_MAX_SAMPLES = 5_000
"""In one fragment: 100 s of AAC; a count costs four bytes, what is counted may cost none."""

_FULL_BOX_BYTES = 4
"""Version and flags, which many boxes begin with."""

_SAMPLE_ENTRY_BYTES = 28
_QUICKTIME_BYTES = 16
"""More of them in a sample entry of version 1."""

_AAC_TYPES = frozenset({0x40, 0x66, 0x67, 0x68})
_HAS_OFFSET, _HAS_FIRST_FLAGS, _HAS_DURATIONS, _HAS_SIZES, _HAS_FLAGS, _HAS_TIMES = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800
_FRAGMENT_FIELDS = ((0x1, 8), (0x2, 4), (0x8, 4))
"""Flags and bytes of what may stand before the default size of a fragment's samples."""

_HAS_DEFAULT_SIZE = 0x10
_CODECS = frozenset({b"mp4a", b"Opus"})


@dataclass(frozen=True, slots=True)
class _Sound:
    """The track of a file that holds its sound."""

    number: int
    track: Track
    sample_bytes: int
    """Of each sample, where a fragment does not say."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Samples that stand behind each other in a fragment."""

    offset: int | None
    """From the beginning of the ``moof`` box; ``None``: behind the span before."""

    sizes: list[int]


def packets(source: Source) -> Items:
    """Take a recording apart. The boxes' lengths are all that leads through it: nothing can be had after damage.

    Raises:
        AudioError: if it is damaged, not fragmented, or has no sound that can be decoded.
    """
    sound: _Sound | None = None
    spans: list[_Span] = []
    fragment_bytes = 0
    while True:
        size, name = _BOX.unpack((yield from source.take(_BOX.size)))
        head_bytes = _BOX.size
        if size == 1:
            (size,) = _LONG_SIZE.unpack((yield from source.take(_LONG_SIZE.size)))
            head_bytes += _LONG_SIZE.size
        body_bytes = size - head_bytes
        if body_bytes < 0 or not name.isascii():
            raise damaged("MP4", f"no box can be {size} bytes long")
        if name == b"moov":
            sound = _sound((yield from source.take(body_bytes)))
            yield sound.track
        elif name == b"moof" and sound is not None:
            spans, fragment_bytes = _spans((yield from source.take(body_bytes)), sound), size
        elif name == b"mdat" and sound is not None:
            yield from _samples(source, spans, fragment_bytes + head_bytes, body_bytes)
            spans = []
        elif name == b"mdat":
            raise AudioError("an MP4 file that is not fragmented cannot be streamed", "Record it as MediaRecorder does")
        else:
            yield from source.skip(body_bytes)


def _samples(source: Source, spans: list[_Span], start: int, size: int) -> Items:
    """Take the sound out of an ``mdat`` box of ``size`` bytes whose content begins at ``start``."""
    at, end = start, start + size
    for span in spans:
        if span.offset is not None:
            if not at <= span.offset <= end:
                raise damaged("MP4", f"its sound is said to be at {span.offset}, outside its fragment")
            yield from source.skip(span.offset - at)
            at = span.offset
        for length in span.sizes:
            at += length
            if at > end or not length:
                raise damaged("MP4", f"a sample of {length} bytes does not fit its fragment")
            yield (yield from source.take(length))
    yield from source.skip(end - at)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give names and contents of the boxes that stand in ``data``."""
    at = 0
    while at + _BOX.size <= len(data):
        size, name = _BOX.unpack_from(data, at)
        if size < _BOX.size or at + size > len(data):
            raise damaged("MP4", f"a box of {size} bytes does not fit into its own")
        yield name, data[at + _BOX.size : at + size]
        at += size


def _inside(data: bytes, *path: bytes) -> bytes:
    """Return the content of the first box at ``path``; nothing if there is none."""
    for wanted in path:
        data = next((body for name, body in _boxes(data) if name == wanted), b"")
    return data


def _sound(movie: bytes) -> _Sound:
    found = []
    for name, body in _boxes(movie):
        if name != b"trak":
            continue
        described = _inside(body, b"mdia", b"minf", b"stbl", b"stsd")[8:]
        for codec, entry in _boxes(described):
            if codec in _CODECS:
                number = _track_number(_inside(body, b"tkhd"))
                return _Sound(number, _track(codec, entry), _default_size(movie, number))
            found.append(ascii(codec.decode("latin-1")))
    raise AudioError(
        f"the MP4 recording has no AAC or Opus track, it has {', '.join(found) or 'nothing'}", "Record AAC"
    )


def _track_number(header: bytes) -> int:
    at = _FULL_BOX_BYTES + (16 if header[:1] == b"\1" else 8)
    return int.from_bytes(header[at : at + 4])


def _default_size(movie: bytes, number: int) -> int:
    for name, body in _boxes(_inside(movie, b"mvex")):
        if name == b"trex" and int.from_bytes(body[4:8]) == number:
            return int.from_bytes(body[16:20])
    return 0


def _track(codec: bytes, entry: bytes) -> Track:
    if len(entry) < _SAMPLE_ENTRY_BYTES:
        raise damaged("MP4", "the description of its sound is incomplete")
    boxes = entry[_SAMPLE_ENTRY_BYTES + (_QUICKTIME_BYTES if entry[9] == 1 else 0) :]
    if codec == b"Opus":
        return opus.track(opus.head_from_mp4(_inside(boxes, b"dOps")), "MP4")
    kind, config = _aac_config(_inside(boxes, b"esds")[_FULL_BOX_BYTES:])
    if kind not in _AAC_TYPES or not config:
        raise AudioError(f"the MP4 recording is not AAC, its sound is of type {kind:#04x}", "Record AAC")
    return Track("aac", int.from_bytes(entry[24:26]), int.from_bytes(entry[16:18]), config)


def _aac_config(data: bytes) -> tuple[int, bytes]:
    """Return the type of the sound and what its decoder must know, out of descriptors that stand in each other."""
    kind, at = 0, 0
    inside = {3: 3, 4: 13}
    while at < len(data):
        tag, at = data[at], at + 1
        size = 0
        for byte in data[at : at + 4]:
            at += 1
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == 5:  # noqa: PLR2004 - the decoder's own
            return kind, data[at : at + size]
        if tag not in inside:
            break
        if tag == 4 and at < len(data):  # noqa: PLR2004 - the decoder's configuration
            kind = data[at]
        at += inside[tag]
    return kind, b""


def _spans(fragment: bytes, sound: _Sound) -> list[_Span]:
    """Return where the sound stands that a ``moof`` box tells of."""
    spans = []
    left = _MAX_SAMPLES
    for name, body in _boxes(fragment):
        header = _inside(body, b"tfhd") if name == b"traf" else b""
        if int.from_bytes(header[4:8]) != sound.number:
            continue
        size = _fragment_size(header, sound.sample_bytes)
        for inner, run in _boxes(body):
            if inner == b"trun":
                spans.append(_run(run, size, left))
                left -= len(spans[-1].sizes)
    return spans


def _fragment_size(header: bytes, default: int) -> int:
    flags = int.from_bytes(header[1:4])
    if not flags & _HAS_DEFAULT_SIZE:
        return default
    at = 8 + sum(size for flag, size in _FRAGMENT_FIELDS if flags & flag)
    return int.from_bytes(header[at : at + 4])


def _run(run: bytes, default: int, most: int) -> _Span:
    flags, count = int.from_bytes(run[1:4]), int.from_bytes(run[4:8])
    if count > most:
        raise damaged("MP4", f"a fragment claims {count} samples")
    at, offset = 8, None
    if flags & _HAS_OFFSET:
        offset = int.from_bytes(run[at : at + 4], signed=True)
        at += 4
    at += 4 * bool(flags & _HAS_FIRST_FLAGS)
    if not flags & _HAS_SIZES:
        return _Span(offset, [default] * count)
    step = 4 * sum(bool(flags & flag) for flag in (_HAS_DURATIONS, _HAS_SIZES, _HAS_FLAGS, _HAS_TIMES))
    at += 4 * bool(flags & _HAS_DURATIONS)
    return _Span(offset, [int.from_bytes(run[start : start + 4]) for start in range(at, at + step * count, step)])
