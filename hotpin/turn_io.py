"""What the turn machine is told, and what it wants done: its inputs and its actions."""

import math
from dataclasses import dataclass

# --- inputs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Voice:
    """One frame of the microphone has been judged."""

    probability: float
    """0 to 1, that it held speech."""
    seconds: float
    """The frame's length."""
    no_echo: bool = False
    """Whether something sounds over the loudspeaker that is certainly no echo of it."""
    level: float = -math.inf
    """dBFS of the frame, where it is known."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the current utterance, as far as understood; they replace earlier ones."""

    text: str

    whole: bool = False
    """Whether they were understood in a pause: while somebody speaks, the last one may be half a word."""

    confidence: float | None = None
    """Mean log probability of these words, where the recogniser tells."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said before the present pause is understood."""

    text: str
    """The words of the utterance; empty where there are none, or nobody ran ahead."""

    finished: float | None = None
    """How likely the person has finished, 0 to 1; ``None`` where only the words can tell."""

    silence: float | None = None
    """s since the sound had died away, when it was asked for; ``None`` if unknown."""


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """The key was pressed or released; silence does not end a turn while it is held."""

    down: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """The person typed a message."""

    text: str


@dataclass(frozen=True, slots=True)
class InputEnded:
    """The recording is over, or the microphone is gone."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The person pressed the key that stops the reply."""


@dataclass(frozen=True, slots=True)
class Recital:
    """The person, or a program of theirs, wants a text spoken as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Attend:
    """What the microphone hears is meant for the assistant from now on."""

    since: float
    """s on the caller's clock: what was heard before was not meant for it."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """From now on what the microphone hears is not meant for the assistant: it is muted, or asleep."""


@dataclass(frozen=True, slots=True)
class HearsItself:
    """Whether the microphone may hear the loudspeaker has changed."""

    possible: bool


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The reply's first sound is out."""


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The reply has been played to its end, or there is none: nothing was understood, or a stage failed."""


Input = (
    Voice
    | Words
    | Judged
    | PushToTalk
    | Typed
    | Recital
    | Attend
    | Ignore
    | HearsItself
    | InputEnded
    | Interrupt
    | ReplyStarted
    | ReplyEnded
)

# --- actions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartUtterance:
    """Begin to keep what is heard."""

    since: float
    """s on the caller's clock: from where on, the pre-roll included."""


@dataclass(frozen=True, slots=True)
class ReopenUtterance:
    """The person went on before anything was heard of a reply: take the turn back, keep what was heard."""


@dataclass(frozen=True, slots=True)
class DropUtterance:
    """It was a noise: forget it."""


@dataclass(frozen=True, slots=True)
class Understand:
    """Find out what was said over a reply before this pause; whole ``Words`` are expected."""


@dataclass(frozen=True, slots=True)
class Weigh:
    """A pause may have begun: find out from the sound whether the person has finished, while nothing else is to do."""


@dataclass(frozen=True, slots=True)
class Speculate:
    """Run ahead with what was said so far, and hold back what comes of it; a ``Judged`` is expected."""


@dataclass(frozen=True, slots=True)
class DropSpeculation:
    """The person goes on: throw away what was made in the pause."""


@dataclass(frozen=True, slots=True)
class EndUtterance:
    """The turn is over: understand and answer it."""

    speech_end: float | None
    """s on the caller's clock: when the last speech was heard; ``None`` if there was none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a typed message."""

    text: str


@dataclass(frozen=True, slots=True)
class Recite:
    """Speak a text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class PausePlayback:
    """Fall silent for now."""


@dataclass(frozen=True, slots=True)
class ResumePlayback:
    """Go on with the reply."""


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Drop the reply; what was heard of it stays in the history."""


Action = (
    StartUtterance
    | ReopenUtterance
    | DropUtterance
    | Understand
    | Weigh
    | Speculate
    | DropSpeculation
    | EndUtterance
    | Answer
    | Recite
    | PausePlayback
    | ResumePlayback
    | CancelReply
)
