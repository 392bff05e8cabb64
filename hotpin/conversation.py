"""One person's conversation: tells the turn machine what happens and has done what it decides; no policy of its own."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from hotpin import turn_io
from hotpin.audio.frame import FRAME_SECONDS, Frame
from hotpin.audio.level import LevelMeter, dbfs
from hotpin.audio.mic import Microphone
from hotpin.audio.playback import Playback
from hotpin.bus import Bus
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
    Level,
    Noticed,
    State,
    StateChanged,
)
from hotpin.own_words import are_own_words
from hotpin.turn import TurnMachine
from hotpin.turns import Turns
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
        self.playback = playback
        self.clock = clock or RealClock()
        self._mic = mic
        self._turns = Turns(engines, playback, bus.publish, self.clock, self.options)
        self._machine = TurnMachine(self.options.policy)
        self._shown = State.LISTENING
        self._ear = Ear(self.options.word, self.options.wake_policy, hands_free=self.options.hands_free)
        self._attention = Attention.AWAKE
        self._vad = engines.vad.fork()
        self._level = LevelMeter()
        self._hears_itself = False
        self._lively_until = 0.0  # s on the clock
        self._engines = engines
        self._noticed = engines.notices.count
        self._signals: queue.Queue[Callable[[float], None]] = queue.Queue(MAX_SIGNALS)
        self._stirred = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hotpin-listener-{self.options.name}", daemon=True)

    # --- for front ends, from any thread ---

    def start(self) -> None:
        """Begin to listen; what the model is told first is evaluated meanwhile."""
        self._turns.begin()
        if self.options.notice:
            self.bus.publish(Noticed(self.options.name, 0, self.options.notice))
        self._thread.start()

    @property
    def began(self) -> float:
        """When it began, s on the clock."""
        return self._turns.began

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
        self._turns.cancel()
        self.playback.pause()  # silent at once, but what has been heard is not forgotten
        self._mic.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        if not self._thread.is_alive():
            self._turns.close_turn(interrupted=True)
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
                    self.bus.publish(InputOver(self.options.name, self._turns.number))
                self._pass_news_on()
                while not self._signals.empty():
                    self._signals.get()(self.clock.now())
                self._watch_reply()
        except Exception as error:
            log.debug("the listener failed", exc_info=True)
            self.bus.publish(Failed(self.options.name, self._turns.number, "audio", error))

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
        self._turns.hear(frame)
        if self._mic.hears_itself != self._hears_itself:
            self._hears_itself = not self._hears_itself
            self._step(turn_io.HearsItself(self._hears_itself), frame.end)
        self._attend(self._ear.hear(frame), frame.end)
        probability = self._vad.probability(frame)
        if probability >= _LIVELY:
            self._lively_until = frame.end + _QUIET_SECONDS
        if self.options.live and (level := self._level.measure(frame, probability)) is not None:
            self.bus.publish(Level(self.options.name, self._turns.number, *level))
        self._step(turn_io.Voice(probability, frame.seconds, frame.no_echo, dbfs(frame.samples)), frame.end)

    def _attend(self, inputs: list[turn_io.Input], now: float) -> None:
        for event in inputs:
            self._step(event, now)
        if self._ear.attention is not self._attention:
            self._attention = self._ear.attention
            self.bus.publish(AttentionChanged(self.options.name, self._turns.number, self._attention))

    def _change(self, options: ConversationOptions, now: float) -> None:
        self.options, self._machine.policy = options, options.policy
        self._turns.change(options)
        if options.notice:
            self.bus.publish(Noticed(options.name, self._turns.number, options.notice))
        self._attend(self._ear.set_hands_free(now, on=options.hands_free), now)
        if self._machine.state is State.LISTENING:
            self._turns.tidy_history()

    def _watch_reply(self) -> None:
        for event in self._turns.watch_reply():
            self._step(event, self.clock.now())

    def _step(self, event: turn_io.Input, now: float) -> None:
        for action in self._machine.step(event, now):
            for outcome in self._turns.do(action, now):
                self._step(outcome, now)
        if self._machine.state is not self._shown:
            self._shown = self._machine.state
            self._lively_until = now + _QUIET_SECONDS
            self.bus.publish(StateChanged(self.options.name, self._turns.number, self._shown))
            self._attend(self._ear.change_turn(self._shown, now), now)

    def _pass_news_on(self) -> None:
        notices, self._noticed = self._engines.notices.since(self._noticed)
        for text in notices:
            self.bus.publish(Noticed(self.options.name, self._turns.number, text))
        for news in self._turns.news():
            if isinstance(news, turn_io.Words) and self._is_own(news.text):
                self._step(replace(news, text=""), self.clock.now())
            else:
                self._step(news, self.clock.now())

    def _is_own(self, words: str) -> bool:
        """Whether what was understood over a reply is the reply: no echo is to silence it, however it got through."""
        if self._machine.state is not State.SPEAKING or is_stop(words):
            return False
        return are_own_words(words, self._turns.spoken())

    def _signal(self, event: turn_io.Input) -> None:
        self._request(lambda now: self._step(event, now))

    def _request(self, request: Callable[[float], None]) -> None:
        """Have something done on the listener's thread."""
        try:
            self._signals.put_nowait(request)
        except queue.Full:
            raise BusyError("the conversation is busy") from None
        self._stirred.set()
