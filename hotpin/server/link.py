"""One WebSocket: what comes is read all the time, what goes waits in a bounded queue, and it is closed once.

Reading all the time is how a disconnect is noticed in the middle of a turn. Nobody ever waits for a client that reads
slowly: once too much waits for it, it is disconnected.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from hotpin.errors import HotpinError
from hotpin.settings import ServerSettings

log = logging.getLogger(__name__)

NORMAL, GOING_AWAY, UNSUPPORTED, NOT_AUDIO, POLICY, TOO_BIG = 1000, 1001, 1003, 1007, 1008, 1009
FAILED, BUSY = 1011, 1013
"""Codes that sockets are closed with."""
TAKEN_OVER = 4409
"""The session goes on in a newer connection; whoever reconnects by itself should not after this."""

_INBOX = 32
"""Messages that may wait to be looked at; after that the client has to."""

_MESSAGE_BYTES = 256
"""What a message that waits costs beside what is in it."""

_GRACE_SECONDS = 2.0
"""s in which a client that does not read can still take the reason why it is disconnected."""

_MAX_REASON_BYTES = 123
"""A close frame has no room for more."""

ABORT = "hotpin.abort"
"""Key of the scope under which the guard leaves what cuts the connection."""


@dataclass(frozen=True, slots=True)
class _Outgoing:
    payload: str | bytes
    sent: Callable[[], None] | None


class Link:
    """One accepted WebSocket. Used on the event loop only."""

    def __init__(self, socket: WebSocket, limits: ServerSettings) -> None:
        self._socket = socket
        self._limits = limits
        self._inbox: asyncio.Queue[str | bytes] = asyncio.Queue(_INBOX)
        self._outbox: deque[_Outgoing] = deque()
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._closed = asyncio.Event()
        self._active = 0.0  # s on the loop's clock

    @property
    def closing(self) -> bool:
        """Whether it has been closed, or is about to be."""
        return self._closing is not None or self._closed.is_set()

    @property
    def address(self) -> str:
        """The client's address; loopback's where there is none, as on a Unix socket."""
        return self._socket.client.host if self._socket.client else "127.0.0.1"

    async def receive(self) -> str | bytes:
        """Return the client's next message."""
        return await self._inbox.get()

    def send(self, payload: str | bytes, sent: Callable[[], None] | None = None) -> None:
        """Queue a message; never waits. ``sent`` is called once it has gone to the client."""
        if self.closing:
            return
        self._outbox.append(_Outgoing(payload, sent))
        self._waiting_bytes += len(payload) + _MESSAGE_BYTES
        if self._waiting_bytes > self._limits.send_buffer_bytes:
            self._give_up("this client reads too slowly")
        self._changed.set()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it once everything queued has been sent; the first call counts."""
        if not self.closing:
            self._closing = code, reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
            self._changed.set()

    async def wait_closed(self) -> None:
        """Wait until nothing happens on it any more."""
        await self._closed.wait()

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Serve the client with ``work`` until either ends; what the other does is then cancelled."""
        self._active = asyncio.get_running_loop().time()
        worker = asyncio.create_task(work)
        tasks = {asyncio.create_task(self._read()), asyncio.create_task(self._write()), worker}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if worker in done and not worker.cancelled():
                self._end(worker.exception())
                await self._wait_for_writer(tasks - done)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._closed.set()

    def _end(self, error: BaseException | None) -> None:
        if isinstance(error, HotpinError) and error.retryable:
            log.warning("a connection had to be closed: %s", error)
            self.close(BUSY, "it cannot be served just now; try again in a moment")
        elif error is not None:
            log.error("a connection failed: %s", type(error).__name__, exc_info=error)
            self.close(FAILED, "something went wrong here")
        self.close()

    async def _wait_for_writer(self, tasks: set[asyncio.Task[None]]) -> None:
        """Let what is queued be sent; the writer bounds how long that takes, and a disconnect ends it."""
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(self._active + self._limits.idle_seconds - loop.time()):
                    message = await self._socket.receive()
            except TimeoutError:
                if self._active + self._limits.idle_seconds <= loop.time():
                    self.close(GOING_AWAY, f"nothing was said for {self._limits.idle_seconds:g} s")
                    await self._closed.wait()
                continue
            if message["type"] == "websocket.disconnect":
                return
            self._active = loop.time()
            text, data = message.get("text"), message.get("bytes")
            await self._inbox.put(text if text is not None else data or b"")

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._outbox:
                    await self._send(self._outbox.popleft())
                    self._active = loop.time()
                if self._closing is not None:
                    code, reason = self._closing
                    async with asyncio.timeout(_GRACE_SECONDS):
                        await self._socket.close(code, reason)
                    return
        except TimeoutError:
            await self._cut()
        except (WebSocketDisconnect, RuntimeError, OSError):
            return  # it is gone; the reader learns of it, too

    async def _send(self, message: _Outgoing) -> None:
        async with asyncio.timeout(self._limits.send_seconds):
            if isinstance(message.payload, str):
                await self._socket.send_text(message.payload)
            else:
                await self._socket.send_bytes(message.payload)
        self._waiting_bytes -= len(message.payload) + _MESSAGE_BYTES
        if message.sent is not None:
            message.sent()

    def _give_up(self, reason: str) -> None:
        self._outbox.clear()
        self.close(POLICY, reason)

    async def _cut(self) -> None:
        """Disconnect a client that does not even take the reason."""
        log.warning("a client at %s reads too slowly and is disconnected", self.address)
        if self._closing is None:
            self._give_up("this client reads too slowly")
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._socket.close(POLICY, "this client reads too slowly")
                return
        abort = self._socket.scope.get(ABORT)
        if abort is not None:
            abort()
