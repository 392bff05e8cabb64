"""The one HTTP client of the process: pooled connections, time-outs, repeated attempts, cancelling.

It runs on an event loop with a thread of its own, since only there can a call that waits for its next byte be ended at
once. What comes is handed over piece by piece to the thread that asked.

An attempt is repeated only as long as the server has not begun to answer: so nothing is ever said twice.
"""

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import httpx2

from hotpin.cancel import Cancelled
from hotpin.cloud.refusal import asked_pause, failed, refusal
from hotpin.cloud.service import Service
from hotpin.errors import HotpinError

ATTEMPTS = 3
"""How often a server is asked at most."""

FIRST_PAUSE_SECONDS = 0.3
"""s before the second attempt, about; twice that before the next. Where the server says how long, that counts."""

CONNECT_SECONDS = 3.0
"""s that connecting may take, so that there is time for another attempt."""

MAX_CALL_SECONDS = 120.0
"""s that a whole answer may take: longer than any spoken reply."""

KEEP_SECONDS = 90.0
"""s that an idle connection is kept: the next turn needs no new handshake."""

MAX_CONNECTIONS = 32

_POLL_SECONDS = 0.02
"""s between looks at whether the answer is still wanted."""

Piece = TypeVar("Piece", str, bytes)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, always with POST."""

    path: str
    """Comes behind the service's address."""

    error: type[HotpinError]
    """What is raised where it fails."""

    max_bytes: int
    """Of the answer; more is an error."""

    json: Mapping[str, Any] | None = None
    """The body, unless it is a form."""

    form: Mapping[str, str] = field(default_factory=dict)
    """Fields of a form with files."""

    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)
    """Name, content and media type of each file."""

    query: Mapping[str, str] = field(default_factory=dict)
    """What comes behind the path."""

    sound: bool = False
    """Whether raw samples are wanted: text in their place would be a loud noise."""


class HttpClient:
    """Asks servers for any number of threads at once."""

    def __init__(self) -> None:
        # They name addresses at most, but nobody asked for them.
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="hotpin-http", daemon=True).start()
        # What runs on this machine is not asked through a proxy: it would see what was said.
        limits = httpx2.Limits(
            max_connections=MAX_CONNECTIONS, max_keepalive_connections=8, keepalive_expiry=KEEP_SECONDS
        )
        here = httpx2.AsyncHTTPTransport(limits=limits)
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            limits=limits,
            mounts=dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"), here),
            headers={"User-Agent": "hotpin", "Accept-Encoding": "identity"},
        )

    def events(self, service: Service, request: Request, cancelled: Cancelled) -> Generator[str, None, None]:
        """Ask, and give the data of each server-sent event as it comes; closing the generator ends the call at once.

        Raises:
            HotpinError: of the request's kind; retryable where the server may be well again later.
        """
        return self._pieces(service, request, _events, cancelled)

    def body(self, service: Service, request: Request, cancelled: Cancelled) -> Generator[bytes, None, None]:
        """Ask, and give the answer's bytes as they come; closing the generator ends the call at once.

        Raises:
            HotpinError: of the request's kind; retryable where the server may be well again later.
        """
        return self._pieces(service, request, _bytes, cancelled)

    def _pieces(
        self,
        service: Service,
        request: Request,
        read: Callable[[httpx2.Response], AsyncIterator[Piece]],
        cancelled: Cancelled,
    ) -> Generator[Piece, None, None]:
        if cancelled():
            return
        # Not bounded, but short: no longer than the request's max_bytes.
        came: SimpleQueue[Piece | HotpinError | None] = SimpleQueue()
        call = partial(_ask, self._client, service, request, read, came.put)
        future = asyncio.run_coroutine_threadsafe(_told(call, service, request, came.put), self._loop)
        try:
            while not cancelled():
                try:
                    piece = came.get(timeout=_POLL_SECONDS)
                except Empty:
                    continue
                if piece is None:
                    return
                if isinstance(piece, HotpinError):
                    raise piece
                yield piece
        finally:
            future.cancel()


@cache
def shared() -> HttpClient:
    """Give the client of this process; it is made at the first call and stays."""
    return HttpClient()


async def _told(
    call: Callable[[], Coroutine[Any, Any, None]],
    service: Service,
    request: Request,
    put: Callable[[HotpinError | None], None],
) -> None:
    """Run a call, and hand over how it ended."""
    whole = asyncio.timeout(MAX_CALL_SECONDS)
    try:
        async with whole:
            await call()
        put(None)
    except HotpinError as error:
        put(error)
    except TimeoutError:
        seconds = MAX_CALL_SECONDS if whole.expired() else service.timeout_seconds
        put(failed(service, request.error, f"{service.host} has not answered within {seconds:g} s"))
    except Exception as error:  # a bug here must not leave the asking thread waiting
        put(failed(service, request.error, f"{service.host} could not be asked: {type(error).__name__}"))


async def _ask(
    client: httpx2.AsyncClient,
    service: Service,
    request: Request,
    read: Callable[[httpx2.Response], AsyncIterator[Piece]],
    put: Callable[[Piece], None],
) -> None:
    """Ask until the server begins to answer, and hand its answer over.

    Raises:
        HotpinError: if it fails.
        TimeoutError: if a piece does not come in time.
    """
    clock = asyncio.get_running_loop().time
    async with asyncio.timeout(service.timeout_seconds) as watch:
        for attempt in range(ATTEMPTS):
            pause = FIRST_PAUSE_SECONDS * 2**attempt * random.SystemRandom().uniform(0.8, 1.2)
            try:
                response = await client.send(_built(client, service, request), stream=True)
            except httpx2.TransportError:
                error = failed(service, request.error, f"{service.host} cannot be reached")
            else:
                try:
                    if response.is_success:
                        await _hand_over(response, service, request, read(response), _tick(put, watch, service))
                        return
                    error = await refusal(response, service, request.error)
                    pause = asked_pause(response, pause)
                finally:
                    await response.aclose()
            if not error.retryable or attempt + 1 == ATTEMPTS or clock() + pause >= (watch.when() or 0.0):
                raise error
            await asyncio.sleep(pause)


def _built(client: httpx2.AsyncClient, service: Service, request: Request) -> httpx2.Request:
    return client.build_request(
        "POST",
        service.base_url + request.path,
        headers=service.headers(),
        params=request.query or None,
        json=request.json,
        data=request.form or None,
        files=request.files or None,
    )


def _tick(put: Callable[[Piece], None], watch: asyncio.Timeout, service: Service) -> Callable[[Piece], None]:
    """Give ``put`` the side effect that the time-out begins anew with each piece."""

    def put_and_wait_on(piece: Piece) -> None:
        put(piece)
        watch.reschedule(asyncio.get_running_loop().time() + service.timeout_seconds)

    return put_and_wait_on


async def _hand_over(
    response: httpx2.Response,
    service: Service,
    request: Request,
    pieces: AsyncIterator[Piece],
    put: Callable[[Piece], None],
) -> None:
    size = 0
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()[:60]
    if request.sound and (kind.startswith("text/") or kind.endswith("json")):
        raise failed(service, request.error, f"what {service.host} answered is no sound ({kind!r})")
    try:
        async for piece in pieces:
            size += len(piece)
            if size > request.max_bytes:
                raise request.error(f"{service.host} answered with more than {request.max_bytes:,} bytes")
            put(piece)
    except httpx2.SSEError:
        raise failed(
            service, request.error, f"{service.host} did not answer with a stream of events ({kind!r})"
        ) from None
    except httpx2.HTTPError:
        raise failed(service, request.error, f"the answer of {service.host} broke off") from None


async def _events(response: httpx2.Response) -> AsyncIterator[str]:
    async for event in httpx2.EventSource(response, max_event_size=1 << 16):
        yield event.data


async def _bytes(response: httpx2.Response) -> AsyncIterator[bytes]:
    async for piece in response.aiter_raw():
        yield piece
