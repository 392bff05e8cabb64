"""What the threads behind the screen tell it; posted, never waited for by whoever holds the conversation."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from textual.message import Message

from hotpin.events import Event, Partial, ReplyText


class LoadingWentOn(Message):
    """Some more of what the call needs is there."""

    def __init__(self, loaded: int, of: int) -> None:
        super().__init__()
        self.loaded = loaded
        self.of = of


class CallReady(Message):
    """The engines are loaded and the conversation has begun.

    Args:
        name: the assistant's.
        earlier: the session's turns from before, what was heard and what was answered, oldest first.
        notice: what the person should be told, such as that there is no sound; empty for nothing.
        listens: whether there is a microphone.
    """

    def __init__(self, name: str, earlier: Sequence[tuple[str, str]], notice: str, *, listens: bool) -> None:
        super().__init__()
        self.name = name
        self.earlier = earlier
        self.notice = notice
        self.listens = listens


class CallFailed(Message):
    """There will be no conversation."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Happened(Message):
    """Some events of the conversation, in order.

    Args:
        events: as ``coalesced`` leaves them.
        handled: set by the screen when it has shown them; until then no more are posted.
    """

    def __init__(self, events: Sequence[Event], handled: threading.Event) -> None:
        super().__init__()
        self.events = events
        self.handled = handled


def coalesced(events: Iterable[Event]) -> list[Event]:
    """Join what one look at the screen cannot tell apart: words of one reply, and partial words that were replaced."""
    joined: list[Event] = []
    for event in events:
        match joined[-1] if joined else None, event:
            case ReplyText(turn=before, delta=delta), ReplyText(turn=turn, delta=more) if before == turn:
                joined[-1] = replace(event, delta=delta + more)
            case Partial(), Partial():
                joined[-1] = event
            case _:
                joined.append(event)
    return joined
