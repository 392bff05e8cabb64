"""Uvicorn's WebSocket protocol, which knows that a refusal completes the handshake, too."""

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Refuses with an HTTP status as any other answer: without an error in the log.

    Uvicorn (0.54, too) leaves ``handshake_complete`` false after a ``websocket.http.response``, and so takes every
    refusal for an application that has returned without an answer.
    """

    async def send(self, message: "ASGISendEvent") -> None:
        """Send what the application gives."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
