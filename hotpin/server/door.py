"""How a WebSocket is received: accepted, given a place, known by its token, and its first message awaited in time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.websockets import WebSocket

from hotpin.errors import BusyError
from hotpin.server import auth
from hotpin.server.guard import KNOWN
from hotpin.server.link import BUSY, Link
from hotpin.server.messages import ProtocolError
from hotpin.server.services import Services


async def receive(
    socket: WebSocket, services: Services, protocol: str, work: Callable[[Link], Coroutine[Any, Any, None]]
) -> None:
    """Accept a socket and serve it with ``work`` until either ends.

    It is accepted in any case, since whoever is closed before that never learns why.
    """
    await socket.accept(auth.answered_subprotocol(socket.scope.get("subprotocols", [])))
    link = Link(socket, services.limits)
    try:
        with services.seats.seat(link.address):
            services.metrics.connections.labels(protocol).inc()
            await link.run(work(link) if services.health.ready else _turn_away(link, "the engines are not loaded yet"))
    except BusyError as error:
        await link.run(_turn_away(link, error.message))


async def _turn_away(link: Link, reason: str) -> None:
    link.close(BUSY, reason)


async def first_message(link: Link, services: Services) -> str | bytes:
    """Wait for the client's first message.

    Raises:
        ProtocolError: if it does not come in time.
    """
    seconds = services.limits.handshake_seconds
    try:
        async with asyncio.timeout(seconds):
            return await link.receive()
    except TimeoutError:
        raise ProtocolError(f"the first message did not come within {seconds:g} s") from None


def is_known(socket: WebSocket) -> bool:
    """Whether the client has shown the token with its request, or need not."""
    return bool(socket.scope.get(KNOWN, False))


def check_token(socket: WebSocket, services: Services, token: str) -> None:
    """Look at the token of a first message, unless the client is known already.

    Raises:
        ProtocolError: if it is not the right one.
    """
    if not is_known(socket) and not auth.token_matches([token], services.limits.token.get_secret_value()):
        raise ProtocolError("a token is needed, and this is not it" if token else "a token is needed")
