"""Is anybody being listened to? When the assistant wakes and falls asleep, as a pure state machine without a clock.

                 wake word; a key, a typed message
    ASLEEP ────────────────────────────────────────► AWAKE
       ▲                                               │
       └───────────────────────────────────────────────┘
         nobody speaks for 5 s after the word, for 8 s after a reply

``step(input, now)`` takes what happened and returns what is to be done. While asleep, what is said is kept from the
turn machine. Awake, that machine tells whose turn it is, since nobody falls asleep in a turn.
"""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotpin.events import State

if TYPE_CHECKING:
    from hotpin.settings import Settings

# --- inputs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WordJudged:
    """One frame of the microphone has been judged, by a wake word engine."""

    probability: float
    """0 to 1, that the wake word was said just now."""


@dataclass(frozen=True, slots=True)
class Called:
    """A key or a command stands for the wake word."""


@dataclass(frozen=True, slots=True)
class TurnChanged:
    """The turn machine is in another state."""

    state: State


Input = WordJudged | Called | TurnChanged

# --- actions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Drop a reply that is being made or spoken, say that you listen, and hear what is said from now on."""


@dataclass(frozen=True, slots=True)
class FallAsleep:
    """Say so, and hear nothing but the wake word."""


Action = WakeUp | FallAsleep

# --- policy ------------------------------------------------------------------------------------------------------

_STOP = re.compile(
    r"(?:(?:hey|okay|ok|please)\W+)*(?:(?:jarvis|mycroft|nabu|rhasspy|alexa)\W+)?"
    r"(?:please\W+)?(?:stop|stop it|stop talking|stop that|be quiet|quiet|shut up|never ?mind|cancel)(?:\W+please)?\W*"
)


def is_stop(words: str) -> bool:
    """Whether all that was said is that the assistant should be silent: the right reply is none."""
    return _STOP.fullmatch(words.strip().lower()) is not None


@dataclass(frozen=True, slots=True)
class WakePolicy:
    """The numbers of waking; the settings' ``wake`` section gives each one's reason."""

    threshold: float = 0.5
    refractory_seconds: float = 2.0
    follow_up_seconds: float = 8.0
    sleep_seconds: float = 5.0


def policy_of(settings: "Settings") -> WakePolicy:
    """Give the policy of waking that the settings describe."""
    w = settings.wake
    return WakePolicy(w.threshold, w.refractory_seconds, w.follow_up_seconds, w.sleep_seconds)


class WakeMachine:
    """Whether one conversation is awake. Used from one thread."""

    def __init__(self, policy: WakePolicy | None = None) -> None:
        self.policy = policy or WakePolicy()
        self.awake = False
        self._turn = State.LISTENING
        self._until = -math.inf  # when it falls asleep if nobody speaks
        self._above = False  # the word is still ringing on
        self._deaf_until = -math.inf

    def step(self, event: Input, now: float) -> list[Action]:
        """Take what happened at ``now`` seconds and return what is to be done.

        Every frame must be told of, asleep or awake: they are what makes time pass.
        """
        match event:
            case TurnChanged(state):
                self._change_turn(state, now)
            case Called():
                return self._wake_up(now)
            case WordJudged(probability):
                if self._called(probability, now):
                    return self._wake_up(now)
        if self.awake and self._turn is State.LISTENING and now >= self._until:
            self.awake = False
            return [FallAsleep()]
        return []

    def _wake_up(self, now: float) -> list[Action]:
        self.awake = True
        self._until = now + self.policy.sleep_seconds
        return [WakeUp()]

    def _called(self, probability: float, now: float) -> bool:
        above = probability >= self.policy.threshold
        rises, self._above = above and not self._above, above
        if not rises or now < self._deaf_until:
            return False
        self._deaf_until = now + self.policy.refractory_seconds
        # Who says it within a sentence is heard already.
        return self._turn is not State.HEARING

    def _change_turn(self, state: State, now: float) -> None:
        before, self._turn = self._turn, state
        if state is not State.LISTENING:
            self.awake = True  # if it was not the word, it was a key or a typed message
        elif before is State.SPEAKING:
            self._until = now + self.policy.follow_up_seconds
        elif before is State.THINKING:  # nothing was understood: it may be said again
            self._until = now + self.policy.sleep_seconds
        # After a noise the time runs on, or a creaking door would keep it awake.
