"""Says one reply: clauses → tts → speaker, on the voice's worker."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

from hotpin.audio.frame import Frame
from hotpin.audio.resample import Resampler
from hotpin.cancel import Ticket
from hotpin.clauses import Clause
from hotpin.surroundings import Surroundings
from hotpin.timing import Stopwatch
from hotpin.tts.pacing import PHRASE_TAIL_SECONDS, QUICK_SECONDS
from hotpin.tts.silence import trim

LONGEST_BREAK_SECONDS = 1.0
"""s that the model rests at most for a slow voice, before its next token."""

QUICK_MODEL_SECONDS = 0.5
"""s for its first clause up to which a model can wait with the next one until the voice has made the last."""

CLAUSES_IN_STOCK = 2
"""Clauses that a slow voice has to make, the present one too, from which a slower model need not hurry."""

_RECHECK_SECONDS = 0.05
"""s between looks at whether the work is still wanted."""


class ReplyVoice:
    """The voice of one reply.

    Args:
        ticket: the turn.
        around: what it shares with the others.
        stopwatch: takes the moment of the first audio.
        failed: told if the voice fails; the rest of the reply is then passed over.
    """

    def __init__(
        self, ticket: Ticket, around: Surroundings, stopwatch: Stopwatch, failed: Callable[[Exception], None]
    ) -> None:
        self._ticket = ticket
        self._around = around
        self._stopwatch = stopwatch
        self._failed = failed
        self._silent = False
        self._plays_until = 0.0
        self._lock = threading.Lock()  # guards _waiting
        self._waiting = 0  # clauses that were given and are not yet made
        self._rests = threading.Event()  # set while it has nothing to make, or waits for room
        self._rests.set()

    def say(self, clause: Clause, *, wait: bool, ahead: Callable[[], bool]) -> None:
        """Queue a clause; the reply's last one ends the playback behind it."""
        with self._lock:
            self._waiting += 1
        self._rests.clear()
        self._around.engines.tts_worker.submit(self._ticket, partial(self._speak, clause), wait=wait, ahead=ahead)

    def begin(self) -> None:
        """Tell that what was held is played from now on."""
        self._plays_until = monotonic() + self._around.playback.queued_seconds

    def let_work(self, clause: Clause, seconds: float) -> None:
        """On the model's thread: while the voice makes what is waited for, do not compete with it for the cores.

        That is the first sound, which comes 0.03 s sooner so even with hibari, and all that a slow voice says.

        Args:
            clause: the reply's first, which tells how slow the voice is.
            seconds: how long the model took for it.
        """
        engines = self._around.engines
        if self._sounds and engines.pace.cost(len(clause.text)) <= QUICK_SECONDS:
            return
        deadline = monotonic() + LONGEST_BREAK_SECONDS
        enough = CLAUSES_IN_STOCK if seconds > QUICK_MODEL_SECONDS else 1
        while self._has(enough) and not self._ticket.cancelled() and monotonic() < deadline:
            if self._rests.wait(_RECHECK_SECONDS) or engines.llm_worker.others_wait(self._ticket.conversation):
                return

    def _has(self, enough: int) -> bool:
        """Whether it has so many clauses to make; for the first sound, one is enough."""
        return self._waiting >= (enough if self._sounds else 1)

    @property
    def _sounds(self) -> bool:
        return self._stopwatch.timing.tts_first_audio is not None

    # --- on the voice's worker ---

    def _speak(self, clause: Clause) -> None:
        try:
            if not self._silent:
                self._synthesise(clause)
        except Exception as error:
            self._silent = True
            self._failed(error)
        finally:
            with self._lock:
                self._waiting -= 1
            self._rests.set()
        if clause.last:
            self._around.playback.end(self._ticket)

    def _synthesise(self, clause: Clause) -> None:
        playback = self._around.playback
        self._rests.clear()
        # Text that is empty is the last clause's way to say that nothing follows.
        for piece in self._around.engines.pace.pieces(clause.text, self._lead):
            resampler: Resampler | None = None  # one for all frames: a voice may be cut in the middle of a sound
            pauses = piece.pauses and not (piece.share == 1.0 and clause.goes_on)
            for frame in self._frames(piece.text, pauses=pauses):
                self._stopwatch.mark("tts_first_audio", self._around.clock.now())
                self._rests.set()
                resampler = resampler or Resampler(frame.rate, playback.rate)
                if not playback.write(self._ticket, clause.seq, resampler.push(frame.samples), piece.share):
                    return
                self._plays_until = max(self._plays_until, monotonic()) + frame.seconds
                self._rests.clear()
            if resampler is not None and not playback.write(self._ticket, clause.seq, resampler.flush(), piece.share):
                return

    def _lead(self) -> float:
        """Tell how many seconds of the reply are still to be played, also where it goes to a file, which takes none."""
        return max(self._around.playback.queued_seconds, self._plays_until - monotonic())

    def _frames(self, text: str, *, pauses: bool) -> Iterator[Frame]:
        engines, cancelled = self._around.engines, self._ticket.cancelled
        frames = engines.tts.speak(text, self._around.options.voice, cancelled)
        for frame in engines.pace.timed(text, frames, cancelled):
            if pauses:
                yield frame
            else:
                yield Frame(trim(frame.samples, frame.rate, PHRASE_TAIL_SECONDS), frame.rate)
