"""Microphone and loudspeaker of a client at the other end of a socket."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hotpin.audio.blocks import Reblocker
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.playback import Playback, Progress
from hotpin.cancel import Ticket
from hotpin.clock import SkippingClock

Mark = Callable[[], None]
"""Called by the listener when it has read everything that came before."""


class SocketMicrophone:
    """Hears what a client sends, at the pace of its arrival or faster.

    Audio may come in bursts: its frames follow each other on a clock that skips ahead where it comes faster than it was
    spoken.

    Args:
        clock: the conversation's; only the listener, who reads the frames, lets it skip.
        max_seconds: s of audio that may wait to be read.
        hears_itself: whether what the client plays may be in what it sends.
    """

    def __init__(self, clock: SkippingClock, max_seconds: float, *, hears_itself: bool = False) -> None:
        self._clock = clock
        self._hears_itself = hears_itself
        self._most = round(max_seconds * CAPTURE_RATE)
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._waiting: deque[Samples | Mark] = deque()
        self._samples = 0
        self._changed = threading.Condition()  # guards the two above and _closed
        self._closed = False
        self._next = 0.0

    @property
    def ended(self) -> bool:
        """It never ends by itself: the next utterance may come at any time."""
        return False

    @property
    def hears_itself(self) -> bool:
        """Whether what the client plays may be in what it sends: then speech does not interrupt a reply."""
        return self._hears_itself

    def hear(self, samples: Samples) -> bool:
        """Take audio, int16 of shape (n,), 16 kHz; return whether there was room for it. Never waits."""
        with self._changed:
            if self._samples + len(samples) > self._most:
                return False
            for block in self._blocks.push(samples):
                self._add(block)
            self._changed.notify()
        return True

    def mark(self, mark: Mark) -> None:
        """Have ``mark`` called once everything that was heard so far has been read."""
        with self._changed:
            rest = self._blocks.flush()
            if len(rest):
                self._add(rest)
            self._waiting.append(mark)
            self._changed.notify()

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, or ``None`` if there is none within ``timeout`` seconds, or a mark comes first."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)
            if self._closed or not self._waiting:
                return None
            item = self._waiting.popleft()
            if not callable(item):
                self._samples -= len(item)
                return self._frame(item)
        item()
        return None

    def close(self) -> None:
        """Stop; the listener, if it waits, is woken."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._samples = 0
            self._changed.notify_all()

    def _add(self, block: Samples) -> None:
        self._waiting.append(block)
        self._samples += len(block)

    def _frame(self, samples: Samples) -> Frame:
        seconds = len(samples) / CAPTURE_RATE
        frame = Frame(samples, CAPTURE_RATE, max(self._next, self._clock.now() - seconds))
        self._next = frame.end
        self._clock.wait_until(frame.end)
        return frame


class Encoder(Protocol):
    """Turns the samples of one reply into what is sent."""

    def push(self, samples: Samples) -> bytes:
        """Take samples, int16 of shape (n,); return what is ready."""
        ...

    def flush(self) -> bytes:
        """Return what is left at the end."""
        ...


class PcmEncoder:
    """Gives samples as they are: 16-bit, little-endian."""

    def push(self, samples: Samples) -> bytes:
        """Return the samples' bytes."""
        return samples.astype("<i2", copy=False).tobytes()

    def flush(self) -> bytes:
        """Nothing is kept back."""
        return b""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of a reply on its way to the client."""

    ticket: Ticket
    data: bytes
    samples: int
    """How many of the voice's samples it holds."""
    last: bool = False
    """Whether the reply is over with it."""
    dropped: bool = False
    """Whether it is over because it was cancelled."""


@dataclass(slots=True)
class _Reply:
    """What is known of the reply that is being given."""

    ticket: Ticket | None = None
    encoder: Encoder = field(default_factory=PcmEncoder)
    held: list[Samples] | None = None
    """What was written while it is held; ``None`` where it is not."""
    written: list[tuple[int, int]] = field(default_factory=list)  # clause and samples of each piece, in order
    shares: dict[int, float] = field(default_factory=dict)
    total: int = 0  # samples written
    ended: bool = True
    delivered: int = 0  # samples that have reached the client
    first: float | None = None  # s, monotonic, when the first of them did
    first_audible: float | None = None  # the same on the conversation's clock
    whole: bool = False  # the client has had the time to hear all of it


class SocketPlayback(Playback):
    """The loudspeaker at the client's: takes everything at once, so that the voice never waits for a client.

    What counts as heard is the smaller of what the client has got and the time since its first piece; where the client
    gets whole files, it is what it has got.

    Args:
        rate: Hz of what it takes.
        clock: the conversation's.
        give: takes the pieces of a reply; called from workers, and must not wait.
        encoder: makes the encoder of each reply.
        paced: whether the client hears the reply as it comes.
    """

    def __init__(
        self,
        rate: int,
        clock: SkippingClock,
        give: Callable[[Sound], None],
        encoder: Callable[[], Encoder] = PcmEncoder,
        *,
        paced: bool = True,
    ) -> None:
        super().__init__(rate)
        self._clock = clock
        self._give = give
        self._encoder = encoder
        self._paced = paced
        self._now = _Reply()
        self._guard = threading.RLock()  # guards _now, and keeps the pieces in order

    # --- what the conversation and the voice use ---

    def begin(self, ticket: Ticket, *, held: bool = False) -> None:
        """Make ready for a new reply; what is left of an older one is dropped."""
        with self._guard:
            self._drop()
            self._now = _Reply(ticket, self._encoder(), [] if held else None, ended=False)

    def release(self, ticket: Ticket) -> None:
        """Give a reply that was held."""
        with self._guard:
            reply = self._now
            if reply.ticket != ticket or reply.held is None:
                return
            held, reply.held = reply.held, None
            for samples in held:
                self._send(samples)
            if reply.ended:
                self._send_end()

    @property
    def queued_seconds(self) -> float:
        """How much audio of the reply is still to be heard, in s."""
        with self._guard:
            return (self._now.total - self._heard()) / self.rate

    def write(self, ticket: Ticket, clause: int, samples: Samples, share: float = 1.0) -> bool:
        """Take audio of ``clause`` without waiting; return whether the reply is still wanted."""
        with self._guard:
            reply = self._now
            if ticket.cancelled() or reply.ticket != ticket or reply.ended:
                return False
            reply.shares[clause] = share
            reply.written.append((clause, len(samples)))
            reply.total += len(samples)
            if reply.held is None:
                self._send(samples)
            else:
                reply.held.append(samples)
            return True

    def end(self, ticket: Ticket) -> None:
        """Tell that nothing more of this reply will be written."""
        with self._guard:
            if self._now.ticket == ticket and not self._now.ended:
                self._now.ended = True
                if self._now.held is None:
                    self._send_end()

    def flush(self) -> None:
        """Drop what is still to come; the reply is over where it is."""
        with self._guard:
            self._drop()

    def pause(self) -> None:
        """Do nothing: the client has what it has, and is told if the reply is over."""

    def resume(self) -> None:
        """Do nothing."""

    def progress(self) -> Progress:
        """Tell how far the reply has been heard."""
        with self._guard:
            reply = self._now
            heard = self._heard()
            finished = reply.ended and reply.held is None and heard >= reply.total
            return Progress(reply.ticket, reply.first_audible, _fractions(reply, heard), reply.ended, finished, ())

    # --- what the socket's side uses ---

    def delivered(self, ticket: Ticket, samples: int) -> None:
        """Note that so many samples of a reply have gone to the client."""
        with self._guard:
            reply = self._now
            if reply.ticket != ticket or not samples:
                return
            if reply.first is None:
                reply.first, reply.first_audible = time.monotonic(), self._clock.now()
            reply.delivered += samples

    def complete(self) -> None:
        """Take a reply that has been given to its end for heard, as its listener goes on to something else."""
        with self._guard:
            self._now.whole = self._now.ended and self._now.held is None

    def _heard(self) -> int:
        reply = self._now
        if reply.whole:
            return reply.total
        if reply.first is None:
            return 0
        if not self._paced:
            return reply.delivered
        return min(reply.delivered, int((time.monotonic() - reply.first) * self.rate))

    def _send(self, samples: Samples) -> None:
        if len(samples) and self._now.ticket is not None:
            self._give(Sound(self._now.ticket, self._now.encoder.push(samples), len(samples)))

    def _send_end(self) -> None:
        if self._now.ticket is not None:
            self._give(Sound(self._now.ticket, self._now.encoder.flush(), 0, last=True))

    def _drop(self) -> None:
        reply = self._now
        if reply.ticket is not None and not reply.ended and reply.held is None:
            self._give(Sound(reply.ticket, b"", 0, last=True, dropped=True))
        reply.ended, reply.held = True, None


def _fractions(reply: _Reply, heard: int) -> dict[int, float]:
    """Give the share of each clause that has been heard."""
    whole: dict[int, int] = {}
    part: dict[int, int] = {}
    for clause, samples in reply.written:
        whole[clause] = whole.get(clause, 0) + samples
        part[clause] = part.get(clause, 0) + min(samples, max(0, heard))
        heard -= samples
    return {clause: part[clause] / max(1, whole[clause]) * reply.shares[clause] for clause in whole}


def pcm_samples(data: bytes) -> Samples:
    """Read raw 16-bit little-endian samples; the bytes must be whole samples."""
    return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
