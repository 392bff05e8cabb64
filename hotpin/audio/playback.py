"""What the loudspeaker plays: a bounded queue, filled by the voice's worker, emptied by the output callback.

The callback only copies, counts and looks at the clock; everybody else learns from ``progress`` what was heard.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from hotpin.audio.frame import Samples
from hotpin.cancel import Ticket
from hotpin.tts.silence import AUDIBLE

CAPACITY_SECONDS = 3.0
"""s of audio that may wait to be played; a voice that is further ahead waits (back-pressure)."""

OVERLAY_SECONDS = 1.0
"""s that a sound laid over what is played may last; what is longer is cut."""

FADE_SECONDS = 0.008
"""s over which a reply fades at a pause, and comes back after it: cut off in the middle of a wave it would click."""

_RECHECK_SECONDS = 0.05
"""s. How long a waiting writer may go on before it notices that its work has become stale."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the current turn's reply has been played."""

    ticket: Ticket | None
    """Whose reply it is; ``None`` before the first."""

    first_audible: float | None
    """s on the speaker's clock when its first audible sample was played."""

    fractions: dict[int, float]
    """Share of each clause that has been played, by the clause's number; the silence behind it is no part of it."""

    written: bool
    """Whether all of it has been synthesised and written."""

    finished: bool
    """Whether all of it has been played, too."""

    gaps: tuple[float, ...]
    """s of each silence in the middle of the reply because the next audio was not there yet."""

    @property
    def gap_seconds(self) -> float:
        """Length of all gaps together, in s."""
        return sum(self.gaps)


@dataclass(slots=True)
class _Reply:
    """What is known of the reply that is being played."""

    ticket: Ticket | None = None
    ended: bool = True
    held: bool = False
    first_audible: float | None = None
    gaps: list[int] = field(default_factory=list)  # samples of each
    silent_samples: int = 0  # since the last audio: a gap once more follows
    written: dict[int, int] = field(default_factory=dict)
    audible: dict[int, int] = field(default_factory=dict)  # the same, up to the last sample that can be heard
    played: dict[int, int] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)  # of each clause, how much has been written

    def fraction(self, clause: int) -> float:
        """Share of a clause that has been played, which is not all as long as more of it is to be written."""
        length = self.audible.get(clause, self.written[clause])
        return min(1.0, self.played.get(clause, 0) / length) * self.shares[clause]


class Playback:
    """The queue between a voice and a loudspeaker of ``rate`` Hz."""

    def __init__(self, rate: int, capacity_seconds: float = CAPACITY_SECONDS) -> None:
        if rate <= 0 or capacity_seconds <= 0:
            raise ValueError(f"rate and capacity must be positive, got {rate} Hz, {capacity_seconds} s")
        self.rate = rate
        self.expected = threading.Event()
        """Set when something is to be played soon. Whoever rests while nothing is wakes up by it, and clears it."""
        self._capacity = int(capacity_seconds * rate)
        self._changed = threading.Condition()  # guards all that follows; held for microseconds only
        self._queue: deque[tuple[int, Samples]] = deque()
        self._waiting = 0
        self._reply = _Reply()
        self._paused = False
        self._fade = int(FADE_SECONDS * rate)
        self._volume = self._fade  # how many samples of a fade are to be played; all of them at full volume
        self._overlay: Samples = np.empty(0, np.int16)

    def begin(self, ticket: Ticket, *, held: bool = False) -> None:
        """Make room for a new reply; what is left of an older one is dropped.

        One that is ``held`` is not played before ``release``; what is written until then never waits for room.
        """
        with self._changed:
            self._clear()
            self._reply = _Reply(ticket, ended=False, held=held)
        self.expected.set()

    def release(self, ticket: Ticket) -> None:
        """Play a reply that was held."""
        with self._changed:
            if self._reply.ticket == ticket:
                self._reply.held = False
                self._changed.notify_all()

    @property
    def queued_seconds(self) -> float:
        """How much audio waits to be played, in s."""
        with self._changed:
            return self._waiting / self.rate

    @property
    def quiet(self) -> bool:
        """Whether nothing waits to be played, and nothing more of a reply is to come."""
        with self._changed:
            return not self._queue and self._reply.ended and not len(self._overlay)

    def write(self, ticket: Ticket, clause: int, samples: Samples, share: float = 1.0) -> bool:
        """Queue audio of ``clause``; wait for room. Return whether it was taken: not if the reply is over or stale.

        ``share`` is how much of the clause has been written with this, 0 to 1, where it comes in several pieces.
        """
        with self._changed:
            while not ticket.cancelled() and self._reply.ticket == ticket and not self._reply.ended:
                # A piece longer than the whole queue is taken when the queue is empty.
                if not self._waiting or self._reply.held or self._waiting + len(samples) <= self._capacity:
                    self._append(clause, samples)
                    self._reply.shares[clause] = share
                    return True
                self._changed.wait(_RECHECK_SECONDS)
            return False

    def end(self, ticket: Ticket) -> None:
        """Tell that nothing more of this reply will be written."""
        with self._changed:
            if self._reply.ticket == ticket:
                self._reply.ended = True
                self._changed.notify_all()

    def flush(self) -> None:
        """Drop what waits; the reply is over where it is."""
        with self._changed:
            self._clear()
            self._reply.ended = True

    def pause(self) -> None:
        """Fade out within ``FADE_SECONDS`` and play silence from then on, dropping nothing."""
        with self._changed:
            if not (self._queue and self._plays and self._reply.played):
                self._volume = 0
            self._paused = True

    def resume(self) -> None:
        """Go on after a pause, fading in what had begun."""
        with self._changed:
            self._paused = False
            if not self._reply.played:
                self._volume = self._fade
            self._changed.notify_all()

    def overlay(self, samples: Samples) -> None:
        """Mix a short sound into whatever is played from now on, or into silence; it belongs to no reply.

        It is played in a pause, too, and to its end when a reply is dropped. Several at once are added up.

        Args:
            samples: int16, shape (n,), at the playback's rate, of which ``OVERLAY_SECONDS`` are taken.
        """
        taken = samples[: int(OVERLAY_SECONDS * self.rate)]
        with self._changed:
            mixed = np.zeros(max(len(taken), len(self._overlay)), np.int16)
            mixed[: len(self._overlay)] = self._overlay
            _mix(mixed, taken)
            self._overlay = mixed
            self._changed.notify_all()
        self.expected.set()

    def progress(self) -> Progress:
        """Tell how far the current reply has been played."""
        with self._changed:
            reply = self._reply
            return Progress(
                reply.ticket,
                reply.first_audible,
                {clause: reply.fraction(clause) for clause in reply.written},
                reply.ended,
                reply.ended and not self._queue and not reply.held,
                tuple(samples / self.rate for samples in reply.gaps),
            )

    def read_into(self, out: Samples, now: float) -> int:
        """Fill ``out``, shape (n,), with what is to be played at ``now``; silence where there is nothing.

        Called from the output callback. Return how many of the samples, from the first, hold sound: the reply's, or
        one laid over it.
        """
        with self._changed:
            filled = 0
            wanted = min(len(out), self._volume) if self._paused else len(out)
            while self._queue and filled < wanted and not self._reply.held:
                filled += self._take(out[filled:wanted], now + filled / self.rate)
            self._fade_in_or_out(out[:filled])
            out[filled:] = 0
            if filled:
                self._changed.notify_all()
            if self._reply.played and not self._reply.ended and not self._paused:
                self._reply.silent_samples += len(out) - filled
            return max(filled, self._take_overlay(out))

    def wait(self, timeout: float) -> bool:
        """Wait until there is something to play; return whether there is."""
        with self._changed:
            return self._changed.wait_for(
                lambda: len(self._overlay) > 0 or (bool(self._queue) and self._plays), timeout
            )

    def wait_finished(self) -> None:
        """Wait until the current reply has been played to its end."""
        with self._changed:
            while self._queue or not self._reply.ended:
                self._changed.wait(_RECHECK_SECONDS)

    @property
    def _plays(self) -> bool:
        return not self._paused and not self._reply.held

    def _append(self, clause: int, samples: Samples) -> None:
        if len(samples):
            self._queue.append((clause, samples))
            self._waiting += len(samples)
            written = self._reply.written
            before = written.get(clause, 0)
            written[clause] = before + len(samples)
            audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
            if len(audible):
                self._reply.audible[clause] = before + int(audible[-1]) + 1
            self._changed.notify_all()

    def _take(self, out: Samples, now: float) -> int:
        clause, samples = self._queue.popleft()
        count = min(len(out), len(samples))
        out[:count] = samples[:count]
        if count < len(samples):
            self._queue.appendleft((clause, samples[count:]))
        self._waiting -= count
        reply = self._reply
        reply.played[clause] = reply.played.get(clause, 0) + count
        if reply.silent_samples:
            reply.gaps.append(reply.silent_samples)
            reply.silent_samples = 0
        if reply.first_audible is None:
            audible = np.flatnonzero(np.abs(out[:count].astype(np.int32)) > AUDIBLE)
            if len(audible):
                reply.first_audible = now + int(audible[0]) / self.rate
        return count

    def _fade_in_or_out(self, out: Samples) -> None:
        if not self._paused and self._volume == self._fade:
            return
        steps = self._volume + (-1 if self._paused else 1) * np.arange(1, len(out) + 1)
        out[:] = out * (np.clip(steps, 0, self._fade) / self._fade)
        if self._paused:  # where nothing is left to fade, what is written in the pause must wait for its end
            self._volume = max(0, self._volume - len(out)) if len(out) else 0
        else:
            self._volume = min(self._fade, self._volume + len(out))

    def _take_overlay(self, out: Samples) -> int:
        count = min(len(out), len(self._overlay))
        if count:
            _mix(out, self._overlay[:count])
            self._overlay = self._overlay[count:]
        return count

    def _clear(self) -> None:
        self._queue.clear()
        self._waiting = 0
        self._paused = False
        self._volume = self._fade
        self._changed.notify_all()


def _mix(into: Samples, samples: Samples) -> None:
    """Add ``samples`` to the beginning of ``into``, which is at least as long; what is too loud is clipped."""
    begin = into[: len(samples)]
    full = np.iinfo(np.int16)
    begin[:] = np.clip(begin.astype(np.int32) + samples, full.min, full.max)
