"""What the turns of one conversation share."""

from collections.abc import Callable
from dataclasses import dataclass

from hotpin.audio.playback import Playback
from hotpin.cancel import Ticket
from hotpin.clock import Clock
from hotpin.conversation_options import ConversationOptions
from hotpin.engines import Engines
from hotpin.events import Event
from hotpin.history import History
from hotpin.turn_io import Judged, Words


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the turns of one conversation share."""

    engines: Engines
    playback: Playback
    publish: Callable[[Event], None]
    clock: Clock
    options: ConversationOptions
    history: History
    understood: Callable[[Ticket, Words], None]
    """Told of the words so far, while the person speaks."""
    judged: Callable[[Ticket, Judged], None]
    """Told how likely the person has finished, in a pause."""
