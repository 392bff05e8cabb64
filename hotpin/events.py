"""What happens in a conversation, for whoever shows it: small frozen facts, never commands."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotpin.timing import Timing


class State(StrEnum):
    """Whose turn it is, at a glance."""

    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"


class Attention(StrEnum):
    """Whether what the microphone hears is meant for the assistant."""

    AWAKE = "awake"
    ASLEEP = "asleep"
    """Only the wake word, a key or a command opens its ear."""
    MUTED = "muted"
    """Only a key does, as long as it is held."""


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    conversation: str
    """Which conversation it happened in."""

    turn: int
    """The turn it belongs to, counted from 1; 0 before the first."""


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The conversation is now in another state."""

    state: State


@dataclass(frozen=True, slots=True)
class AttentionChanged(Event):
    """Somebody is listened to now, or nobody any more."""

    attention: Attention


@dataclass(frozen=True, slots=True)
class Level(Event):
    """What the microphone hears, about 10 times a second."""

    dbfs: float
    """dB below full scale, never over 0."""
    probability: float
    """0 to 1, that it is speech."""


@dataclass(frozen=True, slots=True)
class DeviceChanged(Event):
    """A microphone or loudspeaker is there now, or no longer."""

    kind: str
    """``microphone`` or ``loudspeaker``."""
    name: str
    present: bool
    detail: str
    """What the person should know of it, a sentence; may be empty."""


@dataclass(frozen=True, slots=True)
class InputOver(Event):
    """The recording has been heard to its end, or the microphone is gone; what was said may still be answered."""


@dataclass(frozen=True, slots=True)
class Partial(Event):
    """Words understood so far; they may still change."""

    text: str


@dataclass(frozen=True, slots=True)
class Heard(Event):
    """What the person said, final; empty where there was sound but no words."""

    text: str
    typed: bool = False
    """Whether they typed it."""


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """The model wrote some more of its reply."""

    delta: str


@dataclass(frozen=True, slots=True)
class ReplyWritten(Event):
    """The reply's text is final."""

    text: str


@dataclass(frozen=True, slots=True)
class Speaking(Event):
    """The first sound of the reply is out."""


@dataclass(frozen=True, slots=True)
class Spoken(Event):
    """Some more of the reply has been heard."""

    text: str
    """The reply as far as it has been heard, whole words."""


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The reply was cut off by the person."""

    spoken: str
    """What had been heard of it by then."""


@dataclass(frozen=True, slots=True)
class TurnDone(Event):
    """A question and its answer are over."""

    heard: str
    reply: str
    spoken: str
    """The part of the reply that was heard; the whole of it unless interrupted."""
    timing: "Timing"


@dataclass(frozen=True, slots=True)
class Noticed(Event):
    """Something a person should know, though nothing has failed: a voice that was switched, a store that is slow."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """Something went wrong; the conversation goes on."""

    stage: str
    """``stt``, ``llm``, ``tts``, ``audio``, ``store``."""
    error: Exception
