"""Every example of docs/protocols.md, played against a running server."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.server.clients import TIMEOUT, opened, quiet, tone, wav, wav_samples
from tests.server.conftest import Server

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocols.md"
EXAMPLE = re.compile(r"^```ws (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOUND = re.compile(r"\[(audio|silence|wav) ([\d.]+)\]")


def examples() -> Iterator[Any]:
    for number, found in enumerate(EXAMPLE.finditer(DOCUMENT.read_text())):
        yield pytest.param(found[1], found[2].splitlines(), id=f"{number}-{found[1]}")


def sound(text: str) -> bytes | None:
    found = SOUND.fullmatch(text)
    if found is None:
        return None
    pcm = (quiet if found[1] == "silence" else tone)(float(found[2]))
    return wav(pcm) if found[1] == "wav" else pcm


def outgoing(text: str) -> str | bytes:
    """What a line sends."""
    if (audio := sound(text)) is not None:
        return audio
    message = json.loads(text)
    if isinstance(message, dict) and (audio := sound(message.get("data", ""))) is not None:
        message["data"] = base64.b64encode(audio).decode()
    return json.dumps(message)


def whole_wav(socket: ClientConnection) -> int:
    """Take a WAV that may come in several messages; how many samples it has."""
    data = b""
    while len(data) < 44 or len(data) < 8 + int.from_bytes(data[4:8], "little"):
        piece = socket.recv(TIMEOUT)
        assert isinstance(piece, bytes)
        data += piece
    return wav_samples(data)


def fits(message: str | bytes, pattern: str) -> bool:
    if pattern == "[audio]" or isinstance(message, bytes):
        return pattern == "[audio]" and isinstance(message, bytes)
    wanted, found = json.loads(pattern), json.loads(message)
    return set(wanted) == set(found) and all(value in ("…", found[name]) for name, value in wanted.items())


def expect(socket: ClientConnection, pattern: str) -> None:
    if pattern in ("[wav]", "[empty wav]"):
        assert bool(whole_wav(socket)) is (pattern == "[wav]")
    elif pattern.startswith("closed"):
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(TIMEOUT)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == int(pattern.split()[1])
    else:
        while not fits(socket.recv(TIMEOUT), pattern):
            pass


@pytest.mark.parametrize(("path", "lines"), list(examples()))
def test_example(server: Server, path: str, lines: list[str]) -> None:
    socket = opened(server.ws + path)
    for line in lines:
        direction, text = line.split(" ", 1)
        if direction == ">":
            socket.send(json.loads(text) if text.startswith('"') else outgoing(text))
        else:
            expect(socket, text)


def test_the_document_has_examples_of_every_protocol() -> None:
    paths = {str(example.values[0]).split("?")[0] for example in examples()}
    assert {"/ws", "/ws/kitchen", "/ws/voice-agent/receptionist"} <= paths
