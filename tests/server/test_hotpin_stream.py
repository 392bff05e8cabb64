"""``/ws`` on real Uvicorn, by clients that know only its description."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never
from hotpin.errors import LlmError, StoreError, SttError, TtsError
from hotpin.sessions.base import StoredTurn
from hotpin.sessions.memory import MemoryStore
from tests.server.clients import EventClient, PlainClient, close_of, kinds, opened, quiet, tone, wav_samples
from tests.server.conftest import MakeServer, Server

pytestmark = pytest.mark.slow

REPLY_SAMPLES = 24_000  # two clauses of the fake voice


def test_two_questions_sent_at_once_get_two_replies_in_order(server: Server) -> None:
    client = PlainClient(server.ws)
    for _ in range(2):
        client.say(tone(0.5))
        client.end()
    assert [wav_samples(client.reply()) for _ in range(2)] == [REPLY_SAMPLES] * 2
    assert [len(prompt) for prompt in server.llm.prompts] == [2, 4]


@pytest.mark.parametrize("failing", ["stt", "llm", "tts"])
def test_a_failure_gives_an_empty_wav_and_the_session_goes_on(server: Server, failing: str) -> None:
    client = PlainClient(server.ws)
    error = {"stt": SttError, "llm": LlmError, "tts": TtsError}[failing]("broken")
    engine = getattr(server, failing)
    engine.error = error
    assert wav_samples(client.ask(tone(0.5))) == 0
    engine.error = None
    assert wav_samples(client.ask(tone(0.5))) == REPLY_SAMPLES


def test_where_nothing_was_said_the_wav_is_empty(server: Server) -> None:
    client = PlainClient(server.ws)
    client.end()
    assert wav_samples(client.reply()) == 0
    server.stt.text = " "
    assert wav_samples(client.ask(quiet(0.5))) == 0


def test_a_plain_client_is_never_sent_text(server: Server) -> None:
    client = PlainClient(server.ws)
    for nonsense in ("{", "[1]", '{"signal": "dance"}', '{"signal": 5}', "null", "x" * 5000):
        client.socket.send(nonsense)
    assert wav_samples(client.ask(tone(0.5))) == REPLY_SAMPLES


def test_events_tell_of_a_turn_in_order(server: Server) -> None:
    server.stt.words_so_far = "how are"
    client = EventClient(server.ws)
    client.socket.send(tone(1.0))
    client.send(signal="EOS")
    messages = client.until("audio_end")
    partial = {"type": "transcript", "text": "how are", "is_final": False}
    final = {"type": "transcript", "text": "how are you", "is_final": True}
    assert messages.index(partial) < messages.index(final)
    texts = [message for message in messages if isinstance(message, dict)]
    assert [message["status"] for message in texts if message["type"] == "status"][:2] == ["hearing", "thinking"]
    assert "".join(message["delta"] for message in texts if message["type"] == "reply").strip() == server.llm.text
    audio = b"".join(message for message in messages if isinstance(message, bytes))
    assert audio[4:8] == audio[40:44] == b"\xff" * 4
    assert len(audio) == 44 + 2 * REPLY_SAMPLES
    first_audio = next(at for at, message in enumerate(messages) if isinstance(message, bytes))
    assert first_audio > messages.index(final)


def test_the_reply_streams_from_its_first_clause(server: Server) -> None:
    server.llm.text = "The first clause comes early. And then there is more."
    told = threading.Event()
    real = server.tts.speak

    def slow(text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        if text.startswith("And"):
            assert told.wait(5.0), "the first clause was held back"
        return real(text, voice, cancelled)

    server.tts.speak = slow  # type: ignore[method-assign]
    client = EventClient(server.ws)
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    while not isinstance(client.next(), bytes):
        pass
    told.set()
    client.until("audio_end")


def test_each_end_of_speech_gets_one_audio_end_whatever_happens(server: Server) -> None:
    client = EventClient(server.ws)
    client.send(signal="EOS")
    assert kinds(client.until("audio_end")) == ["audio", "audio_end"]
    server.llm.error = LlmError("no path /home/someone/model.gguf is told")
    server.llm.text = ""
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    messages = client.until("audio_end")
    error = next(message for message in messages if isinstance(message, dict) and message["type"] == "error")
    assert (error["code"], error["retryable"]) == ("LLM_FAILED", False)
    assert "/" not in error["message"]


def test_a_turn_that_cannot_be_kept_is_answered_all_the_same_and_told(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("no room on /home/someone")

    monkeypatch.setattr(server.app.store, "add", fail)
    client = EventClient(server.ws)
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    messages = client.until("audio_end")
    error = next(message for message in messages if isinstance(message, dict) and message["type"] == "error")
    assert error["code"] == "STORE_FAILED"
    assert "/" not in error["message"]
    assert sum(len(message) for message in messages if isinstance(message, bytes)) > REPLY_SAMPLES


def test_while_sessions_cannot_be_read_a_client_is_told_to_come_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("no answer from /home/someone", retryable=True)

    monkeypatch.setattr(server.app.store, "load", fail)
    code, reason = close_of(EventClient(server.ws).socket)
    assert code == 1013
    assert "try again" in reason


def test_a_wrong_message_is_told_and_the_connection_lives_on(server: Server) -> None:
    client = EventClient(server.ws)
    deep = "[" * 100_000 + "]" * 100_000
    for nonsense in ("{", "[1]", '{"signal": "dance"}', '{"signal": NaN}', deep):
        client.socket.send(nonsense)
        error = client.until("error")[-1]
        assert isinstance(error, dict)
        assert (error["code"], error["retryable"]) == ("BAD_MESSAGE", False)
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    client.until("audio_end")


def test_the_server_finds_the_end_of_speech(server: Server) -> None:
    client = EventClient(server.ws, vad=True)
    client.socket.send(tone(1.0) + quiet(2.5))
    messages = client.until("audio_end")
    assert {"type": "transcript", "text": "how are you", "is_final": True} in messages


def test_a_plain_client_may_leave_the_end_of_speech_to_the_server(server: Server) -> None:
    client = PlainClient(server.ws, vad=True)
    client.say(tone(1.0) + quiet(2.5))
    assert wav_samples(client.reply()) == REPLY_SAMPLES


def test_a_cancelled_reply_is_remembered_as_far_as_it_was_heard(server: Server) -> None:
    server.llm.text = "This was heard. " + "This was not heard at all. " * 9
    client = EventClient(server.ws)
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    client.until("audio_end")
    time.sleep(0.55)  # half a second a clause
    client.send(signal="cancel")
    interrupted = client.until("interrupted")[-1]
    assert isinstance(interrupted, dict)
    assert interrupted["spoken"].startswith("This was heard.")
    assert len(interrupted["spoken"]) < 60
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    client.until("audio_end")
    assert server.llm.prompts[-1][2].content == interrupted["spoken"]


def test_a_reply_that_is_being_written_can_be_cancelled(server: Server) -> None:
    server.llm.gate.clear()
    client = EventClient(server.ws)
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    client.until("transcript")
    client.send(signal="cancel")
    assert "interrupted" in kinds(client.until("audio_end")) + kinds(client.until("status"))
    server.llm.gate.set()
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    assert "reply" in kinds(client.until("audio_end"))


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("{", "this is not JSON"),
        ("[]", "a JSON object is needed, not an array"),
        (b"\0\0", "a text message with a JSON object is needed, not bytes"),
        ("{}", "session_id is missing"),
        ('{"session_id": 5}', "session_id must be a text"),
        ('{"session_id": "../x"}', "a session id has 1 to 128"),
        ('{"session_id": "voice-agent"}', "reserved"),
        ('{"session_id": "a", "events": 1}', "events must be true or false"),
        ('{"session_id": "a", "agent": "nobody"}', "there is no agent 'nobody'"),
        ('{"session_id": "a", "voice": "nobody"}', "there is no voice 'nobody' here"),
    ],
)
def test_a_wrong_handshake_is_closed_with_a_reason(server: Server, first: str | bytes, reason: str) -> None:
    with connect(f"{server.ws}/ws") as socket:
        socket.send(first)
        code, told = close_of(socket)
    assert code == 1008
    assert reason in told


def test_a_handshake_that_does_not_come_is_not_waited_for(make_server: MakeServer) -> None:
    server = make_server(server__handshake_seconds=0.1)
    with connect(f"{server.ws}/ws") as socket:
        assert close_of(socket) == (1008, "the first message did not come within 0.1 s")


def test_a_session_goes_on_after_a_reconnect(server: Server) -> None:
    first = PlainClient(server.ws, "kitchen")
    first.ask(tone(0.5))
    first.socket.close()
    again = PlainClient(server.ws, "kitchen")
    again.ask(tone(0.5))
    assert [message.content for message in server.llm.prompts[-1][1:]] == [
        "how are you",
        server.llm.text,
        "how are you",
    ]


def test_two_sessions_are_not_mixed_up(server: Server) -> None:
    one, other = PlainClient(server.ws, "one"), PlainClient(server.ws, "other")
    server.stt.text, server.llm.text = "I am the one", "Hello to the one."
    one.ask(tone(0.5))
    server.stt.text, server.llm.text = "I am the other", "Hello to the other."
    other.ask(tone(0.5))
    one.ask(tone(0.5))
    other.ask(tone(0.5))
    last_of_one, last_of_other = ([m.content for m in prompt[1:]] for prompt in server.llm.prompts[-2:])
    assert last_of_one == ["I am the one", "Hello to the one.", "I am the other"]
    assert last_of_other == ["I am the other", "Hello to the other.", "I am the other"]


def test_the_newest_connection_of_a_session_wins(server: Server) -> None:
    older = PlainClient(server.ws, "kitchen")
    older.ask(tone(0.5))
    newer = PlainClient(server.ws, "kitchen")
    newer.ask(tone(0.5))
    assert close_of(older.socket) == (4409, "this session goes on in a newer connection")
    assert len(server.llm.prompts[-1]) == 4


def test_a_disconnect_cancels_the_work(server: Server) -> None:
    server.llm.gate.clear()
    client = PlainClient(server.ws)
    client.say(tone(0.5))
    client.end()
    deadline = time.monotonic() + 5
    while not server.llm.prompts and time.monotonic() < deadline:
        time.sleep(0.01)
    client.socket.close()
    server.wait_for("hotpin_open_connections", 0)
    server.llm.gate.set()
    PlainClient(server.ws, "other").ask(tone(0.5))
    assert len(server.tts.said) == 2  # only the other's


def test_what_one_client_does_not_read_holds_up_nobody(make_server: MakeServer) -> None:
    server = make_server(server__send_buffer_bytes=65_536)
    server.llm.text = "Something long is said here. " * 400
    slow = opened(f"{server.ws}/ws", max_queue=1)
    slow.send('{"session_id": "slow"}')
    slow.send(tone(0.5))
    slow.send('{"signal": "EOS"}')
    assert close_of(slow) == (1008, "this client reads too slowly")
    server.llm.text = "Hello there."
    assert wav_samples(PlainClient(server.ws, "quick").ask(tone(0.5))) > 0


def test_an_utterance_that_is_too_long_is_answered_as_far_as_it_was_heard(make_server: MakeServer) -> None:
    server = make_server(server__max_audio_seconds=1.0)
    client = EventClient(server.ws)
    client.socket.send(tone(0.9))
    client.until("status")
    client.socket.send(tone(0.9))
    error = client.until("error")[-1]
    assert isinstance(error, dict)
    assert error["code"] == "TOO_LARGE"
    client.send(signal="EOS")
    client.until("audio_end")
    assert server.stt.heard_seconds[-1] == pytest.approx(1.0, abs=0.05)


def test_a_message_that_is_too_long_closes_the_connection(make_server: MakeServer) -> None:
    server = make_server(server__max_message_bytes=4096)
    client = PlainClient(server.ws)
    client.socket.send(bytes(5000))
    assert close_of(client.socket)[0] == 1009


def test_whoever_asks_too_often_is_told(make_server: MakeServer) -> None:
    server = make_server(server__turns_per_minute=1)
    client = EventClient(server.ws)
    for _ in range(2):
        client.socket.send(tone(0.2))
        client.send(signal="EOS")
    client.until("audio_end")
    messages = client.until("audio_end")
    error = next(message for message in messages if isinstance(message, dict) and message["type"] == "error")
    assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)


def test_turns_beyond_the_queue_are_told_that_it_is_busy(make_server: MakeServer) -> None:
    server = make_server(server__max_concurrent_turns=1, server__max_queued_turns=0)
    server.llm.gate.clear()
    first, second = EventClient(server.ws, "first"), EventClient(server.ws, "second")
    first.socket.send(tone(0.2))
    first.send(signal="EOS")
    first.until("transcript")
    second.socket.send(tone(0.2))
    second.send(signal="EOS")
    error = second.until("error")[-1]
    assert isinstance(error, dict)
    assert error["code"] == "BUSY"
    server.llm.gate.set()
    first.until("audio_end")


def test_a_connection_without_messages_is_closed(make_server: MakeServer) -> None:
    server = make_server(server__idle_seconds=1.0)
    client = PlainClient(server.ws)
    assert close_of(client.socket) == (1001, "nothing was said for 1 s")


def test_a_silent_connection_lets_its_listener_go_and_gets_it_back(make_server: MakeServer) -> None:
    server = make_server(server__release_seconds=0.1)
    client = PlainClient(server.ws, "kitchen")
    client.ask(tone(0.5))

    def listeners() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "hotpin-listener-kitchen"]

    deadline = time.monotonic() + 5
    while listeners() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert listeners() == []
    while not server.llm.resting and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.llm.resting == ["kitchen"]
    client.ask(tone(0.5))
    assert len(server.llm.prompts[-1]) == 4


class SlowStore(MemoryStore):
    """Stores a turn once its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def add(self, session_id: str, agent: str, turn: StoredTurn) -> int:
        self.gate.wait(5.0)
        return super().add(session_id, agent, turn)


def test_a_reply_ends_once_its_turn_is_stored(server: Server) -> None:
    store = server.app._store = SlowStore()
    client = EventClient(server.ws, "kitchen")
    client.socket.send(tone(0.5))
    client.send(signal="EOS")
    assert "audio_end" not in kinds(until_quiet(client))
    store.gate.set()
    client.until("audio_end")
    session = store.load("kitchen")
    assert session is not None
    assert len(session.turns) == 1


def until_quiet(client: EventClient) -> list[dict[str, Any] | bytes]:
    """Take what comes until nothing does for a moment."""
    taken: list[dict[str, Any] | bytes] = []
    with suppress(TimeoutError):
        while True:
            message = client.socket.recv(0.3)
            taken.append(message if isinstance(message, bytes) else json.loads(message))
    assert any(isinstance(message, bytes) for message in taken)
    return taken


def test_a_connection_too_many_is_told_so(make_server: MakeServer) -> None:
    server = make_server(server__max_connections=1)
    kept = PlainClient(server.ws)
    kept.ask(tone(0.2))
    with connect(f"{server.ws}/ws") as socket:
        assert close_of(socket) == (1013, "there are 1 connections already")


def test_a_session_can_be_forgotten_when_its_client_goes(make_server: MakeServer) -> None:
    server = make_server(sessions__forget_on_disconnect=True)
    client = PlainClient(server.ws, "kitchen")
    client.ask(tone(0.5))
    assert server.app.store.load("kitchen") is not None
    client.socket.close()
    deadline = time.monotonic() + 5
    while server.app.store.load("kitchen") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.app.store.load("kitchen") is None


def test_the_server_tells_its_clients_when_it_ends(server: Server) -> None:
    client = PlainClient(server.ws)
    client.ask(tone(0.2))
    server.thread.close()
    with pytest.raises(ConnectionClosed) as closed:
        client.socket.recv(5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_unknown_fields_of_the_handshake_are_passed_over(server: Server) -> None:
    with connect(f"{server.ws}/ws") as socket:
        socket.send(json.dumps({"session_id": "a", "later": [1, 2]}))
        socket.send('{"signal": "EOS"}')
        reply = socket.recv(5)
        assert isinstance(reply, bytes)
        assert wav_samples(reply) == 0


def test_a_client_that_reads_nothing_at_all_is_cut(make_server: MakeServer) -> None:
    server = make_server(server__send_seconds=0.2)
    server.llm.text = "Something long is said here. " * 300  # more than the system keeps for it
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", int(server.ws.rpartition(":")[2])))
        head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        deaf.sendall(f"{head}Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        assert b"101 " in deaf.recv(1000)
        for kind, payload in ((1, b'{"session_id": "deaf"}'), (2, tone(0.03)), (1, b'{"signal": "EOS"}')):
            size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
            deaf.sendall(bytes([0x80 | kind]) + size + bytes(4) + payload)
        server.wait_for("hotpin_open_connections", 1)
        server.wait_for("hotpin_open_connections", 0)
    server.llm.text = "Hello."
    assert wav_samples(PlainClient(server.ws).ask(tone(0.2))) > 0


def test_ends_of_speech_without_end_are_bounded(server: Server) -> None:
    server.llm.gate.clear()
    client = EventClient(server.ws)
    client.socket.send(tone(0.2))
    for _ in range(30):
        client.send(signal="EOS")
    error = client.until("error")[-1]
    assert isinstance(error, dict)
    assert error["code"] == "BUSY"
    server.llm.gate.set()


def test_tiny_messages_without_end_are_bounded(make_server: MakeServer) -> None:
    server = make_server(server__max_audio_seconds=1.0)
    server.llm.gate.clear()
    client = EventClient(server.ws)
    client.socket.send(tone(0.2))
    client.send(signal="EOS")
    for _ in range(100):
        client.socket.send(b"\0\1")
    error = client.until("error")[-1]
    assert isinstance(error, dict)
    assert error["code"] == "TOO_LARGE"
    server.llm.gate.set()
