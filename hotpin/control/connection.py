"""Both ends of the control socket: its address, who is on the other side, and lines bounded in size and time."""

import os
import socket
import struct
import sys
import time
from pathlib import Path

from hotpin.control.protocol import MAX_LINE_BYTES, ControlError

MAX_PATH_BYTES = 107 if sys.platform.startswith("linux") else 103
"""What the address of a Unix socket has room for (unix(7))."""


def unix_socket() -> socket.socket:
    """Make a Unix stream socket.

    Raises:
        ControlError: where there are none.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise ControlError("this Python has no Unix sockets, which the daemon's commands need")
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def address(path: Path) -> str:
    """Give the socket's address.

    Raises:
        ControlError: if the path is too long for one.
    """
    size = len(os.fsencode(path))
    if size > MAX_PATH_BYTES:
        raise ControlError(
            f"the path of the daemon's socket has {size} bytes, {MAX_PATH_BYTES} are possible: {path}",
            "Set HOTPIN_HOME or XDG_RUNTIME_DIR to a shorter one",
        )
    return str(path)


def peer_user(connection: socket.socket) -> int | None:
    """Give the user id of the other side; ``None`` where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", found)
    return int(user)


class LineReader:
    """Reads lines that come within a time and are not endless."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def read(self, seconds: float) -> bytes | None:
        """Give the next line, without its end; ``None`` when the other side has closed.

        Raises:
            TimeoutError: if it is not complete within ``seconds``.
            ControlError: if it is longer than ``MAX_LINE_BYTES``.
            OSError: if the connection breaks.
        """
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise ControlError(f"the line is longer than {MAX_LINE_BYTES} bytes")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no complete line came in time")
            self._connection.settimeout(left)
            piece = self._connection.recv(4096)
            if not piece:
                return None
            self._buffer += piece
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line
