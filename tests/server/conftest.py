"""Real servers on the loopback, over fake engines: Uvicorn, sockets and the conversation are what they are."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.request import urlopen

import pytest

from hotpin import settings as all_settings
from hotpin.app import App
from hotpin.server.run import ServerThread
from tests.fakes.engines import FakeLlm, FakeStt, FakeTts, fake_engines


@dataclass
class Server:
    """A running server with its engines in the test's hands."""

    app: App
    thread: ServerThread

    @property
    def http(self) -> str:
        return self.thread.url

    @property
    def ws(self) -> str:
        return self.thread.url.replace("http", "ws", 1)

    @property
    def stt(self) -> FakeStt:
        return cast("FakeStt", self.app.engines.stt)

    @property
    def llm(self) -> FakeLlm:
        return cast("FakeLlm", self.app.engines.llm)

    @property
    def tts(self) -> FakeTts:
        return cast("FakeTts", self.app.engines.tts)

    def figure(self, name: str) -> float:
        """A figure as ``/metrics`` tells it; 0 while there is none."""
        with urlopen(f"{self.http}/metrics") as answer:  # noqa: S310 - on the loopback
            lines = answer.read().decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)

    def wait_for(self, name: str, value: float) -> None:
        """Wait until a figure has a value."""
        deadline = time.monotonic() + 15
        while self.figure(name) != value:
            assert time.monotonic() < deadline, f"{name} is {self.figure(name)}, not {value}"
            time.sleep(0.03)


MakeServer = Callable[..., Server]


@pytest.fixture
def make_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeServer]:
    """Start servers with settings such as ``server__token="x"``; on any free port."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    running: list[Server] = []

    def make(**values: object) -> Server:
        overrides = {"server.port": 0, **{name.replace("__", "."): value for name, value in values.items()}}
        settings = all_settings.load(overrides, {})
        app = App(settings)
        app.engines.close()
        app.engines = fake_engines()
        thread = ServerThread(settings, app)
        thread.start()
        running.append(Server(app, thread))
        return running[-1]

    yield make
    for server in running:
        server.thread.close()
        server.app.close()


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    return make_server()
