"""The control socket with real sockets: who may come, what is refused, what is left behind."""

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hotpin import paths
from hotpin.control import server as control_server
from hotpin.control.client import send
from hotpin.control.connection import MAX_PATH_BYTES
from hotpin.control.protocol import MAX_LINE_BYTES, Command, ControlError, Request, done
from hotpin.control.server import MAX_CLIENTS, ControlServer, Handler
from hotpin.instance import InUse, private_runtime_dir

Serve = Callable[[Handler], ControlServer]

STOP = b'{"command": "stop"}\n'


def take(request: Request) -> dict[str, Any]:
    return done(command=request.command, text=request.text)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the socket is to be."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    private_runtime_dir()
    return paths.control_socket()


@pytest.fixture
def serve(path: Path) -> Iterator[Serve]:
    """Starts servers, and closes them."""
    servers = []

    def start(handle: Handler) -> ControlServer:
        servers.append(ControlServer(path, handle))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5.0)
    connection.connect(str(path))
    return connection


def exchange(connection: socket.socket, line: bytes) -> dict[str, Any]:
    connection.sendall(line)
    with connection.makefile("rb") as answers:
        found = json.loads(answers.readline())
    assert isinstance(found, dict)
    return found


def left_behind(path: Path) -> None:
    """Leave a socket file as a process that was killed does."""
    killed = socket.socket(socket.AF_UNIX)
    killed.bind(str(path))
    killed.listen()
    killed.close()


def test_a_command_reaches_the_handler_and_its_answer_the_sender(serve: Serve) -> None:
    serve(take)
    assert send(Request(Command.SAY, "Dinner is ready")) == {"command": "say", "text": "Dinner is ready"}


def test_only_the_owner_can_reach_it(serve: Serve, path: Path) -> None:
    serve(take)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_another_user_is_turned_away(serve: Serve, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "peer_user", lambda _: os.getuid() + 1)
    serve(take)
    with connected(path) as connection:
        assert connection.recv(1) == b""


def test_one_connection_may_give_several_commands(serve: Serve, path: Path) -> None:
    serve(take)
    with connected(path) as connection:
        assert exchange(connection, b'{"command": "mute"}\n')["command"] == "mute"
        assert exchange(connection, STOP)["command"] == "stop"


def test_two_clients_are_served_at_once(serve: Serve, path: Path) -> None:
    release = threading.Event()

    def handle(request: Request) -> dict[str, Any]:
        if request.command is Command.SAY:
            assert release.wait(5.0)
        return done()

    serve(handle)
    with connected(path) as slow, connected(path) as quick:
        slow.sendall(b'{"command": "say", "text": "hello"}\n')
        assert exchange(quick, b'{"command": "status"}\n') == {"ok": True}
        release.set()
        assert slow.recv(100) == b'{"ok": true}\n'


@pytest.mark.parametrize("line", [b"hello\n", b"[1]\n", b'{"command": 7}\n', b"\xff\n", b"\n"])
def test_a_malformed_line_is_refused_and_the_next_is_served(serve: Serve, path: Path, line: bytes) -> None:
    serve(take)
    with connected(path) as connection:
        refusal = exchange(connection, line)
        assert refusal["ok"] is False
        assert refusal["error"]
        assert exchange(connection, STOP)["ok"] is True


def test_an_endless_line_is_cut_off(serve: Serve, path: Path) -> None:
    serve(take)
    with connected(path) as connection:
        connection.sendall(b"x" * (MAX_LINE_BYTES + 4096))
        with connection.makefile("rb") as answers:
            assert "longer than" in json.loads(answers.readline())["error"]
            with suppress(ConnectionResetError):  # it was closed with some of the line unread
                assert answers.read() == b""
    assert send(Request(Command.STATUS))["command"] == "status"


def test_a_silent_client_is_cut_off(serve: Serve, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "IDLE_SECONDS", 0.05)
    serve(take)
    with connected(path) as connection:
        connection.sendall(b'{"command": ')
        assert connection.recv(1) == b""


def test_more_clients_than_there_is_room_for_are_told_to_come_again(serve: Serve, path: Path) -> None:
    serve(take)
    seated = [connected(path) for _ in range(MAX_CLIENTS)]
    for connection in seated:
        exchange(connection, STOP)
    with pytest.raises(ControlError, match="clients already"):
        send(Request(Command.STATUS))
    for connection in seated:
        connection.close()


def test_what_the_handler_raises_is_told_and_the_server_goes_on(serve: Serve) -> None:
    def handle(request: Request) -> dict[str, Any]:
        if request.command is Command.SAY:
            raise KeyError(request.text)
        raise ValueError("the message is empty")

    serve(handle)
    with pytest.raises(ControlError, match="the message is empty"):
        send(Request(Command.LISTEN))
    with pytest.raises(ControlError, match="KeyError") as refusal:
        send(Request(Command.SAY, "my secret"))
    assert "secret" not in str(refusal.value)


def test_without_a_daemon_it_says_how_to_start_one(path: Path) -> None:
    with pytest.raises(ControlError, match=r"no daemon is running\. Start it: hotpin daemon"):
        send(Request(Command.STATUS))


def test_a_socket_left_behind_is_no_daemon(path: Path) -> None:
    left_behind(path)
    with pytest.raises(ControlError, match="no daemon is running"):
        send(Request(Command.STATUS))


def test_a_socket_left_behind_is_replaced(serve: Serve, path: Path) -> None:
    left_behind(path)
    serve(take)
    assert send(Request(Command.STATUS))["command"] == "status"


def test_a_second_daemon_is_refused_and_the_first_goes_on(serve: Serve) -> None:
    serve(take)
    with pytest.raises(InUse, match=r"another daemon is running.*hotpin stop"):
        serve(take)
    assert send(Request(Command.STATUS))["command"] == "status"


def test_what_is_no_socket_is_not_removed(serve: Serve, path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(ControlError, match="is not a socket"):
        serve(take)
    assert path.read_text() == "mine"


def test_closing_removes_the_file(serve: Serve, path: Path) -> None:
    serve(take).close()
    assert not path.exists()


def test_closing_leaves_the_file_of_a_later_daemon(serve: Serve, path: Path) -> None:
    first = serve(take)
    path.rename(path.with_name("first.sock"))
    serve(take)
    first.close()
    assert send(Request(Command.STATUS))["command"] == "status"


def test_a_path_too_long_for_a_socket_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / ("x" * MAX_PATH_BYTES)
    monkeypatch.setenv("HOTPIN_HOME", str(home))
    private_runtime_dir()
    with pytest.raises(ControlError, match="HOTPIN_HOME or XDG_RUNTIME_DIR to a shorter one"):
        ControlServer(paths.control_socket(), take)
    with pytest.raises(ControlError, match="HOTPIN_HOME or XDG_RUNTIME_DIR to a shorter one"):
        send(Request(Command.STATUS))


def test_stop_returns_when_the_process_has_gone(path: Path) -> None:
    """A child that answers, and ends a moment later; the client must not return before that."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    ended = threading.Event()

    def daemon() -> None:
        connection, _ = listening.accept()
        connection.recv(100)
        connection.sendall(b'{"ok": true}\n')
        assert not ended.wait(0.05)
        ended.set()
        connection.close()

    thread = threading.Thread(target=daemon)
    thread.start()
    send(Request(Command.STOP))
    assert ended.is_set()
    thread.join()
    listening.close()
