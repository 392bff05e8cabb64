"""What all connections of a server share."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

from hotpin.app import App
from hotpin.events import Failed
from hotpin.server.limits import Seats, TurnGate, TurnRate
from hotpin.server.link import TAKEN_OVER, Link
from hotpin.server.metrics import Metrics
from hotpin.settings import ServerSettings

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_POOL_THREADS = 8
"""Threads for what would hold up the event loop: reading sessions, ending conversations, decoding audio."""

_FAILURE_SECONDS = 60.0
"""s for which a failed turn counts."""

_TAKE_OVER_SECONDS = 5.0
"""s that an older connection of a session has to end."""


class Health:
    """Whether the engines work, as far as the last turns tell."""

    def __init__(self) -> None:
        self.ready = False
        """Whether the engines are loaded."""
        self._not_ready = "the engines are being loaded"
        self._failure = ""
        self._failed_at = 0.0

    @property
    def reason(self) -> str:
        """Why it cannot serve; empty if it can.

        A failed turn is held against it for a minute only: who is sent no turns has no chance to do better.
        """
        recent = time.monotonic() - self._failed_at < _FAILURE_SECONDS
        return self._not_ready or (self._failure if recent else "")

    def loaded(self, error: Exception | None = None) -> None:
        """Note that the engines have been loaded, or could not be."""
        self.ready = error is None
        # What exactly is wrong stands in the log: it names files of this machine.
        self._not_ready = f"the engines could not be loaded ({type(error).__name__})" if error else ""

    def failed(self, event: Failed) -> None:
        """Note a failure in a turn."""
        if event.stage in ("stt", "llm", "tts"):
            self._failure, self._failed_at = f"the last turn failed: {event.stage}", time.monotonic()

    def done(self) -> None:
        """Note a turn that was answered."""
        self._failure = ""


class LiveSessions:
    """Who speaks in which session: one connection each, the newest."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}

    @asynccontextmanager
    async def hold(self, session_id: str, link: Link) -> AsyncIterator[None]:
        """Speak in a session for the length of a block; an older connection of it is closed first."""
        older = self._links.get(session_id)
        self._links[session_id] = link
        if older is not None:
            log.info("session=%s goes on in a newer connection", session_id)
            older.close(TAKEN_OVER, "this session goes on in a newer connection")
            try:
                async with asyncio.timeout(_TAKE_OVER_SECONDS):
                    await older.wait_closed()
            except TimeoutError:
                log.warning("session=%s: an older connection does not end", session_id)
        try:
            yield
        finally:
            if self._links.get(session_id) is link:
                del self._links[session_id]


@dataclass(slots=True)
class Services:
    """What all connections of a server share."""

    app: App
    gate: TurnGate
    rate: TurnRate
    seats: Seats
    metrics: Metrics
    health: Health = field(default_factory=Health)
    sessions: LiveSessions = field(default_factory=LiveSessions)
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_POOL_THREADS, thread_name_prefix="hotpin-server")
    )

    @classmethod
    def of(cls, app: App) -> "Services":
        """Make them as the settings have it."""
        s = app.settings.server
        metrics = Metrics()
        seats = Seats(s.max_connections, s.max_connections_per_address, metrics.open_connections.set)
        gate = TurnGate(s.max_concurrent_turns, s.max_queued_turns, metrics.turns_inside.set)
        return cls(app, gate, TurnRate(s.turns_per_minute), seats, metrics)

    @property
    def limits(self) -> ServerSettings:
        """The server's settings."""
        return self.app.settings.server

    async def in_thread(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run what would hold up the event loop on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(work, *args, **kwargs))
