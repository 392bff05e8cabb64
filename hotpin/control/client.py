"""Gives the running daemon a command."""

import os
import socket
from contextlib import suppress
from typing import Any

from hotpin import paths
from hotpin.control.connection import LineReader, address, peer_user, unix_socket
from hotpin.control.protocol import Command, ControlError, Request, decode_answer, encode_request

ANSWER_SECONDS = 5.0
"""s that an answer may take: the daemon never works for one, but the machine may be busy."""

SPEECH_SECONDS = 600.0
"""s that a text may take to be heard."""

STOP_SECONDS = 5.0
"""s that the daemon may take to end: it promises 2."""


def send(request: Request) -> dict[str, Any]:
    """Give the daemon a command and return its answer; after ``stop`` it has ended.

    Raises:
        ControlError: if no daemon runs, or it refuses.
    """
    line = encode_request(request)
    path = paths.control_socket()
    with unix_socket() as connection:
        try:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(address(path))
            _check_peer(connection)
            with suppress(BrokenPipeError):  # turned away at once: its answer says why
                connection.sendall(line)
            lines = LineReader(connection)
            answer = lines.read(SPEECH_SECONDS if request.wait else ANSWER_SECONDS)
            if request.command is Command.STOP and answer is not None:
                _wait_for_end(lines)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise ControlError("no daemon is running", "Start it: hotpin daemon") from None
        except TimeoutError:
            raise ControlError("the daemon does not answer", "Look at its log, or end it and start it anew") from None
        except OSError as error:
            raise ControlError(f"the daemon cannot be reached at {path}: {error.strerror}") from error
    if answer is None:
        raise ControlError("the daemon ended before it answered", "See its log, and start it again: hotpin daemon")
    return decode_answer(answer)


def _wait_for_end(lines: LineReader) -> None:
    """Wait until the daemon's process has gone: its end of the connection closes with it."""
    with suppress(ConnectionError):
        while lines.read(STOP_SECONDS) is not None:
            pass


def _check_peer(connection: socket.socket) -> None:
    """Give commands to nobody else: in a folder shared with others the socket might be theirs."""
    user = peer_user(connection)
    if user is not None and user != os.getuid():
        raise ControlError(f"the daemon's socket belongs to the user {user}", "Set XDG_RUNTIME_DIR to your own folder")
