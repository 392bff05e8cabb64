"""Pages and the door, on real Uvicorn."""

import json
import time
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hotpin import __version__
from hotpin.app import App
from hotpin.errors import LlmError, StoreError
from hotpin.server.guard import REASONS
from hotpin.sessions.base import SessionStore
from hotpin.sessions.memory import MemoryStore
from tests.server.clients import PlainClient, close_of, opened, tone
from tests.server.conftest import MakeServer, Server

pytestmark = pytest.mark.slow

TOKEN = "a-long-secret"  # noqa: S105 - a test's
BEARER = {"Authorization": f"Bearer {TOKEN}"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "c2l4dGVlbiBieXRlcyEhIQ==",
    "Sec-WebSocket-Version": "13",
}


def get(server: Server, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> HTTPResponse:
    where = urlsplit(server.http)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=5)
    connection.request(method, path, headers=headers or {})
    return connection.getresponse()


def refused(server: Server, path: str, **headers: str) -> int:
    """The status that a WebSocket is refused with; 101 if it is not."""
    try:
        with connect(f"{server.ws}{path}", additional_headers={k.replace("_", "-"): v for k, v in headers.items()}):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def health(server: Server, status: int) -> HTTPResponse:
    """Wait until the server is as well as that: a reply can be here before its turn is over there."""
    deadline = time.monotonic() + 5.0
    while (answer := get(server, "/health")).status != status:
        assert time.monotonic() < deadline, f"its health stays {answer.status}"
    return answer


def test_programs_get_json_and_browsers_the_page(server: Server) -> None:
    answer = json.loads(get(server, "/").read())
    assert answer == {"name": "Hotpin", "version": __version__, "status": "healthy"}
    page = get(server, "/", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert get(server, "/", {"Accept": "text/html", "If-None-Match": page.headers["ETag"]}).status == 304
    assert get(server, "/web/app.js").status == 200
    assert get(server, "/web/..%2f__init__.py").status == 404
    assert get(server, "/docs").status == get(server, "/openapi.json").status == 404


def test_a_store_that_is_away_at_the_start_is_asked_again(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[SessionStore | None] = [None, MemoryStore()]

    def find(_: App) -> SessionStore:
        found = answers[0] if len(answers) == 1 else answers.pop(0)
        if found is None:
            raise StoreError("no answer", retryable=True)
        return found

    monkeypatch.setattr(App, "store", property(find))
    monkeypatch.setattr("hotpin.server.app.RETRY_SECONDS", 0.01)
    health(make_server(), 200)
    assert len(answers) == 1


def test_health_follows_the_engines(server: Server) -> None:
    assert json.loads(get(server, "/health").read()) == {"status": "healthy"}
    assert get(server, "/ready").status == 200
    server.llm.error = LlmError("no path /home/someone is told")
    PlainClient(server.ws).ask(tone(0.3))
    answer = health(server, 503)
    assert json.loads(answer.read()) == {"status": "unhealthy", "reason": "the last turn failed: llm"}
    server.llm.error = None
    PlainClient(server.ws, "other").ask(tone(0.3))
    health(server, 200)


def test_the_agents_are_listed(server: Server) -> None:
    agents = json.loads(get(server, "/agents").read())
    names = {agent["id"]: agent["name"] for agent in agents}
    assert names == {
        "hotpin": "Hotpin",
        "callcenter": "Call Center Agent",
        "receptionist": "Receptionist",
        "sales": "Sales Agent",
    }
    assert all("prompt" not in agent for agent in agents)


def test_figures_are_counted_without_words_and_names(server: Server) -> None:
    PlainClient(server.ws, "kitchen").ask(tone(0.3))
    server.wait_for('hotpin_turns_total{protocol="stream",result="answered"}', 1)
    text = get(server, "/metrics").read().decode()
    assert 'hotpin_connections_total{protocol="stream"} 1.0' in text
    assert 'hotpin_stage_seconds_count{protocol="stream",stage="first token"} 1.0' in text
    assert "kitchen" not in text
    assert "how are you" not in text


@pytest.mark.parametrize("path", ["/ws", "/ws/abc", "/ws/voice-agent/sales"])
def test_pages_from_elsewhere_may_not_connect(server: Server, path: str) -> None:
    assert refused(server, path) == 101
    assert refused(server, path, Origin="http://localhost:3000") == 101
    assert refused(server, path, Origin=server.http) == 101
    assert refused(server, path, Origin="https://evil.example") == 403
    assert refused(server, path, Origin="null") == 403


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        ({"Origin": "https://evil.example"}, 403, "its page comes from elsewhere"),
        ({"Host": "evil.example"}, 403, "the Host header names another server"),
        ({"Authorization": "Bearer guess"}, 401, "wrong token"),
    ],
)
def test_a_refused_socket_is_one_line_in_the_log(
    make_server: MakeServer, caplog: pytest.LogCaptureFixture, headers: dict[str, str], status: int, why: str
) -> None:
    caplog.set_level("WARNING")  # Uvicorn sets its own, so this is for all others
    server = make_server(server__token=TOKEN)
    answer = get(server, "/ws/a%0Ab", {**UPGRADE, **headers})
    assert (answer.status, json.loads(answer.read())["detail"]) == (status, REASONS[status])
    server.thread.close()  # nothing more can be logged
    assert [record.getMessage() for record in caplog.records] == [f"refused '/ws/a\\nb' from 127.0.0.1: {why}"]


def test_another_host_is_refused(server: Server) -> None:
    assert get(server, "/", {"Host": "evil.example"}).status == 403
    assert get(server, "/health", {"Host": "evil.example"}).status == 403


def test_the_frontend_may_ask_across_origins(server: Server) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    answer = get(server, "/agents", {**asked, "Access-Control-Request-Headers": "authorization"}, "OPTIONS")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    other = get(server, "/agents", {"Origin": "https://evil.example"})
    assert other.headers["Access-Control-Allow-Origin"] is None


def test_a_token_that_is_set_is_asked_for(make_server: MakeServer, caplog: pytest.LogCaptureFixture) -> None:
    server = make_server(server__token=TOKEN)
    assert [get(server, path).status for path in ("/", "/health", "/ready", "/web/app.js")] == [200] * 4
    assert [get(server, path).status for path in ("/agents", "/metrics")] == [401] * 2
    assert get(server, "/agents", BEARER).status == 200
    assert get(server, "/agents", {"Authorization": "Bearer wrong"}).status == 401
    for path in ("/ws", "/ws/abc", "/ws/voice-agent/sales"):
        assert refused(server, path, Authorization="Bearer wrong") == 401
        assert refused(server, path, Authorization=BEARER["Authorization"]) == 101
    assert close_of(opened(f"{server.ws}/ws/abc")) == (1008, "a token is needed")
    assert TOKEN not in caplog.text
    assert "refused '/agents' from 127.0.0.1: wrong token" in caplog.text


def test_a_browser_shows_the_token_among_its_subprotocols(make_server: MakeServer) -> None:
    server = make_server(server__token=TOKEN)
    with connect(f"{server.ws}/ws", subprotocols=["hotpin", f"token.{TOKEN}"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "hotpin"
    with pytest.raises(InvalidStatus) as error, connect(f"{server.ws}/ws", subprotocols=["hotpin", "token.guess"]):  # type: ignore[list-item]
        pass
    assert error.value.response.status_code == 401


def test_the_first_message_may_show_the_token(make_server: MakeServer) -> None:
    server = make_server(server__token=TOKEN)
    PlainClient(server.ws, token=TOKEN).ask(tone(0.3))
    for wrong in ({}, {"token": "guess"}):
        client = PlainClient(server.ws, "other", **wrong)
        assert close_of(client.socket)[0] == 1008
