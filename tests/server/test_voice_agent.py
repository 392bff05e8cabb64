"""``/ws/voice-agent`` on real Uvicorn."""

import base64
import time
import uuid

import pytest

from hotpin import personas
from hotpin.errors import LlmError, SttError, TtsError
from tests.server.clients import AgentClient, close_of, mp3_seconds, quiet, tone, wav
from tests.server.conftest import MakeServer, Server

pytestmark = pytest.mark.slow

SAID = wav(tone(0.5))


def kinds(messages: list[dict[str, object]]) -> list[str]:
    """What each message is, runs of audio once."""
    names = [str(message.get("status") or message["type"]) for message in messages]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name or name != "audio_response"]


def audio(messages: list[dict[str, object]]) -> bytes:
    pieces = [base64.b64decode(str(one["data"])) for one in messages if one["type"] == "audio_response"]
    assert all(len(piece) <= 4096 for piece in pieces)
    return b"".join(pieces)


def test_a_turn_is_told_in_exactly_this_order(server: Server) -> None:
    client = AgentClient(server.ws)
    hello = client.next()
    assert hello == {"type": "connection_established", "session_id": hello["session_id"], "agent": "Receptionist"}
    uuid.UUID(str(hello["session_id"]))
    for _ in range(5):
        messages = client.ask(SAID)
        assert kinds(messages) == [
            "processing",
            "transcription",
            "llm_response",
            "generating_audio",
            "audio_response",
            "idle",
        ]
        assert messages[1] == {"type": "transcription", "text": "how are you", "is_final": True}
        assert messages[2] == {"type": "llm_response", "text": server.llm.text}
        assert mp3_seconds(audio(messages)) == pytest.approx(1.0, abs=0.15)
    assert len(server.llm.prompts[-1]) == 10


@pytest.mark.parametrize(
    ("agent", "name"),
    [("receptionist", "Receptionist"), ("sales", "Sales Agent"), ("callcenter", "Call Center Agent")],
)
def test_each_agent_says_its_name_and_has_its_prompt(server: Server, agent: str, name: str) -> None:
    client = AgentClient(server.ws, agent)
    assert client.next()["agent"] == name
    client.ask(SAID)
    assert server.llm.prompts[-1][0].content == personas.find(agent).prompt


@pytest.mark.parametrize("agent", ["nobody", "..%2f..", "Receptionist", "a/b", ""])
def test_an_unknown_agent_is_closed_with_1003(server: Server, agent: str) -> None:
    assert close_of(AgentClient(server.ws, agent).socket) == (1003, "Invalid agent ID")


def test_no_new_speech_is_idle_and_no_error(server: Server) -> None:
    client = AgentClient(server.ws)
    client.next()
    client.end()
    assert client.until_idle() == [{"type": "status_update", "status": "idle"}]
    client.ask(SAID)
    client.end()
    assert client.until_idle() == [{"type": "status_update", "status": "idle"}]
    server.stt.text = ""
    assert kinds(client.ask(SAID)) == ["processing", "idle"]


@pytest.mark.parametrize(
    ("failing", "code", "order"),
    [
        ("stt", "STT_FAILED", ["processing", "error", "idle"]),
        ("llm", "LLM_FAILED", ["processing", "transcription", "error", "idle"]),
        ("tts", "TTS_FAILED", None),  # it runs beside the text
    ],
)
def test_a_failed_turn_ends_idle_and_the_session_goes_on(
    server: Server, failing: str, code: str, order: list[str] | None
) -> None:
    client = AgentClient(server.ws)
    client.next()
    engine = getattr(server, failing)
    engine.error = {"stt": SttError, "llm": LlmError, "tts": TtsError}[failing]("no path /home/someone is told")
    messages = client.ask(SAID)
    assert order is None or kinds(messages) == order
    error = next(message for message in messages if message["type"] == "error")
    assert (error["code"], error["retryable"]) == (code, False)
    assert "/" not in error["message"]
    engine.error = None
    assert "audio_response" in kinds(client.ask(SAID))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "BAD_MESSAGE"),
        ("[]", "BAD_MESSAGE"),
        (b"bytes", "BAD_MESSAGE"),
        ("{}", "BAD_MESSAGE"),
        ('{"type": "dance"}', "BAD_MESSAGE"),
        ('{"type": ["audio_chunk"]}', "BAD_MESSAGE"),
        ('{"type": "audio_chunk", "data": 5}', "BAD_MESSAGE"),
        ('{"type": "audio_chunk", "data": "%%%"}', "BAD_MESSAGE"),
        ('{"type": "audio_chunk", "data": "QUJ", "is_final": false}', "BAD_MESSAGE"),
        ('{"type": "audio_chunk", "data": "", "is_final": "yes"}', "BAD_MESSAGE"),
        ('{"type": "audio_chunk", "data": "aGVsbG8gdGhlcmUsIHRoaXMgaXMgdGV4dA=="}', "BAD_AUDIO"),
    ],
)
def test_a_wrong_message_is_told_and_the_session_goes_on(server: Server, message: str | bytes, code: str) -> None:
    client = AgentClient(server.ws)
    client.next()
    client.socket.send(message)
    error = client.next()
    assert (error["type"], error["code"], error["retryable"]) == ("error", code, False)
    assert kinds(client.ask(SAID))[0] == "processing"


def test_with_stream_text_comes_in_pieces_and_audio_before_its_end(server: Server) -> None:
    server.stt.words_so_far = "how are"
    server.llm.text = "The first clause comes early. And then there is more."
    client = AgentClient(server.ws, query="?stream=1")
    client.next()
    messages = client.ask(SAID)
    assert {"type": "transcription", "text": "how are", "is_final": False} in messages
    deltas = [message["delta"] for message in messages if "delta" in message]
    assert "".join(deltas).strip() == server.llm.text
    assert {"type": "llm_response", "text": server.llm.text} in messages
    assert kinds(messages).count("generating_audio") == 1
    assert mp3_seconds(audio(messages)) == pytest.approx(1.0, abs=0.15)
    assert messages[-1] == {"type": "status_update", "status": "idle"}


def test_a_cancelled_reply_ends_idle_and_is_remembered_as_far_as_it_was_heard(server: Server) -> None:
    server.llm.gate.clear()
    client = AgentClient(server.ws)
    client.next()
    client.say(SAID)
    client.end()
    while client.next()["type"] != "transcription":
        pass
    client.send(type="cancel")
    assert client.until_idle() == [{"type": "status_update", "status": "idle"}]
    server.llm.gate.set()
    messages = client.ask(SAID)
    assert "audio_response" in kinds(messages)


def test_end_session_closes_with_1000(server: Server) -> None:
    client = AgentClient(server.ws)
    client.next()
    client.send(type="end_session")
    assert close_of(client.socket)[0] == 1000


def test_a_session_is_resumed_by_its_id(server: Server) -> None:
    first = AgentClient(server.ws)
    session_id = first.next()["session_id"]
    first.ask(SAID)
    first.send(type="end_session")
    close_of(first.socket)
    again = AgentClient(server.ws, query=f"?session_id={session_id}")
    assert again.next()["session_id"] == session_id
    again.ask(SAID)
    assert [message.content for message in server.llm.prompts[-1][1:3]] == ["how are you", server.llm.text]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("?session_id=a%20b", "cannot be a session id"),
        ("?voice=nobody", "there is no voice 'nobody' here"),
        ("?vad=perhaps", "vad must be 0 or 1"),
    ],
)
def test_wrong_options_are_closed_with_a_reason(server: Server, query: str, reason: str) -> None:
    code, told = close_of(AgentClient(server.ws, query=query).socket)
    assert code == 1008
    assert reason in told


def test_the_server_finds_the_end_of_speech(server: Server) -> None:
    client = AgentClient(server.ws, query="?vad=1")
    client.next()
    client.say(wav(tone(1.0) + quiet(2.5)))
    assert kinds(client.until_idle())[:3] == ["processing", "transcription", "llm_response"]


def test_a_full_buffer_is_answered_where_the_setting_says_so(make_server: MakeServer) -> None:
    server = make_server(server__voice_agent_buffer_bytes=12_000)
    client = AgentClient(server.ws)
    client.next()
    client.say(SAID)
    assert kinds(client.until_idle())[0] == "processing"


def test_two_recordings_without_waiting_are_two_turns_in_order(server: Server) -> None:
    client = AgentClient(server.ws)
    client.next()
    for _ in range(2):
        client.say(SAID)
        client.end()
    order = ["processing", "transcription", "llm_response", "generating_audio", "audio_response", "idle"]
    assert kinds(client.until_idle()) == order
    assert kinds(client.until_idle()) == order


def test_a_token_may_come_with_the_first_message(make_server: MakeServer) -> None:
    server = make_server(server__token="secret")  # noqa: S106 - a test's
    client = AgentClient(server.ws)
    client.send(type="auth", token="secret")  # noqa: S106
    assert client.next()["type"] == "connection_established"
    wrong = AgentClient(server.ws)
    wrong.send(type="auth", token="guess")  # noqa: S106
    assert close_of(wrong.socket)[0] == 1008
    missing = AgentClient(server.ws)
    missing.send(type="cancel")
    assert close_of(missing.socket)[0] == 1008


def test_what_is_heard_follows_the_time_since_the_first_piece(server: Server) -> None:
    server.llm.text = "This was heard. " + "This was not heard at all. " * 9
    client = AgentClient(server.ws)
    client.next()
    client.ask(SAID)
    time.sleep(0.55)  # half a second a clause
    client.send(type="cancel")
    deadline = time.monotonic() + 5
    while not server.app.store.sessions() and time.monotonic() < deadline:
        time.sleep(0.01)
    client.ask(SAID)
    assert len(server.llm.prompts[-1][2].content) < 60
