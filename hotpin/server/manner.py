"""How a client converses, and what its protocol does about what happens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hotpin.events import Event
from hotpin.server.problems import Problem
from hotpin.server.socket_playback import Encoder, PcmEncoder, Sound


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client converses."""

    protocol: str
    """Its protocol's name, for logs and figures."""

    session_id: str
    address: str = "127.0.0.1"
    agent: str = ""
    """The persona; empty means the session's last, or the settings'."""
    voice: str = ""
    """The voice; empty means the persona's."""
    vad: bool = False
    """Whether the server finds out when the person has finished."""
    echo_cancelled: bool = False
    """Whether the client keeps what it plays out of what it sends, so that speech can interrupt a reply."""
    paced: bool = True
    """Whether the reply is heard as it comes, rather than got as a whole."""
    encoder: Callable[[], Encoder] = PcmEncoder
    """Makes what encodes each reply."""


class Listener(Protocol):
    """What a protocol does about what happens; called on the event loop, and never waits."""

    def happened(self, event: Event) -> None:
        """Take what the conversation tells."""
        ...

    def sounded(self, sound: Sound) -> None:
        """Take a piece of a reply."""
        ...

    def refused(self, problem: Problem) -> None:
        """Take that a turn is not answered."""
        ...

    def unheard(self) -> None:
        """Take that there was nothing to answer."""
        ...
