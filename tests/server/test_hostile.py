"""Whatever is sent, everybody else is served: random bytes, damaged audio, bombs, wrong order and types, huge JSON."""

import base64
import json
import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.server.clients import AgentClient, BytesClient, PlainClient, opened, tone, wav, wav_samples
from tests.server.conftest import Server

pytestmark = pytest.mark.slow

MESSAGES = int(os.environ.get("HOTPIN_HOSTILE_MESSAGES", "600"))
"""Messages in all."""

REPLY_SAMPLES = 24_000
PATHS = ["/ws", "/ws/abc", "/ws/a%20b", "/ws/voice-agent/sales", "/ws/voice-agent/sales?stream=1&vad=1", "/ws/x/y"]

HUGE_BYTES = 5 << 20
"""More than a message may have."""

HUGE_SHARE = 0.004

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


def element(name: bytes, value: bytes) -> bytes:
    """A WebM element."""
    return name + (len(value) | 1 << 28).to_bytes(4) + value


def webm_bomb(blocks: int) -> bytes:
    """A WebM of seven bytes for each 0.12 s of silence: minutes in a message."""
    opus = b"OpusHead\x01\x01" + bytes(9)
    track = element(b"\xd7", b"\x01") + element(b"\x86", b"A_OPUS") + element(b"\x63\xa2", opus)
    tracks = element(b"\x16\x54\xae\x6b", element(b"\xae", track))
    block = b"\xa3\x85\x81\x00\x00\x80\x19"
    unknown = b"\xff"
    header = element(b"\x1aE\xdf\xa3", element(b"\x42\x82", b"webm"))
    return header + b"\x18\x53\x80\x67" + unknown + tracks + b"\x1f\x43\xb6\x75" + unknown + block * blocks


def damaged(rng: Random) -> bytes:
    """A recording with some bytes changed, a piece missing, or one too many."""
    data = bytearray(rng.choice([wav(tone(0.2)), webm_bomb(30)]))
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data))
        change = rng.randrange(3)
        if change == 0:
            data[at] = rng.randrange(256)
        elif change == 1:
            del data[at : at + rng.randrange(50)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(50))
        data = data or bytearray(b"\0")
    return bytes(data)


def chunk(rng: Random, audio: bytes) -> str:
    data = base64.b64encode(audio).decode() + rng.choice(["", "", "=", "%"])
    return json.dumps({"type": "audio_chunk", "data": data, "is_final": rng.random() < 0.3})


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
        lambda: chunk(rng, garbage(rng)),
        lambda: chunk(rng, damaged(rng)),
        lambda: chunk(rng, webm_bomb(rng.choice([1000, 20_000]))),
        lambda: damaged(rng),
        lambda: '{"session_id": NaN, "events": Infinity, "is_final": -Infinity, "type": 1e999}',
        lambda: "[" * 50_000,
        lambda: '{"a":' * 20_000,
        lambda: rng.randbytes(50).decode("latin-1"),
        lambda: tone(rng.random()),
    ]
    if rng.random() < HUGE_SHARE:
        huge: list[str | bytes] = [bytes(HUGE_BYTES), "x" * HUGE_BYTES, chunk(rng, webm_bomb(400_000))]
        return rng.choice(huge)
    return rng.choice(kinds)()


def attack(url: str, seed: int, count: int) -> None:
    """Send so many messages over one protocol after the other, on as many connections as are closed on the way."""
    rng = Random(seed)
    sent = 0
    while sent < count:
        try:
            with opened(url + rng.choice(PATHS)) as socket:
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
        person = PlainClient(server.ws, "a-person")
        assert wav_samples(person.ask(b"")) == 0  # nobody is held up
        person.socket.close()
    check_unharmed(server)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)
known_fields = st.sampled_from(["session_id", "events", "vad", "agent", "voice", "signal", "type", "data", "is_final"])
messages = st.one_of(
    st.binary(max_size=2000),
    st.text(max_size=200),
    st.dictionaries(known_fields, json_values, max_size=6).map(json.dumps),
)


def test_no_order_of_messages_ends_the_server(server: Server) -> None:
    @hypothesis_settings(max_examples=max(20, MESSAGES // 20), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(PATHS), st.booleans(), st.lists(messages, max_size=8))
    def send(path: str, greet: bool, sent: list[str | bytes]) -> None:
        with suppress(ConnectionClosed, UnicodeEncodeError), opened(server.ws + path) as socket:
            for one in [*(['{"session_id": "s", "events": true}'] if greet else []), *sent]:
                socket.send(one)

    send()
    check_unharmed(server)


def check_unharmed(server: Server) -> None:
    """Every protocol still answers, and nothing is left of those who are gone."""
    server.wait_for("hotpin_turns_inside", 0)
    after, after_bytes, agent = PlainClient(server.ws, "after"), BytesClient(server.ws, "b"), AgentClient(server.ws)
    assert wav_samples(after.ask(tone(0.5))) == REPLY_SAMPLES
    assert wav_samples(after_bytes.ask(tone(0.5))) == REPLY_SAMPLES
    agent.next()
    assert any(told["type"] == "audio_response" for told in agent.ask(wav(tone(0.5))))
    for client in (after, after_bytes, agent):
        client.socket.close()
    server.wait_for("hotpin_open_connections", 0)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("hotpin-listener-")]
