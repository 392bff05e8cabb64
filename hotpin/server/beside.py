"""A live conversation on this machine with the server beside it, over the same engines."""

import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hotpin.live import Live
from hotpin.registry import Kind
from hotpin.server import auth
from hotpin.server.run import ServerThread, check_tls

if TYPE_CHECKING:
    from hotpin.settings import Settings

_LEAST_CLOSE_SECONDS = 0.1


class ServedLive(Live):
    """A live conversation that other devices can reach, too: each of them in a conversation of its own.

    Args:
        settings: the engines, devices and rules, and the server's.
        session_id: the session that is held at this machine.
        listen: opens the socket that the server listens on; called before anything is loaded.
        agent: the persona that answers; empty means the session's, else that of the settings.
        service: as for ``Live``.

    Raises:
        SettingsError: if other machines could reach the server without a token, or its TLS files cannot be used.
    """

    def __init__(
        self,
        settings: "Settings",
        session_id: str,
        listen: Callable[[], socket.socket],
        agent: str = "",
        *,
        service: bool = False,
    ) -> None:
        auth.check_exposed(settings.server)
        check_tls(settings.server)
        super().__init__(settings, session_id, agent, service=service)
        self._listen = listen
        self._server: ServerThread | None = None

    def open(self, loaded: Callable[[Kind], None] = lambda _: None) -> bool:
        """Listen, load and begin, and only then serve; return false if it was closed meanwhile.

        Raises:
            HotpinError: as for ``Live``, or if the server cannot listen.
        """
        listener = self._listen()
        try:
            if not super().open(loaded):
                listener.close()
                return False
            server = ServerThread(self.settings, self.app, listener)
        except BaseException:
            listener.close()
            raise
        with self._lock:
            self._server = server
            if self._closed:
                return False
        server.start()
        self.serving = server.url
        return True

    def close(self, timeout: float = 2.0) -> None:
        """End both within about ``timeout`` seconds; clients are told."""
        deadline = time.monotonic() + timeout
        with self._lock:
            server = self._server
        if server is not None:
            server.stop()
        super().close(timeout)
        if server is not None:
            server.close(max(_LEAST_CLOSE_SECONDS, deadline - time.monotonic()))

    def free(self) -> None:
        """Free the engines, once no client uses them any more."""
        if self._server is not None:
            self._server.close()
        super().free()
