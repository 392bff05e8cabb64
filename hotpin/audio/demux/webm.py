"""WebM and Matroska, as MediaRecorder streams them.

Every element's id is unique whatever it stands in, so those that hold others are simply entered: their lengths, which a
recorder does not know while it records, do not matter, and there is no nesting to bound.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from hotpin.audio.demux import opus
from hotpin.audio.demux.source import Items, Source, Track, damaged
from hotpin.errors import AudioError

MARK = b"\x1a\x45\xdf\xa3"

_HEADER, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_TRACKS, _TRACK, _AUDIO, _BLOCK_GROUP = 0x1654AE6B, 0xAE, 0xE1, 0xA0
_ENTERED = frozenset({_SEGMENT, _CLUSTER, _TRACKS, _AUDIO, _BLOCK_GROUP})
_NUMBER, _CODEC, _PRIVATE, _ENCODINGS = 0xD7, 0x86, 0x63A2, 0x6D80
_KEPT = frozenset({_NUMBER, _CODEC, _PRIVATE, _ENCODINGS})
_SIMPLE_BLOCK, _BLOCK = 0xA3, 0xA1
_CLUSTER_MARK = _CLUSTER.to_bytes(4)
_MAX_TRACKS = 16
_MAX_ID_BYTES, _MAX_SIZE_BYTES = 4, 8
_KINDS = (b"webm", b"matroska")
_HEADER_WITHIN = 64
_LACING = 0x06
_AFTER_NUMBER_BYTES = 3
"""Of a block: its time and its flags, behind the number of its track."""


@dataclass(slots=True)
class _Entry:
    number: int = 0
    codec: bytes = b""
    private: bytes = b""
    encoded: bool = False


def begins(data: bytes) -> bool:
    """Whether a recording begins here; that needs its first 64 bytes."""
    return data.startswith(MARK) and any(kind in data[:_HEADER_WITHIN] for kind in _KINDS)


def packets(source: Source) -> Items:
    """Take a recording apart; after damage it goes on at the next cluster.

    Raises:
        AudioError: if there is no Opus track that can be decoded.
    """
    entries: list[_Entry] = []
    chosen: _Entry | None = None
    while True:
        try:
            name, size = yield from _element(source)
            if name == _HEADER:
                entries, chosen = [], None
                yield from source.skip(_known(size))
            elif name == _TRACK:
                _add(entries)
            elif name == _CLUSTER and chosen is None:
                chosen, track = _choose(entries)
                yield track
            elif name in _ENTERED:
                continue
            elif name in _KEPT and entries and chosen is None:
                _note(entries[-1], name, (yield from source.take(_known(size))))
            elif name in {_SIMPLE_BLOCK, _BLOCK} and chosen is not None:
                yield from _packets((yield from source.take(_known(size))), chosen.number)
            else:
                yield from source.skip(_known(size))
        except AudioError as error:
            if chosen is None:
                raise
            yield error
            yield from source.find(_CLUSTER_MARK)


def _element(source: Source) -> Generator[None, None, tuple[int, int | None]]:
    """Read an element's id and its length, ``None`` where the recorder did not know it."""
    first = (yield from source.peek(1))[0]
    name = yield from source.take(_coded_length(first, _MAX_ID_BYTES))
    first = (yield from source.peek(1))[0]
    coded = yield from source.take(_coded_length(first, _MAX_SIZE_BYTES))
    bits = 7 * len(coded)
    size = int.from_bytes(coded) & (1 << bits) - 1
    return int.from_bytes(name), None if size == (1 << bits) - 1 else size


def _coded_length(first: int, most: int) -> int:
    """Return the length of a number: one more than there are zeros before its first bit."""
    length = 9 - first.bit_length()
    if length > most:
        raise damaged("WebM", f"no element begins with the byte {first:#04x}")
    return length


def _known(size: int | None) -> int:
    if size is None:
        raise damaged("WebM", "an element that must say its length does not")
    return size


def _add(entries: list[_Entry]) -> None:
    if len(entries) == _MAX_TRACKS:
        raise damaged("WebM", f"it has more than {_MAX_TRACKS} tracks")
    entries.append(_Entry())


def _note(entry: _Entry, name: int, value: bytes) -> None:
    if name == _NUMBER:
        entry.number = int.from_bytes(value[:_MAX_SIZE_BYTES])
    elif name == _CODEC:
        entry.codec = value
    elif name == _PRIVATE:
        entry.private = value
    else:
        entry.encoded = True


def _choose(entries: list[_Entry]) -> tuple[_Entry, Track]:
    for entry in entries:
        if entry.codec == b"A_OPUS" and not entry.encoded:
            return entry, opus.track(entry.private, "WebM")
    found = ", ".join(ascii(entry.codec[:32].decode("latin-1")) for entry in entries) or "nothing"
    raise AudioError(f"the WebM recording has no plain Opus track, it has {found}", "Record audio/webm;codecs=opus")


def _packets(block: bytes, wanted: int) -> Iterator[bytes]:
    """Give the packet of a block, unless it belongs to another track."""
    if not block:
        raise damaged("WebM", "it has an empty block")
    length = _coded_length(block[0], _MAX_SIZE_BYTES)
    number = int.from_bytes(block[:length]) & (1 << 7 * length) - 1
    if number != wanted:
        return
    start = length + _AFTER_NUMBER_BYTES
    if len(block) <= start:
        raise damaged("WebM", "it has an empty block")
    if block[start - 1] & _LACING:
        raise AudioError("a WebM recording with laced blocks cannot be streamed", "Record it without lacing")
    yield block[start:]
