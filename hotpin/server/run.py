"""Runs the server: as a command, or beside a microphone on a thread of its own."""

import logging
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from hotpin.app import App
from hotpin.errors import HotpinError, SettingsError
from hotpin.settings import ServerSettings, Settings

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 3
"""s that connections have to end."""

_START_SECONDS = 10.0


def check_tls(server: ServerSettings) -> None:
    """Refuse certificates that cannot be read, before anything takes time.

    Raises:
        SettingsError: naming the file.
    """
    for file in (server.tls_cert, server.tls_key):
        if file and not os.access(file, os.R_OK):
            raise SettingsError(f"the TLS file {file!r} cannot be read", "Check server.tls_cert and server.tls_key")


def listening_socket(server: ServerSettings) -> socket.socket:
    """Open the socket that the settings name.

    Raises:
        HotpinError: if it cannot be opened, as where another program listens there.
    """
    host = server.host.strip("[]")
    try:
        family = socket.getaddrinfo(host, server.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, server.port), family=family)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise HotpinError(
            f"the server cannot listen on {host} port {server.port}: {reason}",
            "Choose another port with --port, or end the program that uses it",
        ) from error


def url_of(listener: socket.socket, server: ServerSettings) -> str:
    """Give the address to open in a browser."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if server.tls_cert else 'http'}://{shown}:{port}"


def uvicorn_options(server: ServerSettings) -> dict[str, Any]:
    """Give how Uvicorn is run: with bounds, its own logs only from warnings on, and no compression.

    Audio is compressed or cannot be, so compressing messages costs memory for each client and gains nothing; and
    without it no small message can grow into a huge one.
    """
    return {
        "ws": "websockets-sansio",
        "ws_max_size": server.max_message_bytes,
        "ws_per_message_deflate": False,
        "log_config": None,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "lifespan": "on",
        "timeout_graceful_shutdown": _SHUTDOWN_SECONDS,
        "ssl_certfile": server.tls_cert or None,
        "ssl_keyfile": server.tls_key or None,
    }


class ServerThread:
    """A server beside something else, over engines that are loaded already.

    Args:
        settings: the server's and the engines'.
        app: the engines.

    Raises:
        HotpinError: if it cannot listen where the settings say.
    """

    def __init__(self, settings: Settings, app: App) -> None:
        self._listener = listening_socket(settings.server)
        self.url = url_of(self._listener, settings.server)
        """Its address."""
        self.server = _server(settings, app)
        self._thread = threading.Thread(target=self._run, name="hotpin-server", daemon=True)

    def start(self) -> None:
        """Begin to serve.

        Raises:
            HotpinError: if it does not begin.
        """
        self._thread.start()
        deadline = threading.Event()
        for _ in range(round(_START_SECONDS / 0.02)):
            if self.server.started:
                return
            if not self._thread.is_alive():
                break
            deadline.wait(0.02)
        raise HotpinError("the server did not start", "The log says why: --log-level info")

    def close(self, timeout: float = _SHUTDOWN_SECONDS + 2.0) -> None:
        """End it: connections are told, and have a moment."""
        self.server.should_exit = True
        self._thread.join(timeout)
        self._listener.close()

    def _run(self) -> None:
        try:
            self.server.run(sockets=[self._listener])
        except SystemExit:
            log.error("the server has ended")


def serve(settings: Settings, app: App, listener: socket.socket) -> None:
    """Serve over engines that are loaded, until the program is ended."""
    _server(settings, app).run(sockets=[listener])


def serve_with_workers(settings: Settings, workers: int) -> None:
    """Serve with several processes, each with engines of its own, until the program is ended."""
    import uvicorn

    uvicorn.run(
        "hotpin.server:create_app",
        factory=True,
        host=settings.server.host.strip("[]"),
        port=settings.server.port,
        workers=workers,
        **uvicorn_options(settings.server),
    )


def _server(settings: Settings, app: App) -> "uvicorn.Server":
    import uvicorn

    from hotpin.server.app import server_app

    return uvicorn.Server(uvicorn.Config(server_app(settings, app), **uvicorn_options(settings.server)))
