"""`sessions.forget_on_disconnect`: a session ends with its connection."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.server.clients import AgentClient, BytesClient, EventClient, PlainClient, close_of, tone, wav
from tests.server.conftest import MakeServer, Server

pytestmark = pytest.mark.slow


@pytest.fixture
def forgetful(make_server: MakeServer) -> Server:
    return make_server(sessions__forget_on_disconnect=True)


def is_gone(server: Server, session_id: str) -> bool:
    deadline = time.monotonic() + 5
    while server.app.store.load(session_id) and time.monotonic() < deadline:
        time.sleep(0.01)
    return server.app.store.load(session_id) is None


def by_stream(server: Server) -> Callable[[], None]:
    client = PlainClient(server.ws, "kitchen")
    client.ask(tone(0.3))
    return client.socket.close


def by_bytes(server: Server) -> Callable[[], None]:
    client = BytesClient(server.ws, "kitchen")
    client.ask(wav(tone(0.3)))
    return client.socket.close


def by_agent(server: Server) -> Callable[[], None]:
    client = AgentClient(server.ws, query="?session_id=kitchen")
    client.next()
    client.ask(wav(tone(0.3)))
    return lambda: client.send(type="end_session")


@pytest.mark.parametrize("hold", [by_stream, by_bytes, by_agent])
def test_a_session_is_gone_with_its_connection_and_no_other_is(
    forgetful: Server, hold: Callable[[Server], Callable[[], None]]
) -> None:
    other = PlainClient(forgetful.ws, "cellar")
    other.ask(tone(0.3))
    hang_up = hold(forgetful)
    assert forgetful.app.store.load("kitchen") is not None
    hang_up()
    assert is_gone(forgetful, "kitchen")
    assert forgetful.app.store.load("cellar") is not None
    other.ask(tone(0.3))
    assert len(forgetful.llm.prompts[-1]) == 4


def test_what_is_being_answered_when_the_client_goes_is_not_kept_either(forgetful: Server) -> None:
    forgetful.llm.text = "This is a long story. " * 200
    client = EventClient(forgetful.ws, "kitchen")
    client.socket.send(tone(0.3))
    client.send(signal="EOS")
    client.until("reply")
    client.socket.socket.shutdown(socket.SHUT_RDWR)  # out of range all of a sudden
    forgetful.wait_for("hotpin_open_connections", 0)
    assert is_gone(forgetful, "kitchen")
    threading.Event().wait(0.2)  # time for what might still be written
    assert forgetful.app.store.sessions() == []


def test_a_client_that_comes_back_begins_anew(forgetful: Server) -> None:
    by_stream(forgetful)()
    assert is_gone(forgetful, "kitchen")
    by_stream(forgetful)
    assert len(forgetful.llm.prompts[-1]) == 2


def test_a_connection_that_takes_over_begins_anew_as_the_older_one_has_ended(forgetful: Server) -> None:
    older = PlainClient(forgetful.ws, "kitchen")
    older.ask(tone(0.3))
    newer = PlainClient(forgetful.ws, "kitchen")
    assert close_of(older.socket)[0] == 4409
    newer.ask(tone(0.3))
    assert len(forgetful.llm.prompts[-1]) == 2
    newer.socket.close()
    assert is_gone(forgetful, "kitchen")
