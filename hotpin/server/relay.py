"""From the pipeline's threads to the event loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from hotpin.bus import Bus
from hotpin.events import Event, Level, Spoken

Thing = TypeVar("Thing")


def relayed(loop: asyncio.AbstractEventLoop, take: Callable[[Thing], None]) -> Callable[[Thing], None]:
    """Give what has ``take`` called on the event loop; to be called from any thread, and never waits."""

    def hand_over(thing: Thing) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(take, thing)

    return hand_over


class Relay(Bus):
    """Brings events to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[Event], None]) -> None:
        super().__init__()
        self._take = relayed(loop, take)

    def publish(self, event: Event) -> None:
        """Hand an event over, without ever waiting."""
        super().publish(event)
        if not isinstance(event, Level | Spoken):  # many, and for screens
            self._take(event)
