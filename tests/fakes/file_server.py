"""A release page on the loopback that can cut the line, forget ranges, and change its files."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class FileServer:
    """What it has and does, and what it was asked for; the tests change it while it runs."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        """Content by path, such as ``/model.bin``."""
        self.redirects: dict[str, str] = {}
        """Where a path leads, instead."""
        self.refusals: dict[str, int] = {}
        """HTTP status by path."""
        self.cuts: list[int] = []
        """Bytes after which the next answers that are longer are cut."""
        self.hold_after: int | None = None
        """Bytes after which an answer waits for `go_on`."""
        self.held, self.go_on = Event(), Event()
        self.knows_ranges = True
        self.states_etag = True
        self.states_length = True
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each request."""
        self.bytes_sent = 0

    def etag(self, content: bytes) -> str:
        return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


class _HttpServer(ThreadingHTTPServer):
    def __init__(self, page: FileServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    server: "_HttpServer"

    def do_HEAD(self) -> None:
        """What a model hub says of a file: its SHA-256, size and commit."""
        content = self.server.page.files[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.page.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        content = self.server.page.files.get(self.path)
        if self.path in self.server.page.redirects:
            self.send_response(302)
            self.send_header("Location", self.server.page.redirects[self.path])
            self.end_headers()
        elif content is None or self.path in self.server.page.refusals:
            self.send_error(self.server.page.refusals.get(self.path, 404))
        else:
            self.give(content)

    def give(self, content: bytes) -> None:
        begin = self.range_begin(content)
        if begin > len(content) or (begin and begin == len(content)):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if self.path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        if self.server.page.states_length:
            self.send_header("Content-Length", str(len(content) - begin))
        if self.server.page.states_etag:
            self.send_header("ETag", self.server.page.etag(content))
        self.end_headers()
        self.send(content[begin:])

    def range_begin(self, content: bytes) -> int:
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if (
            asked is None
            or not self.server.page.knows_ranges
            or (condition and condition != self.server.page.etag(content))
        ):
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def send(self, content: bytes) -> None:
        if self.server.page.cuts and len(content) > self.server.page.cuts[0]:
            content = content[: self.server.page.cuts.pop(0)]
        first = len(content) if self.server.page.hold_after is None else self.server.page.hold_after
        for piece in (content[:first], content[first:]):
            self.server.page.bytes_sent += len(piece)  # before the client can look
            self.wfile.write(piece)
            if self.server.page.hold_after is not None:
                self.wfile.flush()
                self.server.page.held.set()
                self.server.page.go_on.wait(30)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[FileServer]:
    """Serve until the block ends."""
    server = FileServer()
    with _HttpServer(server) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            http.shutdown()
            thread.join()
