"""The line to servers that stall: nothing is waited for without a bound."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.utils import accept_key

from hotpin import remote_line, remote_socket
from hotpin.remote_line import Line, RemoteError, Server
from hotpin.server.certificate import make

pytestmark = pytest.mark.slow  # threads that are waited for, and a certificate

TIMEOUT = 10.0
CLOSE_FRAME = b"\x88\x02\x03\xe8"
"""Code 1000."""

Manner = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_line, "OPEN_SECONDS", 0.5)
    monkeypatch.setattr(remote_socket, "STALL_SECONDS", 1.0)


@pytest.fixture
def serve() -> Iterator[Callable[[Manner], int]]:
    """Start a server for one client, and give its port; the connection stays open until the test ends."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def start(manner: Manner) -> int:
        listener = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            with listener, listener.accept()[0] as connected, suppress(OSError):
                manner(connected)
                over.wait(6 * TIMEOUT)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    over.set()
    for thread in threads:
        thread.join(TIMEOUT)


def in_time(work: Callable[[], object]) -> None:
    """Fail, rather than hang, if ``work`` has no end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive()


def accept(connected: socket.socket, more: bytes = b"") -> None:
    """Answer the WebSocket's handshake."""
    request = connected.recv(4096).decode()
    key = next(line.split()[1] for line in request.splitlines() if line.lower().startswith("sec-websocket-key"))
    connected.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
        + more
    )


def test_a_server_that_says_nothing_after_the_tls_handshake_is_given_up(
    serve: Callable[[Manner], int], tmp_path: Path
) -> None:
    made = make(["127.0.0.1"])
    (tmp_path / "certificate.pem").write_text(made.chain)
    (tmp_path / "key.pem").write_text(made.key)
    (tmp_path / "authority.pem").write_text(made.authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    wrapped: list[ssl.SSLSocket] = []
    port = serve(lambda connected: wrapped.append(context.wrap_socket(connected, server_side=True)))
    line = Line(Server.at(f"wss://127.0.0.1:{port}", authority=tmp_path / "authority.pem"), {})

    told: list[str] = []

    def call() -> None:
        try:
            line.open()
        except RemoteError as error:
            told.append(error.message)

    in_time(call)
    assert "does not answer within" in told[0]


def test_a_server_that_takes_nothing_is_given_up(serve: Callable[[Manner], int]) -> None:
    line = Line(Server.at(f"ws://127.0.0.1:{serve(accept)}"), {})
    line.open()

    def talk() -> None:
        while line.send(bytes(65_536)):
            pass

    in_time(talk)
    with pytest.raises(RemoteError, match="connection was lost"):
        line.receive(TIMEOUT)


def test_hanging_up_does_not_wait_for_a_server_that_takes_nothing(
    serve: Callable[[Manner], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_socket, "STALL_SECONDS", 6 * TIMEOUT)
    line = Line(Server.at(f"ws://127.0.0.1:{serve(accept)}"), {})
    line.open()
    assert line._socket is not None
    connected = line._socket.socket

    def talk() -> None:
        while line.send(bytes(65_536)):
            pass

    threading.Thread(target=talk, daemon=True).start()
    while select.select([], [connected], [], 0.1)[1]:  # until no buffer takes any more
        pass
    in_time(line.close)


def test_a_server_that_hangs_up_before_the_first_message_is_told(serve: Callable[[Manner], int]) -> None:
    for _ in range(5):  # which of both is first, differs
        line = Line(Server.at(f"ws://127.0.0.1:{serve(lambda connected: accept(connected, CLOSE_FRAME))}"), {})
        line.open()
        with pytest.raises(RemoteError, match="the server has ended the call"):
            line.receive(TIMEOUT)


def test_a_server_that_says_goodbye_and_stays_is_not_waited_for(serve: Callable[[Manner], int]) -> None:
    def manner(connected: socket.socket) -> None:
        accept(connected)
        connected.recv(4096)  # the first message
        connected.sendall(CLOSE_FRAME)

    line = Line(Server.at(f"ws://127.0.0.1:{serve(manner)}"), {})
    line.open()
    told: list[str] = []

    def listen() -> None:
        try:
            while line.receive(0.1) is None:
                pass
        except RemoteError as error:
            told.append(error.message)

    in_time(listen)
    assert told == ["the server has ended the call: code 1000"]
