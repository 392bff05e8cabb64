"""The turns of one conversation, as the turn machine wants them: utterances and answers are begun, dropped and kept.

A turn is an utterance until the person has finished, and an answer from then on, or from a pause before that in which
it was made ahead. Until its first sound is out the person may go on; then it is an utterance again.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from hotpin import turn_io
from hotpin.answer import Answer
from hotpin.audio.frame import Frame
from hotpin.audio.playback import Playback
from hotpin.cancel import Generation, Ticket
from hotpin.clock import Clock
from hotpin.conversation_options import ConversationOptions
from hotpin.engines import Engines
from hotpin.events import Event, Failed, Interrupted, Speaking, Spoken, TurnDone
from hotpin.head_start import HeadStart
from hotpin.history import History, Turn
from hotpin.sessions.base import StoredTurn
from hotpin.surroundings import Surroundings
from hotpin.utterance import Utterance
from hotpin.weighing import Weighing


class Turns:
    """The turns of one conversation, one at a time. Used from the listener's thread but for ``cancel``.

    Args:
        engines: that understand, answer and speak.
        playback: what plays the replies.
        publish: told what happens.
        clock: of the conversation.
        options: how it is held.
    """

    def __init__(
        self,
        engines: Engines,
        playback: Playback,
        publish: Callable[[Event], None],
        clock: Clock,
        options: ConversationOptions,
    ) -> None:
        history = _history(options, options.earlier)
        self._around = Surroundings(engines, playback, publish, clock, options, history, self._understood, self._judged)
        self._head_start = HeadStart(engines, options.name)
        self._hearing = Generation()
        self._answering = Generation()
        self.number = 0
        """Of the present turn or the one before, counted from 1; 0 before the first."""
        self.began = clock.now()
        """s on the clock when the conversation began."""
        self._recent: deque[Frame] = deque()
        self._utterance: Utterance | None = None
        """What the person is saying."""
        self._ended: Utterance | None = None
        """What they said last, as long as they may be found to go on."""
        self._weighing: Weighing | None = None
        """What is known of a pause in which nothing runs ahead yet."""
        self._draft: Answer | None = None
        """What is answered ahead, in a pause."""
        self._answer: Answer | None = None
        """What is being answered."""
        self._news: dict[type[turn_io.Input], tuple[Ticket, turn_io.Input]] = {}
        """What the workers found out and the turn machine does not know yet; newer words replace older ones."""

    # --- the conversation ---

    def begin(self) -> None:
        """Begin the conversation: what the model is told first is evaluated."""
        self.began = self._around.clock.now()
        self._read_history()

    def change(self, options: ConversationOptions) -> None:
        """Go on as other options have it, with all that was said so far; a reply that is being made stays as it is."""
        history = _history(options, self._around.history.turns)
        self._around = replace(self._around, options=options, history=history)

    def cancel(self) -> None:
        """Give up all work that is under way. For any thread."""
        self._hearing.advance()
        self._answering.advance()

    def tidy_history(self) -> None:
        """Trim the history and evaluate it ahead, while nobody waits.

        Even an untrimmed one: as part of the prompt, the last reply can have other tokens than it was written in.
        """
        self._around.history.trim()
        self._read_history()

    # --- what happens to a turn ---

    def hear(self, frame: Frame) -> None:
        """Take what the microphone heard, for the present utterance or one that is found to have begun before."""
        self._recent.append(frame)
        kept = self._around.options.policy.pre_roll_seconds + 1.0  # 1 s more than any detection takes
        while frame.end - self._recent[0].start > kept:
            self._recent.popleft()
        if self._utterance is not None:
            self._utterance.hear(frame)

    def news(self) -> list[turn_io.Input]:
        """Return what the workers have found out since, of what is still under way."""
        found = []
        for kind, work in ((turn_io.Words, self._utterance), (turn_io.Judged, self._draft)):
            ticket, news = self._news.pop(kind, (None, None))
            if news is not None and work is not None and ticket == work.ticket:
                found.append(news)
        return found

    def spoken(self) -> str:
        """Return the part of the present reply that has been heard, as it was written; empty if there is none."""
        return self._answer.spoken(self._around.playback.progress()) if self._answer is not None else ""

    def watch_reply(self) -> Iterator[turn_io.Input]:
        """Publish what has been heard of the reply; yield its beginning and end, for the turn machine."""
        around, answer = self._around, self._answer
        if answer is None:
            return
        progress = around.playback.progress()
        if progress.ticket != answer.ticket:
            return
        if progress.first_audible is not None and not answer.started:
            answer.started = True
            self._ended = None
            answer.stopwatch.mark("first_audio", progress.first_audible)
            around.publish(Speaking(around.options.name, answer.ticket.turn))
            yield turn_io.ReplyStarted()
        if around.options.live and answer.started and (spoken := answer.newly_spoken(progress, around.clock.now())):
            around.publish(Spoken(around.options.name, answer.ticket.turn, spoken))
        if progress.finished:
            self.close_turn(interrupted=False)
            yield turn_io.ReplyEnded()
            self.tidy_history()

    def close_turn(self, *, interrupted: bool) -> None:
        """End the present turn, if there is one, and keep it as far as it was heard."""
        answer, self._answer = self._answer, None
        self._ended = None
        if answer is None:
            return
        around = self._around
        reply = answer.reply
        spoken = answer.spoken(around.playback.progress()) if interrupted else reply
        if interrupted:
            around.publish(Interrupted(around.options.name, answer.ticket.turn, spoken))
        timing = answer.stopwatch.timing
        over = TurnDone(around.options.name, answer.ticket.turn, answer.heard, reply, spoken, timing)
        if not answer.heard:
            around.publish(over)
            return
        around.history.add(answer.heard, spoken)
        stored = StoredTurn(answer.heard, reply, spoken, time.time(), timing.since(self.began).as_dict())
        around.options.keeper.done(answer.kept, stored, partial(self._turn_kept, answer, over))

    # --- what the turn machine wants done ---

    def do(self, action: turn_io.Action, now: float) -> list[turn_io.Input]:  # noqa: C901, PLR0912 - one case per action
        """Carry out an action; return what the machine has to be told of it at once."""
        match action:
            case turn_io.StartUtterance(since):
                self._start_utterance(since)
            case turn_io.ReopenUtterance():
                self._reopen()
            case turn_io.DropUtterance():
                self._drop_utterance()
            case turn_io.Understand():
                if self._utterance is not None:
                    self._utterance.understand()
            case turn_io.Weigh():
                self._weigh()
            case turn_io.Speculate():
                return self._speculate(now)
            case turn_io.DropSpeculation():
                self._drop_draft()
            case turn_io.EndUtterance(speech_end):
                self._end_utterance(speech_end, now)
            case turn_io.Answer(text):
                self._next_answer().answer(text)
            case turn_io.Recite(text):
                self._next_answer().recite(text)
            case turn_io.PausePlayback():
                self._around.playback.pause()
            case turn_io.ResumePlayback():
                self._around.playback.resume()
            case turn_io.CancelReply():
                self.close_turn(interrupted=True)
                self._stop_answering()
        return []

    def _start_utterance(self, since: float) -> None:
        self._around.playback.expected.set()
        self._ended = None
        self._utterance = Utterance(self._ticket(self._hearing, self.number + 1), self._around)
        for frame in self._recent:
            if frame.end > since:
                self._utterance.hear(frame)

    def _drop_utterance(self) -> None:
        self._drop_draft()
        self._hearing.advance()
        self._utterance = None

    def _weigh(self) -> None:
        if self._weighing is not None:  # of a pause that was too short to run ahead in
            self._weighing.give_up()
        if self._utterance is not None:
            ticket = self._ticket(self._answering, self.number + 1)
            self._weighing = Weighing(ticket, self._around, self._utterance.end())

    def _speculate(self, now: float) -> list[turn_io.Input]:
        weighing, self._weighing = self._weighing, None
        if self._utterance is None or weighing is None:
            return []
        if not self._around.engines.speculation.begin():
            weighing.give_up()
            return [turn_io.Judged("")]
        self._head_start.stop()  # the recogniser wants the cores, and the answer evaluates the rest
        self._draft = Answer(weighing.ticket, self._around, held=True)
        self._draft.stopwatch.mark("speculated", now)
        self._draft.understand_ahead(self._utterance, weighing)
        return []

    def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            self._stop_answering()
            self._around.engines.speculation.drop()
            draft.drop()

    def _end_utterance(self, speech_end: float | None, now: float) -> None:
        self._ended, self._utterance = self._utterance, None
        draft, self._draft = self._draft, None
        if self._ended is None:
            return
        self.number += 1
        answer = draft or Answer(self._ticket(self._answering, self.number), self._around)
        if speech_end is not None:
            answer.stopwatch.mark("speech_end", speech_end)
        answer.stopwatch.mark("endpoint", now)
        if draft is None:
            answer.understand(self._ended)
        elif draft.confirm():
            self._around.engines.speculation.confirm(draft.seconds_ahead(now))
        else:
            self._stop_answering()
            answer = draft.anew(self._ticket(self._answering, self.number))
        self._answer = answer

    def _reopen(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            self._around.options.keeper.retract(answer.kept)
        self._stop_answering()
        self.number -= 1
        self._utterance, self._ended = self._ended, None
        if self._utterance is not None:
            self._utterance.hear_on(list(self._recent))

    def _next_answer(self) -> Answer:
        self.number += 1
        self._answer = Answer(self._ticket(self._answering, self.number), self._around)
        return self._answer

    def _stop_answering(self) -> None:
        self._answering.advance()
        self._around.playback.flush()

    def _ticket(self, generation: Generation, number: int) -> Ticket:
        return Ticket(self._around.options.name, number, generation.number, generation)

    def _read_history(self) -> None:
        self._head_start.take(self._ticket(self._answering, self.number), self._around.history.prefix())

    # --- told by the workers, on their threads ---

    def _understood(self, ticket: Ticket, words: turn_io.Words) -> None:
        """Take words of an utterance from the recogniser's thread, and let the model read them already."""
        self._news[turn_io.Words] = ticket, words
        certain, _, _ = words.text.rpartition(" ")  # the last one may be half a word
        if certain and not words.whole:  # whole words are answered at once
            self._head_start.take(ticket, self._around.history.messages(certain), certain)

    def _judged(self, ticket: Ticket, judged: turn_io.Judged) -> None:
        """Take what is known of a pause from a worker's thread."""
        self._news[turn_io.Judged] = ticket, judged

    def _turn_kept(self, answer: Answer, over: TurnDone, error: Exception | None) -> None:
        """Tell that a turn is over; it has been stored, or could not be."""
        if error is not None and not answer.failed:
            self._around.publish(Failed(over.conversation, over.turn, "store", error))
        self._around.publish(over)


def _history(options: ConversationOptions, turns: Iterable[Turn]) -> History:
    history = History(options.prompt, options.max_turns, options.keep_turns)
    for turn in turns:
        history.add(turn.heard, turn.reply)
    return history
