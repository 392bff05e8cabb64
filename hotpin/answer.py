"""One turn on its way through the workers: stt → llm → clauses → tts → speaker.

Each stage runs on its engine's worker and hands over to the next without a detour; the listener only starts the first
and watches the last. Every step asks the turn's ticket whether it is still wanted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import monotonic

import numpy as np

from hotpin.audio.frame import Frame
from hotpin.audio.playback import Playback, Progress
from hotpin.audio.resample import Resampler
from hotpin.cancel import Ticket
from hotpin.clauses import Clause, ClauseSplitter, heard_part
from hotpin.clock import Clock
from hotpin.engines import Engines
from hotpin.errors import BusyError
from hotpin.events import Event, Failed, Heard, Partial, ReplyText, ReplyWritten
from hotpin.history import History
from hotpin.llm.base import ReplyOptions
from hotpin.sessions.keeper import Keeper, KeptTurn
from hotpin.stt.base import SttStream
from hotpin.timing import Stopwatch
from hotpin.tts.pacing import PHRASE_TAIL_SECONDS, Piece
from hotpin.tts.silence import trim

FEED_SECONDS = 0.2
"""s of audio handed to the recogniser at a time while the person speaks: how often partial words can change."""

KEPT_SECONDS = 120.0
"""s of audio kept in case the turn is taken back; what is longer comes from held keys and files, which are final."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the turns of one conversation share."""

    engines: Engines
    playback: Playback
    history: History
    publish: Callable[[Event], None]
    clock: Clock
    reply_options: ReplyOptions
    voice: str
    keeper: Keeper
    understood: Callable[[Ticket, str], None]
    """Told of the words so far, while the person speaks."""


class Answer:
    """One turn's work. Its methods are called by the listener; what runs on workers begins with an underscore."""

    def __init__(self, ticket: Ticket, around: Surroundings) -> None:
        self.ticket = ticket
        self.stopwatch = Stopwatch()
        self.heard = ""
        self.started = False
        """Whether its first sound has been noticed."""
        self.failed = False
        """Whether a failure of it has been told: one a turn is enough."""
        self.kept = KeptTurn()
        """What the session store knows of it."""
        self._partial = ""
        self._around = around
        self._stream: SttStream | None = None
        self._unfed: list[Frame] = []
        self._unfed_seconds = 0.0
        self._kept: list[Frame] | None = []
        self._clauses: list[Clause] = []
        self._plays_until = 0.0
        self._deaf = False
        """Whether the recogniser has failed: half a question is not answered."""
        self._voiceless = False
        """Whether the voice has failed: the rest of the reply is only written."""

    @property
    def reply(self) -> str:
        """The reply as far as its clauses are written, without what the model thought aloud."""
        return "".join(clause.source for clause in self._clauses).strip()

    # --- on the listener ---

    def hear(self, frame: Frame) -> None:
        """Take audio of the utterance; waits only if the recogniser is half a minute behind."""
        self._keep(frame)
        self._unfed.append(frame)
        self._unfed_seconds += frame.seconds
        if self._unfed_seconds >= FEED_SECONDS - frame.seconds / 2:
            job = partial(self._feed, self._take_unfed())
            self._around.engines.stt_worker.submit(self.ticket, job, wait=True)

    def finish(self) -> None:
        """Understand what was heard and answer it; waits while the recogniser is half a minute behind."""
        self._around.playback.begin(self.ticket)
        job = partial(self._understand, self._take_unfed())
        self._around.engines.stt_worker.submit(self.ticket, job, wait=True)

    def answer(self, text: str) -> None:
        """Answer a typed message."""
        self.heard = text
        self._around.playback.begin(self.ticket)
        self._around.publish(Heard(self.ticket.conversation, self.ticket.turn, text))
        self._submit_writing()

    def again(self, ticket: Ticket, later: list[Frame]) -> "Answer":
        """Begin the same utterance anew under another ticket, with what was heard since."""
        other = Answer(ticket, self._around)
        kept = self._kept or []
        end = kept[-1].end if kept else float("-inf")
        for frame in [*kept, *(frame for frame in later if frame.start >= end - frame.seconds / 2)]:
            other.hear(frame)
        return other

    def spoken(self, progress: Progress) -> str:
        """Return the part of the reply that has been heard, as it was written."""
        parts = []
        for clause in self._clauses:
            fraction = progress.fractions.get(clause.seq, 0.0)
            parts.append(heard_part(clause.source, fraction))
            if fraction < 1.0:
                break
        return "".join(parts).strip()

    # --- on the workers ---

    def _feed(self, frames: list[Frame]) -> None:
        if self._deaf:
            return
        try:
            self._stream = self._stream or self._around.engines.stt.stream()
            for frame in frames:
                self._stream.feed(frame)
            partial = self._stream.partial()
        except Exception as error:
            self._deaf = True
            self._tell("stt", error)
            return
        if partial is not None and partial.text != self._partial and not self.ticket.cancelled():
            self._partial = partial.text
            self._around.understood(self.ticket, partial.text)
            self._around.publish(Partial(self.ticket.conversation, self.ticket.turn, partial.text))

    def _understand(self, frames: list[Frame]) -> None:
        self._feed(frames)
        if self._deaf:
            self._around.playback.end(self.ticket)
        if self._deaf or self._stream is None or self.ticket.cancelled():
            return
        try:
            transcript = self._stream.finish(self.ticket.cancelled)
        except Exception as error:
            self._fail("stt", error)
            return
        if self.ticket.cancelled():
            return
        self._mark("stt_final")
        self.heard = transcript.text.strip()
        self._around.publish(Heard(self.ticket.conversation, self.ticket.turn, self.heard))
        if self.heard:
            self._submit_writing()
        else:
            self._around.playback.end(self.ticket)

    def _write(self) -> None:
        around, ticket = self._around, self.ticket
        splitter = ClauseSplitter(ticket.turn, ticket.generation)
        try:
            messages = around.history.messages(self.heard)
            for delta in around.engines.llm.reply(
                ticket.conversation, messages, around.reply_options, ticket.cancelled
            ):
                if ticket.cancelled():
                    return
                self._mark("llm_first_token")
                around.publish(ReplyText(ticket.conversation, ticket.turn, delta))
                self._say(splitter.feed(delta))
        except Exception as error:
            self._tell("llm", error)
            # What is complete is still said; an empty last clause ends the reply behind it.
            self._say([Clause(len(self._clauses), "", last=True)])
            return
        if ticket.cancelled():
            return
        self._say(splitter.finish(), final=True)

    def _written(self, error: Exception | None) -> None:
        """Tell that the reply's text is final; it has been stored, or could not be."""
        if error is not None:
            self._tell("store", error)
        self._around.publish(ReplyWritten(self.ticket.conversation, self.ticket.turn, self.reply))

    def _say(self, clauses: list[Clause], *, final: bool = False) -> None:
        self._clauses += clauses
        if final:  # stored before it is spoken: the turn may be over before this thread gets any further
            self._around.keeper.written(self.kept, self.heard, self.reply, self._written)
        for clause in clauses:
            self._around.engines.tts_worker.submit(self.ticket, partial(self._speak, clause), wait=True)

    def _speak(self, clause: Clause) -> None:
        try:
            if not self._voiceless:
                self._synthesise(clause)
        except Exception as error:
            self._voiceless = True
            self._tell("tts", error)
        if clause.last:
            self._around.playback.end(self.ticket)

    def _synthesise(self, clause: Clause) -> None:
        playback = self._around.playback
        # Text that is empty is the last clause's way to say that nothing follows.
        for piece in self._around.engines.pace.pieces(clause.text, self._lead):
            for frame in self._frames(piece):
                self._mark("tts_first_audio")
                resampler = Resampler(frame.rate, playback.rate)
                samples = np.concatenate((resampler.push(frame.samples), resampler.flush()))
                if not playback.write(self.ticket, clause.seq, samples, piece.share):
                    return
                self._plays_until = max(self._plays_until, monotonic()) + frame.seconds

    def _lead(self) -> float:
        """Tell how many seconds of the reply are still to be played, also where it goes to a file, which takes none."""
        return max(self._around.playback.queued_seconds, self._plays_until - monotonic())

    def _frames(self, piece: Piece) -> Iterator[Frame]:
        engines, cancelled = self._around.engines, self.ticket.cancelled
        frames = engines.tts.speak(piece.text, self._around.voice, cancelled)
        for frame in engines.pace.timed(piece.text, frames, cancelled):
            if piece.pauses:
                yield frame
            else:
                yield Frame(trim(frame.samples, frame.rate, PHRASE_TAIL_SECONDS), frame.rate)

    # --- helpers ---

    def _submit_writing(self) -> None:
        try:
            self._around.engines.llm_worker.submit(self.ticket, self._write)
        except BusyError as error:
            self._fail("llm", error)

    def _fail(self, stage: str, error: Exception) -> None:
        """Tell of a failure after which there is nothing more to say."""
        self._tell(stage, error)
        self._around.playback.end(self.ticket)

    def _tell(self, stage: str, error: Exception) -> None:
        if not self.ticket.cancelled() and not self.failed:
            self.failed = True
            self._around.publish(Failed(self.ticket.conversation, self.ticket.turn, stage, error))

    def _mark(self, stage: str) -> None:
        self.stopwatch.mark(stage, self._around.clock.now())

    def _take_unfed(self) -> list[Frame]:
        frames, self._unfed, self._unfed_seconds = self._unfed, [], 0.0
        return frames

    def _keep(self, frame: Frame) -> None:
        if self._kept is None:
            return
        self._kept.append(frame)
        if frame.end - self._kept[0].start > KEPT_SECONDS:
            self._kept = None
