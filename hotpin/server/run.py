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

_TLS_FIX = "Check server.tls_cert and server.tls_key, or make new ones: hotpin config tls --new"


def check_tls(server: ServerSettings) -> None:
    """Refuse certificates that cannot be used, before anything takes time.

    Raises:
        SettingsError: naming the file.
    """
    for file in (server.tls_cert, server.tls_key):
        if file and not os.access(file, os.R_OK):
            raise SettingsError(f"the TLS file {file!r} cannot be read", _TLS_FIX)
    if server.tls_cert:
        # Imported late: only who serves encrypted needs it.
        import ssl

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(server.tls_cert, server.tls_key or None)
        except (ssl.SSLError, ValueError) as error:
            files = " and ".join(repr(file) for file in (server.tls_cert, server.tls_key) if file)
            raise SettingsError(f"{files} hold no certificate with its key", _TLS_FIX) from error


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
        "ws": "hotpin.server.uvicorn_websocket:WebSocketProtocol",
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
        listener: the socket to listen on, which it closes at its end; without one it opens that of the settings.

    Raises:
        HotpinError: if it cannot listen where the settings say.
    """

    def __init__(self, settings: Settings, app: App, listener: socket.socket | None = None) -> None:
        self._listener = listener or listening_socket(settings.server)
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

    def stop(self) -> None:
        """Begin to end it: connections are told. Never waits."""
        self.server.should_exit = True

    def close(self, timeout: float = _SHUTDOWN_SECONDS + 2.0) -> None:
        """End it within ``timeout`` seconds: connections are told, and have a moment."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(timeout)
            self.server.force_exit = True  # whoever has not gone by now is left behind
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

    from hotpin.server import metrics

    with metrics.shared_by_workers():
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
