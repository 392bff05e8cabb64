"""The daemon's control socket: takes commands from its owner's processes, within bounds of size, time and number."""

import logging
import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hotpin.control.connection import LineReader, address, peer_user, unix_socket
from hotpin.control.protocol import ControlError, Request, decode_request, encode, refused
from hotpin.errors import BusyError, HotpinError
from hotpin.instance import InUse

log = logging.getLogger(__name__)

MAX_CLIENTS = 8
"""Clients at a time; the next one is told to come again."""

IDLE_SECONDS = 10.0
"""s that a client may be silent, or slow to take an answer, before it is cut off."""

Handler = Callable[[Request], dict[str, Any]]
"""Carries a request out and answers it; called on the client's own thread. What it raises becomes a refusal."""


class ControlServer:
    """Listens from its making until it is closed.

    Args:
        path: the socket's file, in a folder that nobody else can enter.
        handle: carries the requests out.

    Raises:
        InUse: if a daemon listens there already.
        ControlError: if the path cannot be used.
    """

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        self._seats = threading.BoundedSemaphore(MAX_CLIENTS)
        self._socket = _bound(path)
        self._inode = path.lstat().st_ino
        self._closed = False
        threading.Thread(target=self._accept, name="hotpin-control", daemon=True).start()

    def close(self) -> None:
        """Take no more commands, and remove the file unless it is another's by now.

        Connections are left open: that they close tells their clients that the process has ended.
        """
        self._closed = True
        with suppress(OSError):
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._socket.accept()
            except OSError as error:
                if self._closed:
                    return
                log.warning("a client could not be accepted: %s", error.strerror)
                threading.Event().wait(0.1)  # out of descriptors: trying on at once would only burn the processor
                continue
            threading.Thread(target=self._serve, args=(connection,), name="hotpin-client", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        seated = self._seats.acquire(blocking=False)
        try:
            with connection, suppress(OSError):  # the client has gone, or is too slow
                if seated:
                    self._converse(connection)
                else:
                    _send(connection, refused(BusyError(f"the daemon has {MAX_CLIENTS} clients already")))
        finally:
            if seated:
                self._seats.release()

    def _converse(self, connection: socket.socket) -> None:
        user = peer_user(connection)
        if user is not None and user not in (os.getuid(), 0):
            log.warning("a client of the user %d was turned away", user)
            return
        lines = LineReader(connection)
        while True:
            try:
                line = lines.read(IDLE_SECONDS)
            except ControlError as error:  # the rest of an endless line is not waited for
                _send(connection, refused(error))
                return
            if line is None:
                return
            _send(connection, self._answer(line))

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            return self._handle(decode_request(line))
        except (HotpinError, ValueError) as error:
            return refused(error)
        except Exception as error:
            log.debug("a command failed", exc_info=True)
            return refused(ControlError(f"the command failed: {type(error).__name__}", "See the daemon's log"))


def _bound(path: Path) -> socket.socket:
    made = unix_socket()
    try:
        where = address(path)
        _remove_stale(path)
        made.bind(where)
        path.chmod(0o600)  # before it listens, so that nobody can connect until then
        made.listen(MAX_CLIENTS)
    except HotpinError:
        made.close()
        raise
    except OSError as error:
        made.close()
        raise ControlError(f"the daemon's socket {path} cannot be made: {error.strerror}", "Remove it") from error
    return made


def _remove_stale(path: Path) -> None:
    """Remove the file that a daemon left behind when it was killed; one that answers is left alone."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ControlError(f"{path} is not a socket", "Remove it")
    except FileNotFoundError:
        return
    with unix_socket() as trial:
        trial.settimeout(1.0)
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            log.info("a socket was left behind by a daemon that did not end by itself")
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except (TimeoutError, BlockingIOError):  # it listens, though nobody accepts
            pass
    raise InUse("another daemon is running", "End it first: hotpin stop")


def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    connection.settimeout(IDLE_SECONDS)
    connection.sendall(encode(answer))
