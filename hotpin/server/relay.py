"""From the pipeline's threads to the event loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from hotpin.bus import Bus
from hotpin.events import Event, Level, Spoken


class Relay(Bus):
    """Brings events to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[Event], None]) -> None:
        super().__init__()
        self._loop = loop
        self._take = take

    def publish(self, event: Event) -> None:
        """Hand an event over, without ever waiting."""
        super().publish(event)
        if isinstance(event, Level | Spoken):  # many, and for screens
            return
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._take, event)
