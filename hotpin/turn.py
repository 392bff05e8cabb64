"""Whose turn is it? All conversational policy, as a pure state machine: no threads, no clock, no input or output.

``step(input, now)`` takes what happened and returns what is to be done. Times are seconds on the clock of whoever
calls; for audio, ``now`` is the end of the frame, so that a late listener decides as a punctual one would.

                     speech                     end of turn                  first sound
    LISTENING ───────────────────► HEARING ───────────────────► THINKING ───────────────────► SPEAKING
        ▲                             ▲  the person goes on        │      nothing heard, failed    │
        │                             └────────────────────────────┤                               │
        └──────────────────────────────────────────────────────────┴───────────── reply over ──────┘

Speaking over a reply pauses it at once, which can be taken back: a hint of a voice is enough where there certainly is
more than the echo. It is cancelled by a real word, once it was heard to its end, or by speech that goes on without a
pause, and goes on if it was only a cough or an "uh-huh". Where the microphone may hear the loudspeaker, nobody can be
told from its echo: then only a key interrupts (half-duplex).

In a pause that is shorter than the end of the turn the pipeline runs ahead: what comes of it is held back until the
turn is over, and thrown away if the person goes on. It also tells how likely they have finished, and so how long to
wait.
"""

import math

from hotpin.events import State
from hotpin.over_reply import SpeechOverReply
from hotpin.pause import Pause
from hotpin.turn_io import (
    Action,
    Answer,
    Attend,
    CancelReply,
    DropUtterance,
    EndUtterance,
    HearsItself,
    Ignore,
    Input,
    InputEnded,
    Interrupt,
    Judged,
    PausePlayback,
    PushToTalk,
    Recital,
    Recite,
    ReopenUtterance,
    ReplyStarted,
    ResumePlayback,
    StartUtterance,
    Typed,
    Voice,
    Words,
)
from hotpin.turn_policy import TurnPolicy

_OVER_REPLY_THRESHOLD, _OVER_REPLY_SECONDS = 0.8, 2 / 3
"""Shares of the start's threshold and seconds that are enough to pause a reply, which can be taken back."""

_NO_ECHO_THRESHOLD = 0.3
"""Share of the start's threshold that is enough, at once, where what is heard is certainly no echo: it takes the VAD a
tenth of a second or more to be sure of a voice that comes up out of one."""

_OVER_REPLY_PRE_ROLL_SECONDS = 1.0
"""s of pre-roll at least: a voice is noticed later over a reply, and of the echo before it hardly anything is left."""

_WARY_SECONDS = 2.0
"""The same share of the seconds, at the full threshold, once a reply was paused for nothing."""


class TurnMachine:
    """The state of one conversation's turn-taking. Used from one thread."""

    def __init__(self, policy: TurnPolicy | None = None) -> None:
        self.policy = policy or TurnPolicy()
        self.state = State.LISTENING
        self._held = False  # push-to-talk
        self._reopenable = False  # the turn was ended by a silence, which may have been a pause
        self._over_reply: SpeechOverReply | None = None
        self._wary = False  # this reply was paused for nothing before
        self._ignores = False  # muted, or asleep
        self._hears_itself = False
        self._not_before = -math.inf  # s: what was heard earlier is an echo, or was not meant for the assistant
        self._words = ""
        self._pause = Pause(self.policy)
        self._run = 0.0  # s of unbroken speech
        self._speech = 0.0  # s of speech in this utterance
        self._last_speech: float | None = None
        self._began = 0.0

    def step(self, event: Input, now: float) -> list[Action]:  # noqa: C901, PLR0911 - one line per input
        """Take what happened at ``now`` seconds and return what is to be done, in order."""
        match event:
            case Voice():
                return self._voice(event, now)
            case Words():
                return self._hear_words(event)
            case Judged():
                return self._judge(event, now)
            case PushToTalk(down):
                return self._press(now) if down else self._release()
            case Typed(text):
                return self._take_turn(Answer(text), now)
            case Recital(text):
                return self._take_turn(Recite(text), now)
            case Attend() | Ignore() | HearsItself():
                return self._listen_otherwise(event)
            case InputEnded():
                return self._release()
            case Interrupt():
                return self._interrupt(now)
            case ReplyStarted():
                if self.state is State.THINKING:
                    self.state, self._wary = State.SPEAKING, False
                return []
            case _:  # ReplyEnded
                return self._reply_ended(now)

    # --- audio ---

    def _voice(self, voice: Voice, now: float) -> list[Action]:
        hearing = self.state is State.HEARING or self._over_reply is not None
        pausing = 1.0
        if self.state is State.SPEAKING and not self._wary:
            pausing = _NO_ECHO_THRESHOLD if voice.no_echo else _OVER_REPLY_THRESHOLD
        threshold = self.policy.stop_threshold if hearing else pausing * self.policy.start_threshold
        speech = voice.probability >= threshold
        self._run = self._run + voice.seconds if speech else 0.0
        self._pause.hear(voice.level, speech=speech)
        if not hearing:
            return self._maybe_start(now, no_echo=voice.no_echo)
        if self._pause.is_ended_by(self._run):
            self._speech += voice.seconds
            self._last_speech = now
        return self._hearing(now) if self._over_reply is None else self._over_reply_goes_on(self._over_reply, now)

    def _maybe_start(self, now: float, *, no_echo: bool) -> list[Action]:
        if self._ignores or now <= self._not_before:
            self._run = 0.0
        needed = self.policy.start_seconds
        if self.state is State.SPEAKING:
            share = _WARY_SECONDS if self._wary else 0.0 if no_echo else _OVER_REPLY_SECONDS
            needed = share * needed if self._can_be_interrupted else math.inf
        if self._run == 0.0 or self._run < needed:
            return []
        if self.state is State.THINKING:
            return self._reopen(now) if self._reopenable else []
        speaking = self.state is State.SPEAKING
        pre_roll = max(self.policy.pre_roll_seconds, _OVER_REPLY_PRE_ROLL_SECONDS * speaking)
        start = self._start(now, now - self._run - pre_roll)
        if speaking:
            self._over_reply = SpeechOverReply(self.policy)
            return [PausePlayback(), *start]
        self.state = State.HEARING
        return start

    @property
    def _can_be_interrupted(self) -> bool:
        return self.policy.barge_in and not self._hears_itself

    def _hearing(self, now: float) -> list[Action]:
        silence = now - (self._began if self._last_speech is None else self._last_speech)
        if (actions := self._pause.run_ahead(self._run, silence, self._speech)) or self._held:
            return list(actions)
        too_long = now - self._began >= self.policy.max_utterance_seconds
        if not too_long and not self._pause.ends_turn(self._run, silence, self._words):
            return []
        if self._speech < self.policy.min_speech_seconds:
            self.state = State.LISTENING
            return [DropUtterance()]
        return self._end(reopenable=not too_long)

    def _judge(self, judged: Judged, now: float) -> list[Action]:
        return self._hearing(now) if self._pause.judge(judged) else []

    def _over_reply_goes_on(self, over: SpeechOverReply, now: float) -> list[Action]:
        match over.judge(self._run, self._speech, now - (self._last_speech or now)):
            case None:
                return []
            case CancelReply() as cancel:
                self._over_reply = None
                self.state = State.HEARING
                return [cancel]
            case ResumePlayback():
                self._wary = not over.follows
                return self._resume()
            case understand:
                return [understand]

    def _resume(self) -> list[Action]:
        self._over_reply = None
        return [DropUtterance(), ResumePlayback()]

    def _listen_otherwise(self, event: Attend | Ignore | HearsItself) -> list[Action]:
        match event:
            case Attend(since):
                self._ignores, self._run, self._not_before = False, 0.0, since
            case HearsItself(possible):
                self._hears_itself = possible
            case Ignore():
                return self._ignore()
        return []

    def _ignore(self) -> list[Action]:
        """Listen to nobody any more; what a key is held for, or has been said to its end, still counts."""
        self._ignores, self._run = True, 0.0
        if self._over_reply is not None:
            return self._resume()
        if self.state is State.HEARING and not self._held:
            self.state = State.LISTENING
            return [DropUtterance()]
        return []

    def _hear_words(self, words: Words) -> list[Action]:
        if self.state is State.HEARING or self._over_reply is not None:
            self._words = words.text
        if self._over_reply is not None:
            self._over_reply.hear(words)
        return []

    # --- keys ---

    def _press(self, now: float) -> list[Action]:
        if self.state is State.HEARING:
            self._held = True
            return []
        actions = self._silence_reply(now)
        self._held = True
        self.state = State.HEARING
        # A quick speaker begins before the key is down.
        return [*actions, *self._start(now, now - self.policy.pre_roll_seconds)]

    def _release(self) -> list[Action]:
        self._held = False
        return self._end(reopenable=False) if self.state is State.HEARING else []

    def _take_turn(self, action: Answer | Recite, now: float) -> list[Action]:
        actions: list[Action] = [DropUtterance()] if self.state is State.HEARING else self._silence_reply(now)
        self._held = self._reopenable = False
        self.state = State.THINKING
        return [*actions, action]

    def _interrupt(self, now: float) -> list[Action]:
        actions: list[Action] = [DropUtterance()] if self.state is State.HEARING else self._silence_reply(now)
        self._held = False
        self.state = State.LISTENING
        return actions

    # --- the reply ---

    def _reply_ended(self, now: float) -> list[Action]:
        if self.state is State.HEARING:  # a reply that was cancelled reports late
            return []
        self._let_echo_pass(now)
        if self._over_reply is not None:  # it ended while somebody spoke over it: what they say is the next turn
            self._over_reply = None
            self.state = State.HEARING
            return []
        self.state = State.LISTENING
        return []

    def _let_echo_pass(self, now: float) -> None:
        if self.state is State.SPEAKING and self._hears_itself:
            self._not_before = now + self.policy.echo_tail_seconds

    def _silence_reply(self, now: float) -> list[Action]:
        """Drop a reply that is being made or spoken, and whatever is said over it."""
        self._let_echo_pass(now)
        actions: list[Action] = [DropUtterance()] if self._over_reply is not None else []
        self._over_reply = None
        if self.state is State.LISTENING:
            return actions
        return [*actions, CancelReply()]

    # --- the utterance ---

    def _start(self, now: float, since: float) -> list[Action]:
        self._words = ""
        self._pause = Pause(self.policy)
        self._speech = self._run
        self._last_speech = now if self._run else None
        self._began = now
        return [StartUtterance(max(since, self._not_before))]

    def _reopen(self, now: float) -> list[Action]:
        self._words = ""
        self._pause = Pause(self.policy)
        self._speech += self._run
        self._last_speech = now
        self.state = State.HEARING
        return [ReopenUtterance()]

    def _end(self, *, reopenable: bool) -> list[Action]:
        self._run = 0.0
        self._reopenable = reopenable
        self.state = State.THINKING
        return [EndUtterance(self._last_speech)]
