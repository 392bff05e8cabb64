"""Plays replies that come over a line in pieces, without ever holding up whoever takes them from it."""

import queue
import struct
import threading

import numpy as np

from hotpin.audio.frame import Samples
from hotpin.audio.playback import Playback
from hotpin.audio.resample import Resampler, check_rate
from hotpin.cancel import Generation, Ticket
from hotpin.errors import AudioError, BusyError

MAX_PIECES = 8192
"""Pieces that may wait to be played: over ten minutes of speech."""

_HEAD_BYTES = 44
_RATE_AT = 24
_SAMPLE_BYTES = 2

_Piece = tuple[Ticket, int, "Samples | None"]
"""A reply, its rate in Hz, and samples of it; ``None`` at its end."""


class ReplyPlayer:
    """Brings replies, each a WAV that comes in pieces, to a loudspeaker.

    Args:
        playback: the loudspeaker's.
    """

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._counter = Generation()
        self._count = 0
        self._ticket: Ticket | None = None
        self._head = b""
        self._odd = b""
        self._rate = 0
        self._pieces: queue.Queue[_Piece | None] = queue.Queue(MAX_PIECES)
        self._thread = threading.Thread(target=self._run, name="hotpin-replies", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a reply is heard, or about to be."""
        return self._playback.queued_seconds > 0 or not self.heard

    @property
    def heard(self) -> bool:
        """Whether the last reply has been played to its end, or dropped."""
        ticket = self._ticket
        if ticket is None or ticket.cancelled():
            return True
        progress = self._playback.progress()
        return progress.ticket == ticket and progress.finished

    def push(self, data: bytes) -> None:
        """Take the next bytes of a reply; the first begin with the head of a WAV.

        Raises:
            BusyError: if far more comes than can be played.
            AudioError: if it is no WAV.
        """
        if not self._rate:
            self._head += data
            if len(self._head) < _HEAD_BYTES:
                return
            data = self._begin()
        data = self._odd + data
        whole = len(data) - len(data) % _SAMPLE_BYTES
        self._odd = data[whole:]
        if whole:
            self._put(np.frombuffer(data[:whole], "<i2").astype(np.int16, copy=False))

    def end(self) -> None:
        """The reply is complete; what follows is another one."""
        if self._rate:
            self._put(None)
        self._head = self._odd = b""
        self._rate = 0

    def stop(self) -> None:
        """Fall silent at once."""
        self._counter.advance()
        self._playback.flush()
        self._head = self._odd = b""
        self._rate = 0

    def close(self) -> None:
        """Fall silent, and play nothing any more."""
        self.stop()
        while True:  # whatever waits is stale
            try:
                self._pieces.put_nowait(None)
            except queue.Full:
                self._pieces.get_nowait()
            else:
                break
        self._thread.join(1.0)

    def _begin(self) -> bytes:
        head, rest = self._head[:_HEAD_BYTES], self._head[_HEAD_BYTES:]
        if head[:4] != b"RIFF" or head[36:40] != b"data":
            raise AudioError("what the server sends is no WAV", "Is its version another one?")
        self._rate = struct.unpack_from("<I", head, _RATE_AT)[0]
        check_rate(self._rate)
        self._count += 1
        self._ticket = Ticket("remote", self._count, self._counter.number, self._counter)
        return rest

    def _put(self, samples: Samples | None) -> None:
        if self._ticket is None:
            return
        try:
            self._pieces.put_nowait((self._ticket, self._rate, samples))
        except queue.Full:
            raise BusyError("the server sends more than can be played") from None

    def _run(self) -> None:
        playing: Ticket | None = None
        resampler: Resampler | None = None
        while (piece := self._pieces.get()) is not None:
            ticket, rate, samples = piece
            if ticket.cancelled():
                continue
            if ticket != playing or resampler is None:
                playing, resampler = ticket, Resampler(rate, self._playback.rate)
                self._playback.begin(ticket)
            self._playback.write(ticket, 0, resampler.flush() if samples is None else resampler.push(samples))
            if samples is None:
                self._playback.end(ticket)
