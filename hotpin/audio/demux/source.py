"""What demuxers read from: bytes as they arrive, no more of them kept than are asked for."""

from collections.abc import Generator
from dataclasses import dataclass

from hotpin.errors import AudioError

MAX_ITEM_BYTES = 2**19
"""Of one header or one group of packets; the largest that browsers make has a few thousand."""

MAX_SKIPPED_BYTES = 2**24
"""Of what is passed over, such as the picture on a record's sleeve."""

MAX_STEPS = 100_000
"""Reads in what has arrived at once, about a tenth of a second of work; a minute of sound needs a tenth of them."""

_FIX = "Start a new recording"


@dataclass(frozen=True, slots=True)
class Track:
    """How the packets that follow are to be decoded."""

    codec: str
    """FFmpeg's name of the decoder."""

    rate: int
    """Hz."""

    channels: int
    """How many there are."""

    extradata: bytes = b""
    """What the decoder must know beforehand."""


Item = Track | bytes | AudioError | None
"""What a demuxer yields: a track, its packets, what it had to leave out, or ``None`` while it waits for more bytes."""

Items = Generator[Item, None, None]


def damaged(container: str, detail: str) -> AudioError:
    """Return what to say of a recording that cannot be read on."""
    return AudioError(f"the {container} recording is damaged: {detail}", _FIX)


class Source:
    """A queue of bytes. Its generators yield ``None`` as long as there are too few."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._steps = 0

    def push(self, data: bytes) -> None:
        """Append what has arrived."""
        self._data += data
        self._steps = 0

    @property
    def waiting(self) -> int:
        """How many bytes have arrived and were not taken yet."""
        return len(self._data)

    def peek(self, size: int) -> Generator[None, None, bytes]:
        """Return the next ``size`` bytes, which stay.

        Raises:
            AudioError: if they are more than ``MAX_ITEM_BYTES``, or there were more than ``MAX_STEPS`` reads.
        """
        if size > MAX_ITEM_BYTES:
            raise AudioError(f"a recording with a part of {size} bytes is damaged", _FIX)
        self._step()
        while len(self._data) < size:
            yield
        return bytes(self._data[:size])

    def take(self, size: int) -> Generator[None, None, bytes]:
        """Return the next ``size`` bytes and remove them.

        Raises:
            AudioError: as ``peek``.
        """
        data = yield from self.peek(size)
        del self._data[:size]
        return data

    def take_some(self, size: int) -> Generator[None, None, bytes]:
        """Return what there is, at least one byte and at most ``size``, and remove it."""
        self._step()
        while not self._data:
            yield
        data = bytes(self._data[:size])
        del self._data[:size]
        return data

    def skip(self, size: int) -> Generator[None, None, None]:
        """Pass over ``size`` bytes without keeping them.

        Raises:
            AudioError: if they are more than ``MAX_SKIPPED_BYTES``.
        """
        if size > MAX_SKIPPED_BYTES:
            raise AudioError(f"a recording that holds {size} bytes besides its sound is damaged", _FIX)
        while size:
            size -= len((yield from self.take_some(size)))

    def find(self, mark: bytes) -> Generator[None, None, None]:
        """Pass over all that stands before ``mark``."""
        self._step()
        while (at := self._data.find(mark)) < 0:
            # Its beginning may have arrived.
            del self._data[: max(0, len(self._data) - len(mark) + 1)]
            yield
        del self._data[:at]

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise AudioError("a recording that consists of too many small parts is damaged", _FIX)
