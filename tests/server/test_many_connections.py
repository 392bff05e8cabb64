"""Hundreds of clients who have spoken once and say nothing: they cost next to nothing, and nobody waits for them."""

import subprocess
import sys
import time

import pytest

from tests.server.clients import EventClient, PlainClient, quiet, tone, wav_samples
from tests.server.conftest import MakeServer, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of its own process from /proc"),
]

CLIENTS = 200
MAX_BYTES = 1 << 20

CONNECT = """
import asyncio, json, sys
from websockets.asyncio.client import connect
async def main(url, count):
    sockets = []
    for number in range(count):
        socket = await connect(url + "/ws", compression=None)
        sockets.append(socket)
        await socket.send(json.dumps({"session_id": f"silent-{number}"}))
        await socket.send(b"\\0\\1" * 3200)
        await socket.send('{"signal": "EOS"}')
        await socket.recv()
    print("connected", flush=True)
    sys.stdin.readline()
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
"""Connects, asks once, and stays until a line comes."""


def resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - not a file of anybody's
        return int(file.read().split()[1]) * 4096


def test_two_hundred_silent_clients_cost_little_and_hold_up_nobody(make_server: MakeServer) -> None:
    server = make_server(server__release_seconds=0.2)
    assert wav_samples(PlainClient(server.ws, "before").ask(tone(0.5))) > 0
    before = resident()
    with subprocess.Popen(
        [sys.executable, "-c", CONNECT, server.ws, str(CLIENTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as clients:
        assert clients.stdout is not None
        assert clients.stdout.readline() == b"connected\n"
        server.wait_for("hotpin_open_connections", CLIENTS + 1)
        deadline = time.monotonic() + 20
        while len(server.llm.resting) <= CLIENTS and time.monotonic() < deadline:  # each has been released
            time.sleep(0.05)
        assert len(server.llm.resting) > CLIENTS
        assert (resident() - before) / CLIENTS < MAX_BYTES
        assert wav_samples(PlainClient(server.ws, "meanwhile").ask(tone(0.5))) > 0
        clients.communicate(b"\n", timeout=30)
    server.wait_for("hotpin_open_connections", 2)


def test_who_has_finished_is_understood_before_who_has_only_paused(server: Server) -> None:
    busy, pausing, done = (
        EventClient(server.ws, "a"),
        EventClient(server.ws, "b", vad=True),
        EventClient(server.ws, "c"),
    )
    server.stt.gate.clear()
    say(busy, tone(1.0))
    pausing.socket.send(tone(0.4) + quiet(0.4))
    deadline = time.monotonic() + 5
    while not server.app.engines.speculation.ahead.begun and time.monotonic() < deadline:
        time.sleep(0.01)
    say(done, tone(2.0))
    server.stt.gate.set()
    for client in (busy, done):
        client.until("audio_end")
    pausing.socket.send(quiet(2.0))
    pausing.until("audio_end")
    whole, later, draft = server.stt.heard_seconds[:3]
    assert whole < later > draft


def say(client: EventClient, audio: bytes) -> None:
    """Ask something, and wait until it is to be understood."""
    client.socket.send(audio)
    client.send(signal="EOS")
    while True:
        if client.until("status")[-1] == {"type": "status", "status": "thinking"}:
            return
