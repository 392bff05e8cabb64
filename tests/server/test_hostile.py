"""Whatever is sent, everybody else is served: random bytes, wrong order, wrong types, deep and huge JSON."""

import base64
import json
import os
import random
import threading
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.server.clients import AgentClient, BytesClient, PlainClient, opened, tone, wav, wav_samples
from tests.server.conftest import Server

pytestmark = pytest.mark.slow

MESSAGES = int(os.environ.get("HOTPIN_HOSTILE_MESSAGES", "600"))
"""Messages in all."""

REPLY_SAMPLES = 24_000

Random = random.Random


def value(rng: Random, depth: int = 0) -> object:
    simple: list[object] = [None, True, -1, 2**80, 1e308, float("nan"), "", "EOS", "x" * 300, "\ud800", "\0"]
    if depth > 3 or rng.random() < 0.6:
        return rng.choice(simple)
    if rng.random() < 0.5:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(value(rng, 9)): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def garbage(rng: Random) -> bytes:
    heads = [b"", b"RIFF", b"\x1aE\xdf\xa3", b"OggS", b"ID3", b"\xff\xfb", b"fLaC", b"\0\0\0\x18ftyp", wav(b"")[:40]]
    return rng.choice(heads) + rng.randbytes(rng.choice([0, 1, 7, 100, 5000, 70_000]))


def message(rng: Random) -> str | bytes:
    fields = ["session_id", "events", "vad", "agent", "voice", "token", "signal", "type", "data", "is_final"]
    kinds: list[Callable[[], str | bytes]] = [
        lambda: garbage(rng),
        lambda: json.dumps(value(rng)),
        lambda: json.dumps({name: value(rng) for name in rng.sample(fields, 3)}),
        lambda: json.dumps(
            {"session_id": f"s{rng.randrange(9)}", "events": rng.random() < 0.5, "vad": rng.random() < 0.5}
        ),
        lambda: json.dumps({"signal": rng.choice(["EOS", "cancel", "eos", ""])}),
        lambda: json.dumps({"type": rng.choice(["audio_chunk", "cancel", "end_session", "auth", "error"])}),
        lambda: json.dumps(
            {
                "type": "audio_chunk",
                "data": base64.b64encode(garbage(rng)).decode() + rng.choice(["", "", "=", "%"]),
                "is_final": rng.random() < 0.3,
            }
        ),
        lambda: "[" * 50_000,
        lambda: '{"a":' * 20_000,
        lambda: rng.randbytes(50).decode("latin-1"),
        lambda: tone(rng.random()),
    ]
    return rng.choice(kinds)()


def attack(url: str, seed: int, count: int) -> None:
    """Send so many messages over one protocol after the other, on as many connections as are closed on the way."""
    rng = Random(seed)
    paths = ["/ws", "/ws/abc", "/ws/a%20b", "/ws/voice-agent/sales", "/ws/voice-agent/sales?stream=1&vad=1", "/ws/x/y"]
    sent = 0
    while sent < count:
        try:
            with opened(url + rng.choice(paths)) as socket:
                for _ in range(rng.randrange(1, 30)):
                    sent += 1
                    socket.send(message(rng))
                if rng.random() < 0.3:
                    socket.recv(0.05)
        except (ConnectionClosed, InvalidHandshake, TimeoutError, UnicodeEncodeError):
            continue


def test_hostile_messages_harm_nobody_else(server: Server) -> None:
    threads = [threading.Thread(target=attack, args=(server.ws, seed, MESSAGES // 3)) for seed in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert wav_samples(PlainClient(server.ws, "a-person").ask(b"")) == 0  # nobody is held up
    server.wait_for("hotpin_turns_inside", 0)
    assert wav_samples(PlainClient(server.ws, "after").ask(tone(0.5))) == REPLY_SAMPLES
    assert wav_samples(BytesClient(server.ws, "after-bytes").ask(tone(0.5))) == REPLY_SAMPLES
    agent = AgentClient(server.ws)
    agent.next()
    assert any(told["type"] == "audio_response" for told in agent.ask(wav(tone(0.5))))
