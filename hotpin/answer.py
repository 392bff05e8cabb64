"""One turn's work, once there are words: llm → clauses, and on to the voice.

Each stage runs on its engine's worker and hands over to the next without a detour; the listener only starts the first
and watches the last. Every step asks the turn's ticket whether it is still wanted.

An answer can be held: made ahead, in a pause that may be the end of the turn. Then its events, its turn in the session
store and its sound wait for ``confirm``; if the ticket is cancelled instead, nobody ever learns of it.
"""

import threading
from functools import partial
from time import monotonic, process_time

from hotpin.audio.playback import Progress
from hotpin.cancel import Ticket
from hotpin.clauses import Clause, ClauseSplitter, heard_part
from hotpin.errors import BusyError
from hotpin.events import Event, Failed, Heard, ReplyText, ReplyWritten
from hotpin.reply_voice import ReplyVoice
from hotpin.sessions.keeper import KeptTurn
from hotpin.stt.base import Transcript
from hotpin.surroundings import Surroundings
from hotpin.timing import Stopwatch
from hotpin.utterance import Utterance
from hotpin.wake.policy import is_stop
from hotpin.weighing import Weighing

SPOKEN_SECONDS = 0.1
"""s between two looks at how much of the reply has been heard."""


class Answer:
    """One turn's work. Its methods are called by the listener; what runs on workers begins with an underscore.

    Args:
        ticket: the turn.
        around: what it shares with the others.
        held: whether it is made ahead.
    """

    def __init__(self, ticket: Ticket, around: Surroundings, *, held: bool = False) -> None:
        self.ticket = ticket
        self.stopwatch = Stopwatch()
        self.heard = ""
        self.started = False
        """Whether its first sound has been noticed."""
        self.failed = False
        """Whether a failure of it has been told: one a turn is enough."""
        self.given_up = False
        """Whether it gave way to somebody else's turn before it was confirmed."""
        self.kept = KeptTurn()
        """What the session store knows of it."""
        self._around = around
        self._lock = threading.RLock()  # guards what is held
        self._held = held
        self._unpublished: list[Event] = []
        self._unspoken: list[Clause] = []
        self._dropped: float | None = None  # s on the monotonic clock
        self._cpu_seconds = process_time()  # up to here it has been counted what was done for nothing
        self._whole = False  # its text is final, but the store has not been told
        self._unasked = False  # there are words, but the model is not asked ahead
        self._clauses: list[Clause] = []
        self._clause_seconds = 0.0  # how long the model took for the first
        self._spoken = ""
        self._spoken_next = 0.0  # s on the clock
        self._voice = ReplyVoice(ticket, around, self.stopwatch, partial(self._tell, "tts"))

    @property
    def reply(self) -> str:
        """The reply as far as its clauses are written, without what the model thought aloud."""
        return "".join(clause.source for clause in self._clauses).strip()

    # --- on the listener ---

    def understand(self, utterance: Utterance) -> None:
        """Answer what was said; waits while the recogniser is half a minute behind."""
        self._around.playback.begin(self.ticket)
        utterance.finish(self.ticket, partial(self._understood, None))

    def understand_ahead(self, utterance: Utterance, weighing: Weighing) -> None:
        """Answer what was said before a pause, and find out whether that was all; waits as ``understand`` does."""
        self._around.playback.begin(self.ticket, held=True)
        weighing.add_ending(utterance.end())
        utterance.draft(self.ticket, partial(self._understood, weighing), self._is_held)

    def answer(self, text: str) -> None:
        """Answer a typed message."""
        self._around.playback.begin(self.ticket)
        self._hear(text, spoken=False)

    def recite(self, text: str) -> None:
        """Speak a text as it is."""
        self._around.playback.begin(self.ticket)
        try:
            self._around.engines.llm_worker.submit(self.ticket, partial(self._recite, text))
        except BusyError as error:
            self._tell("llm", error)
            self._around.playback.end(self.ticket)

    def confirm(self) -> bool:
        """Let everybody know of an answer that was held, and play it; return whether it had not been given up."""
        with self._lock:
            if self.given_up:
                return False
            self._held = False
            for event in self._unpublished:
                self._around.publish(event)
            if self._whole:
                self._keep()
            self._voice.begin()
            self._around.playback.release(self.ticket)
            for clause in self._unspoken:
                self._voice.say(clause, wait=False, ahead=self._is_held)
            if self._unasked:
                self._ask()
            return True

    def seconds_ahead(self, now: float) -> float:
        """Return how much of its work, in s, was done before ``now``, when it turned out to be wanted."""
        timing = self.stopwatch.timing
        if timing.speculated is None:
            return 0.0
        return min(now, timing.tts_first_audio or now) - timing.speculated

    def drop(self) -> None:
        """Throw away an answer that was held; its ticket has been cancelled."""
        self._dropped = monotonic()
        self._count_waste()

    def anew(self, ticket: Ticket) -> "Answer":
        """Answer the same words under another ticket, where this answer was given up."""
        other = Answer(ticket, self._around)
        timing = self.stopwatch.timing
        for moment in ("speech_end", "speculated", "stt_final", "endpoint"):
            if (at := getattr(timing, moment)) is not None:
                other.stopwatch.mark(moment, at)
        other.answer(self.heard)
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

    def newly_spoken(self, progress: Progress, now: float) -> str:
        """Return what ``spoken`` does, at most every ``SPOKEN_SECONDS``; empty if it has not changed."""
        if now < self._spoken_next:
            return ""
        self._spoken_next = now + SPOKEN_SECONDS
        before, self._spoken = self._spoken, self.spoken(progress)
        return self._spoken if self._spoken != before else ""

    # --- on the workers ---

    def _understood(self, weighing: Weighing | None, transcript: Transcript | None) -> None:
        if self.ticket.cancelled():
            self._count_waste()
            return
        if transcript is None:
            self._around.playback.end(self.ticket)
            return
        self._mark("stt_final")
        if weighing is not None:
            weighing.add_words(transcript)
        self._hear(transcript.text.strip(), spoken=True)

    def _hear(self, text: str, *, spoken: bool) -> None:
        self._publish(Heard(self.ticket.conversation, self.ticket.turn, text, typed=not spoken))
        if not text or (spoken and self._around.options.live and is_stop(text)):
            self._around.playback.end(self.ticket)
            return
        self.heard = text
        with self._lock:
            self._unasked = self._held and not self._around.engines.llm.info.ahead
            if not self._unasked:
                self._ask()

    def _ask(self) -> None:
        try:
            self._around.engines.llm_worker.submit(self.ticket, self._write, ahead=self._is_held)
        except BusyError as error:
            self._tell("llm", error)
            self._around.playback.end(self.ticket)

    def _recite(self, text: str) -> None:
        splitter = ClauseSplitter(self.ticket.turn, self.ticket.generation)
        self._publish(ReplyText(self.ticket.conversation, self.ticket.turn, text))
        self._say([*splitter.feed(text), *splitter.finish()])
        self._written(None)

    def _write(self) -> None:
        self._write_clauses()
        self._count_waste()

    def _write_clauses(self) -> None:
        around, ticket = self._around, self.ticket
        splitter = ClauseSplitter(ticket.turn, ticket.generation)
        try:
            messages = around.history.messages(self.heard)
            for delta in around.engines.llm.reply(
                ticket.conversation, messages, around.options.reply, ticket.cancelled
            ):
                if ticket.cancelled() or self._gives_way():
                    return
                self._mark("llm_first_token")
                self._publish(ReplyText(ticket.conversation, ticket.turn, delta))
                self._say(splitter.feed(delta))
                if self._clauses:
                    self._voice.let_work(self._clauses[0], self._clause_seconds)
        except Exception as error:
            self._tell("llm", error)
            # What is complete is still said; an empty last clause ends the reply behind it.
            self._say([Clause(len(self._clauses), "", last=True)])
            return
        if ticket.cancelled():
            return
        self._say(splitter.finish(), final=True)

    def _gives_way(self) -> bool:
        """Give up, while held, if a turn that is certain waits for the model."""
        with self._lock:
            if self._held and self._around.engines.llm_worker.others_wait(self.ticket.conversation):
                self.given_up = True
            return self.given_up

    def _keep(self) -> None:
        self._around.options.keeper.written(self.kept, self.heard, self.reply, self._written)

    def _written(self, error: Exception | None) -> None:
        """Tell that the reply's text is final; it has been stored, or could not be."""
        if error is not None:
            self._tell("store", error)
        self._around.publish(ReplyWritten(self.ticket.conversation, self.ticket.turn, self.reply))

    def _say(self, clauses: list[Clause], *, final: bool = False) -> None:
        with self._lock:
            first = not self._clauses
            if first and clauses:
                self._clause_seconds = self._around.clock.now() - (self.stopwatch.timing.llm_first_token or 0.0)
            self._clauses += clauses
            if self._held:  # its first clause is made ahead, the others only once it is certain
                ahead = first and self._around.engines.tts.info.ahead
                for clause in clauses[:ahead]:
                    self._voice.say(clause, wait=False, ahead=self._is_held)
                self._unspoken += clauses[ahead:]
                self._whole = final
                return
            if final:  # stored before it is spoken: the turn may be over before this thread gets any further
                self._keep()
        for clause in clauses:
            self._voice.say(clause, wait=True, ahead=self._is_held)

    # --- helpers ---

    def _count_waste(self) -> None:
        """Count what was done for nothing: all of the process, since what native threads do cannot be told apart."""
        if self._dropped is not None:
            now = process_time()
            self._around.engines.speculation.waste(now - self._cpu_seconds, monotonic() - self._dropped)
            self._cpu_seconds = now

    def _is_held(self) -> bool:
        return self._held

    def _publish(self, event: Event) -> None:
        with self._lock:
            if self._held:
                self._unpublished.append(event)
            else:
                self._around.publish(event)

    def _tell(self, stage: str, error: Exception) -> None:
        if not self.ticket.cancelled() and not self.failed:
            self.failed = True
            self._publish(Failed(self.ticket.conversation, self.ticket.turn, stage, error))

    def _mark(self, stage: str) -> None:
        self.stopwatch.mark(stage, self._around.clock.now())
