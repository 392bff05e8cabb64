"""What the threads behind the screen tell it; posted, never waited for by whoever holds the conversation."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.message import Message

from hotpin.events import Event, Level, Partial, ReplyText, Spoken

if TYPE_CHECKING:
    from hotpin.tui.call import LiveCall


class CallMessage(Message):
    """Something of one call; another one may have taken its place by the time it is read.

    Args:
        call: the call.
    """

    def __init__(self, call: "LiveCall") -> None:
        super().__init__()
        self.call = call


class LoadingWentOn(CallMessage):
    """Some more of what the call needs is there."""

    def __init__(self, call: "LiveCall", loaded: int, of: int) -> None:
        super().__init__(call)
        self.loaded = loaded
        self.of = of


class CallReady(CallMessage):
    """The engines are loaded and the conversation has begun.

    Args:
        call: the call.
        name: the assistant's.
        earlier: the session's turns from before, what was heard and what was answered, oldest first.
    """

    def __init__(self, call: "LiveCall", name: str, earlier: Sequence[tuple[str, str]]) -> None:
        super().__init__(call)
        self.name = name
        self.earlier = earlier


class CallFailed(CallMessage):
    """There will be no conversation."""

    def __init__(self, call: "LiveCall", error: Exception) -> None:
        super().__init__(call)
        self.error = error


class Happened(CallMessage):
    """Some events of the conversation, in order.

    Args:
        call: the call.
        events: as ``coalesced`` leaves them.
        handled: set by the screen when it has shown them; until then no more are posted.
    """

    def __init__(self, call: "LiveCall", events: Sequence[Event], handled: threading.Event) -> None:
        super().__init__(call)
        self.events = events
        self.handled = handled


def coalesced(events: Iterable[Event]) -> list[Event]:
    """Join what one look at the screen cannot tell apart: words of one reply, and what was replaced at once."""
    joined: list[Event] = []
    for event in events:
        match joined[-1] if joined else None, event:
            case ReplyText(turn=before, delta=delta), ReplyText(turn=turn, delta=more) if before == turn:
                joined[-1] = replace(event, delta=delta + more)
            case (Partial(), Partial()) | (Level(), Level()):
                joined[-1] = event
            case Spoken(turn=before), Spoken(turn=turn) if before == turn:
                joined[-1] = event
            case _:
                joined.append(event)
    return joined
