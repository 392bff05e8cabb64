"""``/ws/{session_id}`` on real Uvicorn."""

import pytest

from hotpin.errors import LlmError, SttError, TtsError
from tests.server.clients import BytesClient, close_of, opened, tone, wav, wav_samples
from tests.server.conftest import MakeServer, Server

pytestmark = pytest.mark.slow

REPLY_SAMPLES = 24_000  # two clauses of the fake voice


@pytest.mark.parametrize("said", [tone(0.5), wav(tone(0.5))], ids=["raw", "wav"])
def test_each_utterance_gets_one_whole_wav(server: Server, said: bytes) -> None:
    client = BytesClient(server.ws)
    for _ in range(5):
        assert wav_samples(client.ask(said)) == REPLY_SAMPLES
    roles = [message.role for message in server.llm.prompts[-1]]
    assert roles == ["system", *["user", "assistant"] * 4, "user"]
    assert server.llm.prompts[-1][2].content == server.llm.text


def test_nothing_said_gets_a_wav_without_samples(server: Server) -> None:
    client = BytesClient(server.ws)
    assert wav_samples(client.ask(b"")) == 0
    server.stt.text = ""
    assert wav_samples(client.ask(tone(0.5))) == 0
    assert wav_samples(client.ask(wav(b""))) == 0
    server.stt.text = "hello"
    assert wav_samples(client.ask(tone(0.5))) == REPLY_SAMPLES


@pytest.mark.parametrize(
    "data",
    [b"hello there", b"hello there!", bytes(1001), b"RIFF\0\0\0\0WAVE", b"RIFFnonsense", b"\x89PNG" + bytes(100)],
)
def test_what_is_no_audio_is_closed_with_1007(server: Server, data: bytes) -> None:
    client = BytesClient(server.ws)
    client.socket.send(data)
    assert close_of(client.socket)[0] == 1007


def test_text_is_closed_with_1003(server: Server) -> None:
    client = BytesClient(server.ws)
    client.socket.send("hello")
    assert close_of(client.socket)[0] == 1003


@pytest.mark.parametrize("failing", ["stt", "llm", "tts"])
def test_our_failure_is_closed_with_1011(server: Server, failing: str) -> None:
    error = {"stt": SttError, "llm": LlmError, "tts": TtsError}[failing]("no path /home/someone is told")
    getattr(server, failing).error = error
    client = BytesClient(server.ws)
    client.socket.send(tone(0.5))
    code, reason = close_of(client.socket)
    assert code == 1011
    assert "/" not in reason


@pytest.mark.parametrize("session_id", ["a%20b", "a/b", "", "voice-agent", "x" * 129, "%2e%2e", "%C3%A9"])
def test_a_wrong_session_id_is_closed_with_the_rule(server: Server, session_id: str) -> None:
    code, reason = close_of(opened(f"{server.ws}/ws/{session_id}"))
    assert code == 1008
    assert "cannot be a session id" in reason


def test_turns_beyond_the_queue_are_closed_with_1013(make_server: MakeServer) -> None:
    server = make_server(server__max_concurrent_turns=2, server__max_queued_turns=1)
    server.llm.gate.clear()
    clients = [BytesClient(server.ws, f"session-{number}") for number in range(4)]
    for number, client in enumerate(clients):
        client.socket.send(tone(0.3))
        server.wait_for("hotpin_turns_inside", min(number + 1, 3))
    assert close_of(clients[3].socket)[0] == 1013
    server.llm.gate.set()
    assert [wav_samples(client.reply()) for client in clients[:3]] == [REPLY_SAMPLES] * 3


def test_one_client_cannot_fill_the_queue_without_end(make_server: MakeServer) -> None:
    server = make_server(server__max_concurrent_turns=1, server__max_queued_turns=2)
    server.llm.gate.clear()
    client = BytesClient(server.ws)
    for _ in range(4):
        client.socket.send(tone(0.3))
    assert close_of(client.socket)[0] == 1013


def test_an_utterance_that_is_too_long_is_closed_with_1009(make_server: MakeServer) -> None:
    server = make_server(server__max_audio_seconds=1.0)
    client = BytesClient(server.ws)
    client.socket.send(tone(1.1))
    assert close_of(client.socket)[0] == 1009


def test_a_session_goes_on_after_a_reconnect(server: Server) -> None:
    first = BytesClient(server.ws, "kitchen")
    first.ask(tone(0.5))
    first.socket.close()
    BytesClient(server.ws, "kitchen").ask(tone(0.5))
    assert [message.content for message in server.llm.prompts[-1][1:3]] == ["how are you", server.llm.text]
