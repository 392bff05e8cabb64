"""Ogg with Opus in it."""

import struct

from hotpin.audio.demux import opus
from hotpin.audio.demux.source import MAX_ITEM_BYTES, Items, Source, damaged
from hotpin.errors import AudioError

MARK = b"OggS"

_PAGE = struct.Struct("<4sBBqIIIB")
_CONTINUED, _FIRST = 0x01, 0x02
FIRST_FLAG_AT = 5
"""Where a page's flags stand."""

_FULL = 255
"""A packet that fills a segment goes on in the next one."""

_HEADER_PACKETS = 2
_COMMENTS = b"OpusTags"


def begins(page: bytes) -> bool:
    """Whether a page is the first of a recording."""
    return page.startswith(MARK) and len(page) > FIRST_FLAG_AT and bool(page[FIRST_FLAG_AT] & _FIRST)


def packets(source: Source) -> Items:
    """Take a recording apart; after damage it goes on at the next page, and a new first page is a new recording.

    Raises:
        AudioError: if it does not begin with Opus.
    """
    serial: int | None = None
    started = b""
    while True:
        head = yield from source.peek(_PAGE.size)
        if not head.startswith(MARK):
            yield damaged("Ogg", "a page does not begin where it should")
            yield from source.find(MARK)
            started = b""
            continue
        _, _, flags, _, page_serial, _, _, segments = _PAGE.unpack((yield from source.take(_PAGE.size)))
        lengths = yield from source.take(segments)
        body = yield from source.take(sum(lengths))
        if flags & _FIRST:
            if body.startswith(opus.MARK):
                serial, started = page_serial, b""
                yield opus.track(body, "Ogg")
            elif serial is None:
                raise AudioError(f"the Ogg recording is not Opus, it begins with {body[:8]!r}", "Record it as Opus")
        elif page_serial == serial:
            if not flags & _CONTINUED:
                started = b""
            whole, started = _packets(lengths, body, started)
            yield from (packet for packet in whole if packet and not packet.startswith(_COMMENTS))


def _packets(lengths: bytes, body: bytes, started: bytes) -> tuple[list[bytes], bytes]:
    """Return the packets that end on a page, and the beginning of one that does not.

    Args:
        lengths: of the page's segments.
        body: the segments.
        started: what the page before has of the first packet.
    """
    whole = []
    at = 0
    for length in lengths:
        # Longer than any sound: comments with a picture, of which the beginning is enough.
        if len(started) < MAX_ITEM_BYTES:
            started += body[at : at + length]
        at += length
        if length < _FULL:
            whole.append(started)
            started = b""
    return whole, started
