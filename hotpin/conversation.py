"""One person's conversation: wires microphone, turn machine, history, workers and loudspeaker; no policy of its own."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hotpin import turn_io
from hotpin.answer import Answer, Surroundings
from hotpin.audio.frame import FRAME_SECONDS, Frame
from hotpin.audio.level import LevelMeter
from hotpin.audio.mic import Microphone
from hotpin.audio.playback import Playback
from hotpin.bus import Bus
from hotpin.cancel import Generation, Ticket
from hotpin.clock import Clock, RealClock
from hotpin.conversation_options import ConversationOptions
from hotpin.ear import Ear
from hotpin.engines import Engines
from hotpin.errors import BusyError
from hotpin.events import (
    Attention,
    AttentionChanged,
    Failed,
    InputOver,
    Interrupted,
    Level,
    Noticed,
    Speaking,
    Spoken,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.head_start import HeadStart
from hotpin.history import History
from hotpin.own_words import are_own_words
from hotpin.sessions.base import StoredTurn
from hotpin.turn import TurnMachine
from hotpin.utterance import Utterance
from hotpin.wake.policy import is_stop

log = logging.getLogger(__name__)

MAX_SIGNALS = 64
"""Keys, typed lines and the like that may wait for the listener."""

REST_SECONDS = 0.1
"""s for which frames may gather while nobody talks: to be woken for each costs more than what is done with it."""

_QUIET_SECONDS = 1.0
"""s without anything like speech after which the listener rests."""

_LIVELY = 0.1
"""Probability of speech from which it does not."""


class Conversation:
    """Listens on a thread of its own until it is closed; whatever happens is published on the bus."""

    def __init__(
        self,
        engines: Engines,
        mic: Microphone,
        playback: Playback,
        bus: Bus,
        options: ConversationOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.options = options or ConversationOptions()
        self.bus = bus
        self._engines = engines
        self._mic = mic
        self.playback = playback
        self.clock = clock or RealClock()
        self._history = History(self.options.prompt, self.options.max_turns, self.options.keep_turns)
        for earlier in self.options.earlier:
            self._history.add(earlier.heard, earlier.reply)
        self._around = Surroundings(
            engines,
            playback,
            self._history,
            bus.publish,
            self.clock,
            self.options.reply,
            self.options.voice,
            self.options.keeper,
            self._understood,
            self._judged,
            obeys_stop=self.options.live,
        )
        self._machine = TurnMachine(self.options.policy)
        self._vad = engines.vad.fork()
        self._ear = Ear(self.options.word, self.options.wake_policy, hands_free=self.options.hands_free)
        self._attention = Attention.AWAKE
        self._hears_itself = False
        self._level = LevelMeter()
        self._hearing = Generation()
        self._answering = Generation()
        self._turn = 0
        self._utterance: Utterance | None = None
        """What the person is saying."""
        self._ended: Utterance | None = None
        """What they said last, as long as they may be found to go on."""
        self._draft: Answer | None = None
        """What is answered ahead, in a pause."""
        self._answer: Answer | None = None
        """What is being answered."""
        self._head_start = HeadStart(engines, self.options.name)
        self._recent: deque[Frame] = deque()
        self._shown = State.LISTENING
        self._noticed = engines.notices.count
        self._signals: queue.Queue[Callable[[float], None]] = queue.Queue(MAX_SIGNALS)
        self._news: dict[type[turn_io.Input], tuple[Ticket, turn_io.Input]] = {}
        """What the workers found out and the turn machine does not know yet; newer words replace older ones."""
        self.began = self.clock.now()
        """s on the clock when it began."""
        self._closed = threading.Event()
        self._stirred = threading.Event()
        self._lively_until = 0.0  # s on the clock
        self._thread = threading.Thread(target=self._run, name=f"hotpin-listener-{self.options.name}", daemon=True)

    # --- for front ends, from any thread ---

    def start(self) -> None:
        """Begin to listen; what the model is told first is evaluated meanwhile."""
        self.began = self.clock.now()
        if self.options.notice:
            self.bus.publish(Noticed(self.options.name, 0, self.options.notice))
        self._head_start.take(self._ticket(self._answering, self._turn), self._history.prefix())
        self._thread.start()

    @property
    def state(self) -> State:
        """Whose turn it is."""
        return self._machine.state

    def type(self, text: str) -> None:
        """Answer a typed message.

        Raises:
            ValueError: if it is blank.
            BusyError: if the listener is far behind.
        """
        if not text.strip():
            raise ValueError("the message is empty")
        self._signal(turn_io.Typed(text.strip()))

    def say(self, text: str) -> None:
        """Speak a text as it is; it belongs to no question, so it is not kept.

        Raises:
            ValueError: if it is blank.
            BusyError: if the listener is far behind.
        """
        if not text.strip():
            raise ValueError("the text is empty")
        self._signal(turn_io.Recital(text.strip()))

    @property
    def attention(self) -> Attention:
        """Whether what the microphone hears is meant for the assistant."""
        return self._attention

    def mute(self) -> None:
        """Listen to nobody, save while the talk key is held."""
        self._request(lambda now: self._attend(self._ear.mute(now, on=True), now))

    def unmute(self) -> None:
        """Listen again."""
        self._request(lambda now: self._attend(self._ear.mute(now, on=False), now))

    def set_hands_free(self, on: bool) -> None:
        """Listen without being told, or only to the talk key and ``listen``."""
        self._request(lambda now: self._attend(self._ear.set_hands_free(now, on=on), now))

    def listen(self) -> None:
        """Wake up as if called by the wake word; without hands-free, hear one utterance."""
        self._request(lambda now: self._attend(self._ear.call(now), now))

    def change(self, options: ConversationOptions) -> None:
        """Go on as other options have it, with all that was said so far; a reply that is being made stays as it is."""
        self._request(lambda now: self._change(options, now))

    def press(self) -> None:
        """Tell that the talk key is down."""
        self._signal(turn_io.PushToTalk(down=True))

    def release(self) -> None:
        """Tell that the talk key is up."""
        self._signal(turn_io.PushToTalk(down=False))

    def interrupt(self) -> None:
        """Stop the reply."""
        self._signal(turn_io.Interrupt())

    def close(self, timeout: float = 2.0) -> None:
        """End the conversation within about ``timeout`` seconds.

        A reply that is being made or spoken is dropped; the turn is kept as far as it was heard.
        """
        deadline = time.monotonic() + timeout
        self._closed.set()
        self._stirred.set()
        self._hearing.advance()
        self._answering.advance()
        self.playback.pause()  # silent at once, but what has been heard is not forgotten
        self._mic.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        if not self._thread.is_alive():
            self._close_turn(interrupted=True)
        self.playback.flush()
        if not self.options.keeper.flush(max(0.0, deadline - time.monotonic())):
            log.warning("the last turn may not have been stored: the store is too slow")

    # --- the listener ---

    def _run(self) -> None:
        try:
            now = self.clock.now()  # who sleeps does so before there is a microphone
            self._attend(self._ear.set_hands_free(now, on=self.options.hands_free), now)
            if self.options.push_to_talk:
                self._step(turn_io.PushToTalk(down=True), self.clock.now())
            input_over = False
            while not self._closed.is_set():
                frame = self._next_frame()
                if frame is not None:
                    self._listen(frame)
                elif self._mic.ended and not input_over:
                    input_over = True
                    self._step(turn_io.InputEnded(), self.clock.now())
                    self.bus.publish(InputOver(self.options.name, self._turn))
                self._pass_news_on()
                while not self._signals.empty():
                    self._signals.get()(self.clock.now())
                self._watch_reply()
        except Exception as error:
            log.debug("the listener failed", exc_info=True)
            self.bus.publish(Failed(self.options.name, self._turn, "audio", error))

    def _next_frame(self) -> Frame | None:
        """Return the next frame, if one comes; while nobody talks, several are let gather, until something happens."""
        resting = self.options.live and self._machine.state is State.LISTENING
        if not resting or self.clock.now() < self._lively_until:
            return self._mic.read(FRAME_SECONDS)
        frame = self._mic.read(0)
        if frame is None:
            self._stirred.wait(REST_SECONDS)
            self._stirred.clear()
        return frame

    def _listen(self, frame: Frame) -> None:
        self._recent.append(frame)
        kept = self.options.policy.pre_roll_seconds + 1.0  # 1 s more than any detection takes
        while frame.end - self._recent[0].start > kept:
            self._recent.popleft()
        if self._utterance is not None:
            self._utterance.hear(frame)
        if self._mic.hears_itself != self._hears_itself:
            self._hears_itself = not self._hears_itself
            self._step(turn_io.HearsItself(self._hears_itself), frame.end)
        self._attend(self._ear.hear(frame), frame.end)
        probability = self._vad.probability(frame)
        if probability >= _LIVELY:
            self._lively_until = frame.end + _QUIET_SECONDS
        if self.options.live and (level := self._level.measure(frame, probability)) is not None:
            self.bus.publish(Level(self.options.name, self._turn, *level))
        self._step(turn_io.Voice(probability, frame.seconds, frame.no_echo), frame.end)

    def _attend(self, inputs: list[turn_io.Input], now: float) -> None:
        for event in inputs:
            self._step(event, now)
        if self._ear.attention is not self._attention:
            self._attention = self._ear.attention
            self.bus.publish(AttentionChanged(self.options.name, self._turn, self._attention))

    def _change(self, options: ConversationOptions, now: float) -> None:
        history = History(options.prompt, options.max_turns, options.keep_turns)
        for said in self._history.turns:
            history.add(said.heard, said.reply)
        self.options, self._history, self._machine.policy = options, history, options.policy
        self._around = replace(
            self._around, history=history, reply_options=options.reply, voice=options.voice, keeper=options.keeper
        )
        if options.notice:
            self.bus.publish(Noticed(options.name, self._turn, options.notice))
        self._attend(self._ear.set_hands_free(now, on=options.hands_free), now)
        if self._machine.state is State.LISTENING:
            self._tidy_history()

    def _watch_reply(self) -> None:
        answer = self._answer
        if answer is None:
            return
        progress = self.playback.progress()
        if progress.ticket != answer.ticket:
            return
        if progress.first_audible is not None and not answer.started:
            answer.started = True
            self._ended = None
            answer.stopwatch.mark("first_audio", progress.first_audible)
            self.bus.publish(Speaking(self.options.name, answer.ticket.turn))
            self._step(turn_io.ReplyStarted(), self.clock.now())
        if self.options.live and answer.started and (spoken := answer.newly_spoken(progress, self.clock.now())):
            self.bus.publish(Spoken(self.options.name, answer.ticket.turn, spoken))
        if progress.finished:
            self._close_turn(interrupted=False)
            self._step(turn_io.ReplyEnded(), self.clock.now())
            self._tidy_history()

    def _step(self, event: turn_io.Input, now: float) -> None:
        for action in self._machine.step(event, now):
            self._do(action, now)
        if self._machine.state is not self._shown:
            self._shown = self._machine.state
            self._lively_until = now + _QUIET_SECONDS
            self.bus.publish(StateChanged(self.options.name, self._turn, self._shown))
            self._attend(self._ear.change_turn(self._shown, now), now)

    def _do(self, action: turn_io.Action, now: float) -> None:  # noqa: C901, PLR0912 - one case per action
        match action:
            case turn_io.StartUtterance(since):
                self.playback.expected.set()
                self._ended = None
                self._utterance = Utterance(self._ticket(self._hearing, self._turn + 1), self._around)
                for frame in self._recent:
                    if frame.end > since:
                        self._utterance.hear(frame)
            case turn_io.ReopenUtterance():
                self._reopen()
            case turn_io.DropUtterance():
                self._drop_draft()
                self._hearing.advance()
                self._utterance = None
            case turn_io.Understand():
                if self._utterance is not None:
                    self._utterance.understand()
            case turn_io.Speculate():
                self._speculate(now)
            case turn_io.DropSpeculation():
                self._drop_draft()
            case turn_io.EndUtterance(speech_end):
                self._end_utterance(speech_end, now)
            case turn_io.Answer(text):
                self._next_answer().answer(text)
            case turn_io.Recite(text):
                self._next_answer().recite(text)
            case turn_io.PausePlayback():
                self.playback.pause()
            case turn_io.ResumePlayback():
                self.playback.resume()
            case turn_io.CancelReply():
                self._cancel_reply()

    def _next_answer(self) -> Answer:
        self._turn += 1
        self._answer = Answer(self._ticket(self._answering, self._turn), self._around)
        return self._answer

    def _speculate(self, now: float) -> None:
        if self._utterance is None:
            return
        if not self._engines.speculation.begin():
            self._step(turn_io.Judged(""), now)
            return
        self._draft = Answer(self._ticket(self._answering, self._turn + 1), self._around, held=True)
        self._draft.stopwatch.mark("speculated", now)
        self._draft.understand(self._utterance)

    def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            self._stop_answering()
            self._engines.speculation.drop()
            draft.drop()

    def _end_utterance(self, speech_end: float | None, now: float) -> None:
        self._ended, self._utterance = self._utterance, None
        draft, self._draft = self._draft, None
        if self._ended is None:
            return
        self._turn += 1
        answer = draft or Answer(self._ticket(self._answering, self._turn), self._around)
        if speech_end is not None:
            answer.stopwatch.mark("speech_end", speech_end)
        answer.stopwatch.mark("endpoint", now)
        if draft is None:
            answer.understand(self._ended)
        elif draft.confirm():
            self._engines.speculation.confirm(draft.seconds_ahead(now))
        else:
            self._stop_answering()
            answer = draft.anew(self._ticket(self._answering, self._turn))
        self._answer = answer

    def _reopen(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            self.options.keeper.retract(answer.kept)
        self._stop_answering()
        self._turn -= 1
        self._utterance, self._ended = self._ended, None
        if self._utterance is not None:
            self._utterance.hear_on(list(self._recent))

    def _cancel_reply(self) -> None:
        self._close_turn(interrupted=True)
        self._stop_answering()

    def _stop_answering(self) -> None:
        self._answering.advance()
        self.playback.flush()

    def _close_turn(self, *, interrupted: bool) -> None:
        answer, self._answer = self._answer, None
        self._ended = None
        if answer is None:
            return
        reply = answer.reply
        spoken = answer.spoken(self.playback.progress()) if interrupted else reply
        if interrupted:
            self.bus.publish(Interrupted(self.options.name, answer.ticket.turn, spoken))
        timing = answer.stopwatch.timing
        over = TurnDone(self.options.name, answer.ticket.turn, answer.heard, reply, spoken, timing)
        if not answer.heard:
            self.bus.publish(over)
            return
        self._history.add(answer.heard, spoken)
        stored = StoredTurn(answer.heard, reply, spoken, time.time(), timing.since(self.began).as_dict())
        self.options.keeper.done(answer.kept, stored, partial(self._turn_kept, answer, over))

    def _turn_kept(self, answer: Answer, over: TurnDone, error: Exception | None) -> None:
        """Tell that a turn is over; it has been stored, or could not be."""
        if error is not None and not answer.failed:
            self.bus.publish(Failed(over.conversation, over.turn, "store", error))
        self.bus.publish(over)

    def _tidy_history(self) -> None:
        """Trim the history and evaluate it ahead, while nobody waits.

        Even an untrimmed one: as part of the prompt, the last reply can have other tokens than it was written in.
        """
        self._history.trim()
        self._head_start.take(self._ticket(self._answering, self._turn), self._history.prefix())

    def _understood(self, ticket: Ticket, words: turn_io.Words) -> None:
        """Take words of an utterance from the recogniser's thread, and let the model read them already."""
        self._news[turn_io.Words] = ticket, words
        certain, _, _ = words.text.rpartition(" ")  # the last one may be half a word
        if certain:
            self._head_start.take(ticket, self._history.messages(certain))

    def _judged(self, ticket: Ticket, judged: turn_io.Judged) -> None:
        """Take what is known of a pause from a worker's thread."""
        self._news[turn_io.Judged] = ticket, judged

    def _pass_news_on(self) -> None:
        notices, self._noticed = self._engines.notices.since(self._noticed)
        for text in notices:
            self.bus.publish(Noticed(self.options.name, self._turn, text))
        for kind, work in ((turn_io.Words, self._utterance), (turn_io.Judged, self._draft)):
            ticket, news = self._news.pop(kind, (None, None))
            if news is not None and work is not None and ticket == work.ticket:
                if isinstance(news, turn_io.Words) and self._is_own(news.text):
                    news = replace(news, text="")
                self._step(news, self.clock.now())

    def _is_own(self, words: str) -> bool:
        """Whether what was understood over a reply is the reply: no echo is to silence it, however it got through."""
        if self._machine.state is not State.SPEAKING or self._answer is None or is_stop(words):
            return False
        return are_own_words(words, self._answer.spoken(self.playback.progress()))

    def _ticket(self, generation: Generation, number: int) -> Ticket:
        return Ticket(self.options.name, number, generation.number, generation)

    def _signal(self, event: turn_io.Input) -> None:
        self._request(lambda now: self._step(event, now))

    def _request(self, request: Callable[[float], None]) -> None:
        """Have something done on the listener's thread."""
        try:
            self._signals.put_nowait(request)
        except queue.Full:
            raise BusyError("the conversation is busy") from None
        self._stirred.set()
