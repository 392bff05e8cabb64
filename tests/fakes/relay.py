"""A relay for TCP connections: a load balancer of the simplest kind, and a line that can be cut at a bad moment."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

Deaf = Callable[[bytes], bool]
"""Whether what a client sends is passed on, and its answer never comes: the line is cut instead."""


class Relay:
    """Passes each new connection on to the next of its targets, in turn.

    Args:
        targets: ports on the loopback.
        deaf: asked of each piece that a client sends.
    """

    def __init__(self, targets: Sequence[int], deaf: Deaf = lambda _: False) -> None:
        self._next = itertools.cycle(targets)
        self._deaf = deaf
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for end in (self._listener, *self._open):
            _cut(end)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", next(self._next)))
                self._open += [client, server]
                threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
                threading.Thread(target=self._back, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(65_536):
                if self._deaf(piece):
                    _cut(client)
                    server.sendall(piece)
                    return
                server.sendall(piece)
        _cut(server)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(65_536):
                client.sendall(piece)
        _cut(client)


def _cut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def relaying(*targets: int, deaf: Deaf = lambda _: False) -> Iterator[Relay]:
    relay = Relay(targets, deaf)
    try:
        yield relay
    finally:
        relay.close()
