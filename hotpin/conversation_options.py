"""How one conversation is held."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hotpin.history import Turn
from hotpin.llm.base import ReplyOptions
from hotpin.sessions.keeper import Keeper, Unkept
from hotpin.turn_policy import TurnPolicy
from hotpin.wake.base import Wake
from hotpin.wake.policy import WakePolicy


@dataclass(frozen=True, slots=True)
class ConversationOptions:
    """How one conversation is held."""

    name: str = "default"
    """Names it towards the engines and in events."""

    agent: str = ""
    """The persona that answers."""

    policy: TurnPolicy = field(default_factory=TurnPolicy)
    prompt: str = ""
    max_turns: int = 10
    keep_turns: int = 6
    reply: ReplyOptions = field(default_factory=ReplyOptions)
    voice: str = ""
    earlier: Sequence[Turn] = ()
    """Turns of the same session from before."""
    keeper: Keeper = field(default_factory=Unkept)
    """Who keeps the turns."""
    notice: str = ""
    """What the person should be told at the start; empty for nothing."""

    push_to_talk: bool = False
    """Whether the key is held from the start: then only ``release``, or the end of the input, ends the turn."""
    live: bool = False
    """Whether a person sits in front of it: what is heard is shown as it goes, and "stop" is answered by silence."""
    hands_free: bool = True
    """Whether it listens without being told."""
    word: Wake | None = None
    """What listens for the wake word, loaded; ``None`` for no such word."""
    wake_policy: WakePolicy = field(default_factory=WakePolicy)
