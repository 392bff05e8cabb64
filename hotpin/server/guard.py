"""The door: every request passes here before anything else looks at it.

Whoever is refused here gets plain HTTP 401 or 403, also where a WebSocket was asked for: a page that may not come in
must not learn more. Everything that is to be told with a code is told after the socket has been accepted.
"""

import json
import logging

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from hotpin.server import auth
from hotpin.server.link import ABORT
from hotpin.settings import ServerSettings

log = logging.getLogger(__name__)

KNOWN = "hotpin.known"
"""Key of the scope that tells whether the client has shown the token, or need not."""

OPEN_PATHS = frozenset({"/", "/health", "/ready"})
"""What anybody may ask: whether it lives, and the page on which the token is entered."""

REASONS = {401: "a token is needed, and this is not it", 403: "refused"}
"""What is told to whoever is refused."""


class Guard:
    """Checks Host, Origin and token of each request."""

    def __init__(self, app: ASGIApp, server: ServerSettings, open_prefix: str = "") -> None:
        self._app = app
        self._server = server
        self._origins = auth.allowed_origins(server.frontend_url)
        self._open_prefix = open_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        status, why = self._judge(scope)
        if status:
            client = (scope.get("client") or ("?",))[0]
            log.warning("refused %r from %s: %s", scope["path"], client, why)
            await _refuse(scope, send, status)
            return
        # ASGI has no way to cut a connection whose client takes nothing; Uvicorn's transport has.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        scope[ABORT] = getattr(transport, "abort", None)
        await self._app(scope, receive, send)

    def _judge(self, scope: Scope) -> tuple[int, str]:
        """Return the status to refuse a request with, and why; 0 lets it in."""
        headers = Headers(scope=scope)
        host = headers.get("host")
        if not auth.host_allowed(host, self._server):
            return 403, "the Host header names another server"
        socket = scope["type"] == "websocket"
        secure = scope["scheme"] in ("https", "wss")
        origin = headers.get("origin")
        if socket and not auth.origin_allowed(origin, host or "", secure=secure, allowed=self._origins):
            return 403, "its page comes from elsewhere"
        token = self._server.token.get_secret_value()
        subprotocols = scope.get("subprotocols", []) if socket else []
        offered = [*auth.bearer(headers.get("authorization")), *auth.subprotocol_tokens(subprotocols)]
        scope[KNOWN] = not token or auth.token_matches(offered, token)
        if scope[KNOWN]:
            return 0, ""
        if headers.get("authorization") is not None or any(name.startswith(auth.TOKEN_PREFIX) for name in subprotocols):
            return 401, "wrong token"
        # A socket may still show it in its first message.
        return (0, "") if socket or self._is_open(scope["path"]) else (401, "no token")

    def _is_open(self, path: str) -> bool:
        return path in OPEN_PATHS or bool(self._open_prefix and path.startswith(self._open_prefix))


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    body = json.dumps({"detail": REASONS[status]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:  # noqa: PLR2004 - as in the table above
        headers.append((b"www-authenticate", b"Bearer"))
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
