"""The loudspeaker of a client at the other end of a socket."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hotpin.audio.frame import Samples
from hotpin.audio.playback import Playback, Progress
from hotpin.cancel import Ticket
from hotpin.clock import SkippingClock


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
