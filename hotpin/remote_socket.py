"""A WebSocket that waits for the network no longer than it should."""

import socket
from typing import Any

from websockets.sync.client import ClientConnection

STALL_SECONDS = 15.0
"""s for which the other side may take nothing of what is sent, or leave a message half sent; longer than it has to
answer at all."""


class BoundedConnection(ClientConnection):
    """A connection that counts as cut once the other side has stalled.

    The library's own time-outs leave out two things: a server that takes nothing, and over TLS one that says nothing
    after the handshake. What TLS itself sends there wakes the thread that reads; it would then read for ever, and be
    waited for.
    """

    def __init__(self, connected: socket.socket, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as they come
        connected.settimeout(STALL_SECONDS)
        super().__init__(connected, *args, **options)
