"""A server that gives the page and answers it by a script, so that the page can be tested alone."""

import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import numpy as np
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from hotpin.audio.frame import Samples
from hotpin.server.web import web_files

RATE = 24_000
PIECE_BYTES = 4096
AGENTS = [
    {
        "id": "hotpin",
        "name": "Hotpin",
        "description": "The default",
        "voice": {"hibari": "af_heart"},
        "voices": ["af_heart", "am_michael"],
    },
    {
        "id": "sales",
        "name": "Sales Agent",
        "description": "Sells",
        "voice": {"kokoro": "am_adam"},
        "voices": ["af_heart", "am_michael"],
    },
]


def open_wav(samples: Samples) -> bytes:
    """A WAV that does not know its length, as a reply that is still being made."""
    layout = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    unknown = b"\xff" * 4
    return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", 16) + layout + b"data" + unknown + samples.tobytes()


@dataclass
class Stub:
    """What the page has done, and what is said to it."""

    reply: Samples
    token: str = ""
    url: str = ""
    hellos: list[dict[str, Any]] = field(default_factory=list)
    subprotocols: list[list[str]] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    signals: list[str] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    connections: list[ServerConnection] = field(default_factory=list)
    held_back: threading.Event | None = None
    """Where there is one, the second half of a reply waits for it."""
    end_held_back: threading.Event | None = None
    """Where there is one, that the reply is over is told only after it."""

    def wait_for(self, signal: str, times: int = 1) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.signals.count(signal) >= times, 20), self.signals

    def tell(self, **message: object) -> None:
        """Say something to the newest connection."""
        self.connections[-1].send(json.dumps(message))

    def samples(self) -> Samples:
        """What came from the microphone."""
        return np.frombuffer(bytes(self.heard), "<i2").astype(np.int16)

    def serve(self, socket: ServerConnection) -> None:
        self.connections.append(socket)
        assert socket.request is not None
        self.subprotocols.append(socket.request.headers.get("Sec-WebSocket-Protocol", "").split(", "))
        try:
            hello = json.loads(socket.recv(10))
            self.hellos.append(hello)
            self._note("hello")
            for message in socket:
                if isinstance(message, bytes):
                    self.heard += message
                    self._note("audio")
                    continue
                signal = json.loads(message)["signal"]
                self._note(signal)
                if signal == "EOS":
                    self.answer(socket)
        except ConnectionClosed:
            return

    def answer(self, socket: ServerConnection) -> None:
        """Give the reply, as it is made."""

        def tell(**message: object) -> None:
            socket.send(json.dumps(message))

        tell(type="transcript", text="what is the", is_final=False)
        tell(type="status", status="thinking")
        tell(type="transcript", text="What is the time?", is_final=True)
        tell(type="reply", delta="It is ")
        data = open_wav(self.reply)
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
        for piece in pieces[: len(pieces) // 2]:
            socket.send(piece)
        tell(type="reply", delta="noon.")
        if self.held_back is not None:
            self.held_back.wait(20)
        for piece in pieces[len(pieces) // 2 :]:
            socket.send(piece)
        if self.end_held_back is not None:
            self.end_held_back.wait(20)
        tell(type="audio_end")
        tell(type="status", status="listening")

    def _note(self, signal: str) -> None:
        with self.came:
            self.signals.append(signal)
            self.came.notify_all()

    def process(self, socket: ServerConnection, request: Request) -> Response | None:
        """Serve what is no WebSocket."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "") + request.headers.get("Authorization", "")
        known = not self.token or self.token in offered
        if request.path == "/ws" and known:
            return None
        if request.path == "/agents" and known:
            return _response(HTTPStatus.OK, {"Content-Type": "application/json"}, json.dumps(AGENTS).encode())
        if request.path in ("/ws", "/agents"):
            return _response(HTTPStatus.UNAUTHORIZED, {}, b"")
        file = web_files().get(request.path)
        if file is None:
            return _response(HTTPStatus.NOT_FOUND, {}, b"")
        return _response(HTTPStatus.OK, file.headers, file.body)


def _response(status: HTTPStatus, headers: dict[str, str], body: bytes) -> Response:
    return Response(status, status.phrase, Headers({**headers, "Content-Length": str(len(body))}), body)


@contextmanager
def stub(reply: Samples, token: str = "", port: int = 0) -> Iterator[Stub]:
    """Serve the page on the loopback."""
    served = Stub(reply, token)
    with serve(
        served.serve,
        "127.0.0.1",
        port,
        process_request=served.process,
        select_subprotocol=lambda _, offered: offered[0] if offered else None,
    ) as server:
        served.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()
