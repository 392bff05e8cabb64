"""The line to a Hotpin server: one WebSocket to its ``/ws``, and what is said when it cannot be had or is cut."""

import json
import logging
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from socket import gaierror
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from hotpin.errors import HotpinError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

OPEN_SECONDS = 10.0
"""s that the server has to answer at all."""

MAX_MESSAGE_BYTES = 1 << 20
"""Bytes of one message: the server's have a few thousand."""

_CLOSE_SECONDS = 1.0
_PATH = "/ws"
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_GOING_AWAY, _INTERNAL_ERROR, _RESTART, _TRY_LATER = 1001, 1011, 1012, 1013
_MAY_HELP = frozenset({_GOING_AWAY, _INTERNAL_ERROR, _RESTART, _TRY_LATER})
"""Codes after which another attempt may help; so it may after a line that was cut without one."""

_TOKEN_FIX = "The right one is printed, on the server's machine, by: hotpin config token"  # noqa: S105 - says where


class RemoteError(HotpinError):
    """The server cannot be reached, refuses, or has ended the call."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and what it wants to know."""

    url: str
    token: str = field(default="", repr=False)
    authority: Path | None = None
    """PEM file of whoever has signed its certificate; without it, the system's authorities are asked."""

    @classmethod
    def at(cls, address: str, token: str = "", authority: Path | None = None) -> Self:
        """Read an address as a person writes it: ``ws://pi.lan:8000``, ``wss://…``, or as in a browser.

        Raises:
            RemoteError: if it is none, has a token in it, or the file of the authority cannot be read.
        """
        try:
            parts = urlsplit(address)
            scheme, host, _ = _SCHEMES[parts.scheme], parts.hostname, parts.port
        except (KeyError, ValueError):
            raise RemoteError(f"{address!r} is no address of a server", "Give one such as ws://pi.lan:8000") from None
        if not host or parts.path not in ("", "/", _PATH):
            raise RemoteError(f"{address!r} is no address of a server", "Give one such as ws://pi.lan:8000")
        if parts.username is not None or parts.query or parts.fragment:
            # It is not repeated: there may be a token in it.
            raise RemoteError("an address must hold nothing but host and port", "A token is given with --token")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise RemoteError("that cannot be a token: it has characters that none has", _TOKEN_FIX)
        if authority is not None and scheme != "wss":
            raise RemoteError(f"{address!r} is not encrypted, so --ca means nothing", f"Give wss://{parts.netloc}")
        return cls(f"{scheme}://{parts.netloc}{_PATH}", token, authority)

    @property
    def host(self) -> str:
        """Its name or address."""
        return urlsplit(self.url).hostname or ""

    def trust(self) -> ssl.SSLContext | None:
        """Give whom to trust; ``None`` where the line is not encrypted.

        Raises:
            RemoteError: if the authority's file holds no certificate.
        """
        if not self.url.startswith("wss:"):
            return None
        try:
            return ssl.create_default_context(cafile=self.authority)
        except (OSError, ValueError) as error:
            raise RemoteError(
                f"there is no certificate in {str(self.authority)!r}",
                "Give the file hotpin-ca.crt that hotpin config tls has made on the server's machine",
            ) from error


class Line:
    """One connection after the other to a server, each begun with the same first message.

    ``send`` may be called from any thread, all else from one.

    Args:
        server: where it is.
        hello: the first message.
    """

    def __init__(self, server: Server, hello: Mapping[str, object]) -> None:
        self.server = server
        self._hello = json.dumps(hello)
        self._trust = server.trust()
        self._socket: ClientConnection | None = None

    def open(self) -> None:
        """Connect.

        Raises:
            RemoteError: if the server cannot be reached, or refuses.
        """
        from websockets.exceptions import InvalidHandshake
        from websockets.sync.client import connect

        from hotpin.remote_socket import BoundedConnection

        server = self.server
        try:
            opened = connect(
                server.url,
                ssl=self._trust,
                additional_headers={"Authorization": f"Bearer {server.token}"} if server.token else None,
                compression=None,
                proxy=None,
                open_timeout=OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                max_size=MAX_MESSAGE_BYTES,
                user_agent_header="hotpin",
                logger=_quiet(),
                create_connection=BoundedConnection,
            ).__enter__()
        except (OSError, InvalidHandshake, EOFError) as error:
            raise self._refused(error) from error
        self._socket = opened
        self._send(self._hello)

    def receive(self, timeout: float) -> str | bytes | None:
        """Return the next message, or ``None`` if there is none within ``timeout`` seconds.

        Raises:
            RemoteError: if the line was cut, or the server has closed it.
        """
        from websockets.exceptions import ConnectionClosed

        line = self._socket
        if line is None:
            raise RemoteError("there is no connection", retryable=True)
        try:
            return line.recv(timeout)
        except TimeoutError:
            goodbye = line.protocol.close_rcvd
            if goodbye is None:
                return None
            self.close()  # the library would wait until the server has cut the connection, too
            raise _ended(goodbye.code, goodbye.reason) from None
        except ConnectionClosed as closed:
            self._socket = None
            frame = closed.rcvd
            raise _ended(frame.code if frame else 0, frame.reason if frame else "") from closed

    def send(self, message: bytes | Mapping[str, object]) -> bool:
        """Send a message; return whether there was a line to send it by."""
        return self._send(message if isinstance(message, bytes) else json.dumps(message))

    def close(self) -> None:
        """Hang up; a server that does not answer to that is waited for no longer than a moment."""
        line, self._socket = self._socket, None
        if line is not None:
            # The library would wait for a message that is being sent, however long that takes.
            hanging_up = threading.Thread(target=line.close, name="hotpin-hanging-up", daemon=True)
            hanging_up.start()
            hanging_up.join(2 * _CLOSE_SECONDS)

    def _send(self, message: bytes | str) -> bool:
        from websockets.exceptions import ConnectionClosed

        line = self._socket
        if line is None:
            return False
        try:
            line.send(message)
        except ConnectionClosed:  # whoever receives learns why
            return False
        return True

    def _refused(self, error: Exception) -> RemoteError:
        """Say why there is no connection, and what to do."""
        from websockets.exceptions import InvalidStatus

        url, retryable = self.server.url, False
        match error:
            case InvalidStatus(response=response):
                return self._denied(response.status_code)
            case ssl.SSLCertVerificationError(verify_message=why):
                message = f"the certificate of {url} is not trusted: {why}"
                fix = "Give --ca with the file hotpin-ca.crt that hotpin config tls has made on the server's machine"
            case ssl.SSLError():
                message, fix = f"{url} is not encrypted as it should be", "Is it ws:// rather than wss://?"
            case gaierror():
                message, fix, retryable = f"there is no host {self.server.host!r}", "Check the address", True
            case ConnectionRefusedError():
                message, fix, retryable = f"nobody listens at {url}", "Start it there: hotpin serve", True
            case TimeoutError():
                message = f"{url} does not answer within {OPEN_SECONDS:g} s"
                fix, retryable = "Check address and network", True
            case OSError(strerror=str(why)):
                message, fix, retryable = f"{url} cannot be reached: {why}", "Check address and network", True
            case _:
                message = f"what answers at {url} is no WebSocket"
                fix = "With a certificate it is wss:// rather than ws://"
        return RemoteError(message, fix, retryable=retryable)

    def _denied(self, status: int) -> RemoteError:
        host = self.server.host
        if status == _UNAUTHORIZED:
            return RemoteError("the server does not know this token", _TOKEN_FIX)
        if status == _FORBIDDEN:
            return RemoteError(
                f"the server does not answer to the name {host!r}",
                f"Use its address, or on its machine: hotpin config set server.allowed_hosts {host}",
            )
        return RemoteError(f"no Hotpin answers at {self.server.url}: HTTP status {status}", "Check host and port")


def _ended(code: int, reason: str) -> RemoteError:
    """Say why a connection is over."""
    if not code:
        return RemoteError("the connection was lost", retryable=True)
    fix = ""
    if "token" in reason:
        fix = _TOKEN_FIX
    why = reason or ("it ends, or starts anew" if code == _RESTART else f"code {code}")
    return RemoteError(f"the server has ended the call: {why}", fix, retryable=code in _MAY_HELP)


def _quiet() -> Any:  # noqa: ANN401 - the package's own type is private
    """Give a logger that is told nothing of messages: there is a token in the first, and words in the rest."""
    logger = logging.getLogger(f"{__name__}.messages")
    logger.setLevel(logging.WARNING)
    return logger
