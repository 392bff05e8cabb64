"""A real Redis of the test's own, on a port of the loopback."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.conftest import skip_or_fail

START_SECONDS = 10.0


class RedisServer:
    """Starts in its own folder, where it also keeps its file.

    Args:
        folder: its working folder.
        options: of ``redis-server``, two dashes before each name.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        if shutil.which("redis-server") is None:
            skip_or_fail("redis-server is not installed")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Begin, with what an earlier start has left on the disk."""
        port = () if "--tls-port" in self._options else ("--port", str(self.port))
        options = [*port, "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", "", *self._options]
        command = ["redis-server", *(option.replace("{port}", str(self.port)) for option in options)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server does not listen"
            time.sleep(0.005)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _is_ready(self) -> bool:
        """Whether it answers, and has read its file; it tells that only to those who know the password."""
        asks = "--requirepass" in self._options
        password = self._options[self._options.index("--requirepass") + 1] if asks else ""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as line, line.makefile("rb") as answers:
                line.sendall(f"AUTH {password}\r\nPING\r\n".encode() if asks else b"PING\r\n")
                return b"LOADING" not in b"".join(answers.readline() for _ in range(1 + asks))
        except ConnectionResetError:
            return True  # it wants TLS
        except OSError:
            return False
