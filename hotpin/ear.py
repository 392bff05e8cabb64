"""Is what the microphone hears meant for the assistant? Muted, asleep until it is called, or awake."""

from dataclasses import replace

from hotpin.audio.frame import Frame
from hotpin.events import Attention, State
from hotpin.turn_io import Attend, Ignore, Input, Interrupt
from hotpin.wake.base import Wake
from hotpin.wake.policy import Called, TurnChanged, WakeMachine, WakePolicy, WakeUp, WordJudged

LEAD_SECONDS = 0.1
"""s before the wake word was noticed that already count: who calls and asks in one breath is quick."""


class Ear:
    """Who is listened to. Used from one thread; what it returns is for the turn machine.

    Args:
        word: what listens for the wake word, loaded; ``None`` for always awake.
        policy: the numbers of waking.
        hands_free: whether it listens, or hears the wake word, without being told; otherwise each utterance needs a
            key or ``call``.
    """

    def __init__(self, word: Wake | None, policy: WakePolicy, *, hands_free: bool) -> None:
        self._word = word
        self._policy = policy
        self._muted = False
        self._hands_free = hands_free
        self._machine = self._new_machine()
        self._turn = State.LISTENING
        self._shown = Attention.AWAKE

    @property
    def attention(self) -> Attention:
        """Whether anybody is listened to."""
        if self._muted:
            return Attention.MUTED
        if self._machine is None:
            return Attention.AWAKE
        # Who talks by key does not interrupt by voice.
        open_ = self._machine.awake and (self._hands_free or self._turn is not State.SPEAKING)
        return Attention.AWAKE if open_ else Attention.ASLEEP

    def hear(self, frame: Frame) -> list[Input]:
        """Take a frame; every one, or time does not pass."""
        heeds_word = self._word is not None and self._hands_free and not self._muted
        probability = self._word.probability(frame) if self._word is not None and heeds_word else 0.0
        return self._step(WordJudged(probability), frame.end)

    def change_turn(self, state: State, now: float) -> list[Input]:
        """Take note of whose turn it is."""
        self._turn = state
        return [*self._step(TurnChanged(state), now), *self._step(WordJudged(0.0), now)]

    def call(self, now: float) -> list[Input]:
        """Wake up as if called by the word; muted, it stays so."""
        return [] if self._muted else self._step(Called(), now)

    def mute(self, now: float, *, on: bool) -> list[Input]:
        """Listen to nobody, or again."""
        self._muted = on
        return self._changes(now)

    def set_hands_free(self, now: float, *, on: bool) -> list[Input]:
        """Listen without being told, or only when told."""
        if on != self._hands_free:
            self._hands_free = on
            self._machine = self._new_machine()
            if self._machine is not None:
                self._machine.step(TurnChanged(self._turn), now)
        return self._changes(now)

    def _new_machine(self) -> WakeMachine | None:
        if not self._hands_free:  # one call, one utterance
            return WakeMachine(replace(self._policy, follow_up_seconds=0.0))
        return WakeMachine(self._policy) if self._word is not None else None

    def _step(self, event: WordJudged | Called | TurnChanged, now: float) -> list[Input]:
        if self._machine is None:
            return self._changes(now)
        before = self.attention
        called = any(isinstance(action, WakeUp) for action in self._machine.step(event, now))
        if called and before is self._shown is Attention.AWAKE:  # called while a reply is made or spoken
            return [Interrupt(), Attend(now - LEAD_SECONDS)]
        return self._changes(now - LEAD_SECONDS * called)

    def _changes(self, now: float) -> list[Input]:
        before, self._shown = self._shown, self.attention
        if before is self._shown:
            return []
        return [Attend(now)] if self._shown is Attention.AWAKE else [Ignore()]
