"""Clients as a stranger writes them who has read only the description of the protocols: nothing of Hotpin is used."""

import base64
import io
import json
import struct
from typing import Any, NoReturn

import av
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TIMEOUT = 5.0
RATE = 16_000


def opened(url: str, *, max_queue: int = 64) -> ClientConnection:
    """Connect, without a block around it."""
    connection: ClientConnection = connect(url, max_size=None, max_queue=max_queue).__enter__()
    return connection


def tone(seconds: float) -> bytes:
    """Raw 16-bit little-endian audio at 16 kHz that is not silent."""
    return struct.pack("<h", 1000) * round(seconds * RATE)


def quiet(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


def wav_samples(data: bytes) -> int:
    """How many samples a whole WAV file has; its lengths must be true."""
    assert data[:4] == b"RIFF"
    assert data[8:16] == b"WAVEfmt "
    assert data[36:40] == b"data"
    riff, size = struct.unpack_from("<I", data, 4)[0], struct.unpack_from("<I", data, 40)[0]
    assert riff == len(data) - 8
    assert size == len(data) - 44
    return int(size // 2)


def close_of(socket: ClientConnection) -> tuple[int, str]:
    """Wait until the server closes the connection; what comes before it is passed over."""
    with pytest.raises(ConnectionClosed) as closed:
        _drain(socket)
    frame = closed.value.rcvd
    assert frame is not None, "cut without a close frame"
    return frame.code, frame.reason


def _drain(socket: ClientConnection) -> NoReturn:
    while True:
        socket.recv(TIMEOUT)


class PlainClient:
    """Knows only the handshake, audio, EOS and whole WAV files."""

    def __init__(self, url: str, session_id: str = "abc", **more: object) -> None:
        self.socket = opened(f"{url}/ws")
        self.socket.send(json.dumps({"session_id": session_id, **more}))

    def say(self, audio: bytes) -> None:
        for start in range(0, len(audio), 3201):  # odd lengths, too
            self.socket.send(audio[start : start + 3201])

    def end(self) -> None:
        self.socket.send('{"signal": "EOS"}')

    def reply(self) -> bytes:
        """Take one whole WAV file; it says itself how long it is."""
        data = b""
        while len(data) < 44 or len(data) < 8 + struct.unpack_from("<I", data, 4)[0]:
            piece = self.socket.recv(TIMEOUT)
            assert isinstance(piece, bytes), f"a plain client got text: {piece}"
            assert len(piece) <= 4096
            data += piece
        wav_samples(data)
        return data

    def ask(self, audio: bytes) -> bytes:
        self.say(audio)
        self.end()
        return self.reply()


class EventClient:
    """Wants events, too."""

    def __init__(self, url: str, session_id: str = "abc", **more: object) -> None:
        self.socket = opened(f"{url}/ws")
        self.send(session_id=session_id, events=True, **more)

    def send(self, **message: object) -> None:
        self.socket.send(json.dumps(message))

    def next(self) -> dict[str, Any] | bytes:
        message = self.socket.recv(TIMEOUT)
        return message if isinstance(message, bytes) else json.loads(message)

    def until(self, kind: str) -> list[dict[str, Any] | bytes]:
        """Take messages up to the next of a type, that one included."""
        taken = []
        while True:
            taken.append(self.next())
            if isinstance(taken[-1], dict) and taken[-1]["type"] == kind:
                return taken


def kinds(messages: list[dict[str, Any] | bytes]) -> list[str]:
    """The types of messages in order, each run of one type once; ``audio`` for bytes."""
    names = ["audio" if isinstance(message, bytes) else str(message["type"]) for message in messages]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


class BytesClient:
    """Sends whole utterances, gets whole WAV files."""

    def __init__(self, url: str, session_id: str = "abc") -> None:
        self.socket = opened(f"{url}/ws/{session_id}")

    def ask(self, audio: bytes) -> bytes:
        self.socket.send(audio)
        return self.reply()

    def reply(self) -> bytes:
        reply = self.socket.recv(TIMEOUT)
        assert isinstance(reply, bytes)
        wav_samples(reply)
        return reply


class AgentClient:
    """Speaks JSON with base64 audio, as a browser does."""

    def __init__(self, url: str, agent: str = "receptionist", query: str = "") -> None:
        self.socket = opened(f"{url}/ws/voice-agent/{agent}{query}")

    def next(self) -> dict[str, Any]:
        message = self.socket.recv(TIMEOUT)
        assert isinstance(message, str), "a voice agent sends no bytes"
        found: dict[str, Any] = json.loads(message)
        return found

    def send(self, **message: object) -> None:
        self.socket.send(json.dumps(message))

    def say(self, recording: bytes, piece: int = 4000) -> None:
        for start in range(0, len(recording), piece):
            data = base64.b64encode(recording[start : start + piece]).decode()
            self.send(type="audio_chunk", data=data, is_final=False)

    def end(self) -> None:
        self.send(type="audio_chunk", data="", is_final=True)

    def until_idle(self) -> list[dict[str, Any]]:
        taken = [self.next()]
        while taken[-1] != {"type": "status_update", "status": "idle"}:
            taken.append(self.next())
        return taken

    def ask(self, recording: bytes) -> list[dict[str, Any]]:
        self.say(recording)
        self.end()
        return self.until_idle()


def wav(pcm: bytes) -> bytes:
    """A WAV file of raw 16 kHz audio."""
    layout = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + len(pcm)) + b"WAVEfmt " + struct.pack("<I", 16) + layout
    return head + b"data" + struct.pack("<I", len(pcm)) + pcm


def mp3_seconds(data: bytes) -> float:
    """Decode an MP3 to its end; it must be one playable file."""
    with av.open(io.BytesIO(data), "r", format="mp3") as container:
        return float(sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0)))
