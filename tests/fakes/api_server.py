"""A server on the loopback that answers as the published APIs do, or as badly as a test wants it to."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from hotpin.audio.frame import Samples

TIMEOUT = 5.0
"""s after which a test that waits for a client has failed."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, bytes]:
        """The fields of a multipart form."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + self.body).get_payload()
        found = {}
        for part in parts:
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            found[str(name)] = part.get_payload(decode=True)  # type: ignore[union-attr]
        return found  # type: ignore[return-value]


class Reply:
    """What a script can do with one request."""

    def __init__(self, handler: "_Handler", asked: Asked, server: "ApiServer") -> None:
        self._handler = handler
        self._server = server
        self.asked = asked

    def json(self, value: object, status: int = 200, **headers: str) -> None:
        """Answer with JSON."""
        self.whole(json.dumps(value).encode(), "application/json", status, **headers)

    def whole(self, body: bytes, kind: str, status: int = 200, **headers: str) -> None:
        """Answer with a body of known length."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def begin(self, kind: str) -> None:
        """Begin to answer with a stream."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()

    def send(self, piece: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def end(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")

    def events(self, *data: str) -> None:
        """Send server-sent events."""
        for text in data:
            self.send(f"data: {text}\n\n".encode())

    def reset(self) -> None:
        """Cut the line at once."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._handler.connection.shutdown(socket.SHUT_RD)
        self._handler.rfile.close()
        self._handler.connection.close()
        self._handler.close_connection = True

    def hang(self) -> None:
        """Say nothing more, until the client hangs up."""
        self._handler.connection.settimeout(TIMEOUT)
        try:
            gone = self._handler.connection.recv(1) == b""
        except ConnectionError:
            gone = True
        except TimeoutError:
            gone = False
        if gone:
            self._server.dropped.set()
        self._handler.close_connection = True


Script = Callable[[Reply], None]


class ApiServer:
    """What it does, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.script: list[Script] = []
        """What it does with the next requests, one each."""
        self.usual: Script = chat("It is", " Paris.")
        """What it does with all others."""
        self.asked: list[Asked] = []
        self.connections = 0
        self.dropped = threading.Event()
        """Set when a client has hung up on an answer that hangs."""

    def answer(self, reply: Reply) -> None:
        self.asked.append(reply.asked)
        script = self.script.pop(0) if self.script else self.usual
        script(reply)


def piece_of_chat(text: str | None, finish: str | None = None) -> str:
    """One event of a chat completion, as OpenAI's reference has it."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return json.dumps(event)


def chat(*pieces: str) -> Script:
    """Answer with a streamed chat completion."""

    def script(reply: Reply) -> None:
        reply.begin("text/event-stream; charset=utf-8")
        reply.events(*(piece_of_chat(piece) for piece in pieces), piece_of_chat(None, "stop"), "[DONE]")
        reply.end()

    return script


def events(*data: str) -> Script:
    """Answer with these server-sent events."""

    def script(reply: Reply) -> None:
        reply.begin("text/event-stream")
        reply.events(*data)
        reply.end()

    return script


def failing(status: int, message: str = "no", code: str | None = None, **headers: str) -> Script:
    """Refuse as OpenAI does."""
    error = {"message": message, "type": "some_error", "param": None, "code": code}
    return lambda reply: reply.json({"error": error}, status, **headers)


def transcription(text: str) -> Script:
    """Answer with a transcription."""
    return lambda reply: reply.json({"text": text})


def sound(*pieces: Samples, odd: bool = False) -> Script:
    """Answer with raw 16-bit samples; ``odd`` cuts them in the middle of a sample."""

    def script(reply: Reply) -> None:
        reply.begin("audio/pcm")
        data = np.concatenate(pieces).astype("<i2").tobytes()
        size = 4801 if odd else 4800
        for start in range(0, len(data), size):
            reply.send(data[start : start + size])
        reply.end()

    return script


def streamed(speak: Callable[[Any], Iterator[Samples]], kind: str = "audio/pcm") -> Script:
    """Answer with the samples that ``speak`` makes of the request's JSON, as they come."""

    def script(reply: Reply) -> None:
        reply.begin(kind)
        for samples in speak(reply.asked.json):
            reply.send(samples.astype("<i2").tobytes())
        reply.end()

    return script


class _Handler(BaseHTTPRequestHandler):
    server: "_Http"
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.api.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self.server.api.answer(Reply(self, Asked(self.path, headers, body), self.server.api))
        except OSError:  # the client is gone
            self.server.api.dropped.set()
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: ApiServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is nothing to tell."""


@contextmanager
def serving(usual: Script | Sequence[Script] = ()) -> Iterator[ApiServer]:
    """Run a server, and stop it afterwards."""
    api = ApiServer()
    if callable(usual):
        api.usual = usual
    http = _Http(api)
    api.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield api
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
