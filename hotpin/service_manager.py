"""Tells systemd how the daemon is: ready, reloading, stopping, alive. Without systemd nothing happens.

The protocol is sd_notify(3): datagrams of ``NAME=value`` lines to the socket that ``NOTIFY_SOCKET`` names.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)


class ServiceManager:
    """Where the news goes.

    Args:
        environ: the environment; the process's own by default.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name  # an abstract one
        self.watchdog_seconds = _watchdog_seconds(environ)
        """s between two signs of life, half of what systemd waits for; ``None`` where it does not wait."""

    def ready(self, status: str) -> None:
        """Tell that it works, at the start or after a reload."""
        self._tell(READY="1", STATUS=status)

    def reloading(self) -> None:
        """Tell that settings are read anew; ``ready`` follows."""
        self._tell(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000), STATUS="Reading the settings")

    def stopping(self) -> None:
        """Tell that it ends."""
        self._tell(STOPPING="1", STATUS="Ending")

    def status(self, status: str) -> None:
        """Tell in a few words what it does; ``systemctl status`` shows them."""
        self._tell(STATUS=status)

    def alive(self) -> None:
        """Give a sign of life."""
        self._tell(WATCHDOG="1")

    def _tell(self, **values: str) -> None:
        if not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in values.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(1.0)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("systemd cannot be told: %s", error.strerror or error)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", ""))
        process = int(environ.get("WATCHDOG_PID", "") or os.getpid())
    except ValueError:
        return None
    return microseconds / 2e6 if microseconds > 0 and process == os.getpid() else None
