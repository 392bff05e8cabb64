"""`hotpin daemon` as a process with real engines and without sound devices: its commands, its signals, its end."""

import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotpin import paths
from hotpin.audio.frame import CAPTURE_RATE
from hotpin.sessions.sqlite import SqliteStore
from tests.commands.hotpin_process import Hotpin, Terminal
from tests.server.clients import EventClient, close_of

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("real_models")]

TIMEOUT = 60.0
END_SECONDS = 2.0
"""What a service may take to end, whatever it does."""

NO_SOUND = {"HOTPIN_AUDIO__INPUT": "no such microphone", "HOTPIN_AUDIO__OUTPUT": "no such loudspeaker"}
"""Whatever this machine has: tests neither listen nor talk to whoever sits in front of it."""

QUESTION = paths.assets_dir() / "questions" / "1-france.wav"

LONG = "It goes on and on. " * 40


class Service:
    """A daemon's process, whose log is a file."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def until(self, text: str) -> None:
        """Wait until the log has ``text`` in it."""
        deadline = time.monotonic() + TIMEOUT
        while text not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, f"{text!r} is not in {self.log}"
            time.sleep(0.01)  # a file has nobody who could tell of a new line

    def ends(self, number: int) -> float:
        """Send a signal and wait for the end; return how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(10.0) == 0, self.log
        return time.monotonic() - began


Start = Callable[..., Service]


@pytest.fixture
def start(hotpin: Hotpin, tmp_path: Path) -> Iterator[Start]:
    """Starts daemons, and kills what is left of them."""
    services: list[Service] = []

    def begin(*arguments: str, module: str = "hotpin", **environment: str) -> Service:
        path = tmp_path / f"log-{len(services)}"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**hotpin.environment, "PYTHONPATH": str(Path(__file__).parents[2]), **NO_SOUND, **environment},
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        services.append(Service(process, path))
        return services[-1]

    yield begin
    for service in services:
        service.process.kill()
        service.process.wait()


@pytest.fixture
def running(start: Start) -> Service:
    """A daemon that is ready."""
    service = start("daemon")
    service.until("event=ready")
    return service


def test_it_is_told_what_to_do_by_commands(running: Service, hotpin: Hotpin) -> None:
    assert hotpin("status", "--json").json()["state"] == "listening"
    assert hotpin("mute").status == 0
    running.until("attention=muted")
    assert "Hotpin is    muted" in hotpin("status").out
    assert hotpin("say", "--wait", "Dinner is ready.").status == 0
    hotpin("say", "  ").refused("nothing to say")
    hotpin("daemon").refused("another Hotpin listens already", str(running.process.pid), "hotpin stop")
    assert hotpin("stop").status == 0
    assert running.process.wait(1.0) == 0
    assert "Dinner" not in running.log
    hotpin("status").refused("no daemon is running", "hotpin daemon")


def test_it_ends_at_once_while_it_speaks(running: Service, hotpin: Hotpin) -> None:
    assert hotpin("say", LONG).status == 0
    running.until("state=speaking")
    assert running.ends(signal.SIGTERM) < END_SECONDS
    assert "on and on" not in running.log


def test_it_ends_at_once_while_it_loads(start: Start) -> None:
    service = start("daemon")
    service.until("event=loaded")
    assert service.ends(signal.SIGTERM) < END_SECONDS


def test_a_turn_that_is_spoken_when_it_is_ended_is_stored(start: Start, tmp_path: Path) -> None:
    service = start("Tell me a long story about the sea.", module="tests.daemon.answering_daemon")
    service.until("speaking\n")
    assert service.ends(signal.SIGTERM) < END_SECONDS
    store = SqliteStore(tmp_path / "data" / "sessions.sqlite")
    session = store.load("daemon", 10)
    store.close()
    assert session is not None
    assert [turn.heard for turn in session.turns] == ["Tell me a long story about the sea."]
    assert "story" not in service.log


def test_settings_broken_by_hand_are_explained_and_mended_ones_taken_on(running: Service, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "config.toml").write_text('[turn]\nwait_seconds = "long"\n')
    running.process.send_signal(signal.SIGHUP)
    running.until("turn.wait_seconds is 'long'")
    assert "the settings stay as they were" in running.log
    (tmp_path / "config" / "config.toml").write_text('[dialog]\nagent = "sales"\n')
    running.process.send_signal(signal.SIGHUP)
    running.until("event=reloaded changed=dialog.agent")


def test_after_it_was_killed_it_starts_again(running: Service, start: Start, hotpin: Hotpin) -> None:
    running.process.kill()
    running.process.wait()
    hotpin("status").refused("no daemon is running")
    again = start("daemon", "--push-to-talk")
    again.until("event=ready")
    status = hotpin("status", "--json").json()
    assert status["attention"] == "asleep"
    assert status["hands_free"] is False


def test_it_ends_with_the_terminal_it_was_started_in(hotpin: Hotpin) -> None:
    hotpin.environment.update(NO_SOUND)
    terminal = Terminal(lambda inner: hotpin.start_in(inner, "daemon"))
    terminal.until("event=ready")
    terminal.hang_up()
    assert terminal.process.wait(10.0) == 0


def test_systemd_learns_that_it_is_ready(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(TIMEOUT)
        service = start("daemon", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert systemd.recv(4096).startswith(b"READY=1\n")
        os.kill(service.process.pid, signal.SIGTERM)
        while not systemd.recv(4096).startswith(b"STOPPING=1\n"):
            pass


def test_with_a_server_it_is_ready_once_devices_reach_it_and_ends_as_soon(start: Start, hotpin: Hotpin) -> None:
    service = start("daemon", "--serve", "--port", "0")
    service.until("event=ready")
    url = hotpin("status", "--json").json()["server"]
    assert f"server={url}" in service.log
    assert f"server       {url}" in hotpin("status").out
    client = EventClient(url.replace("http", "ws"), "phone")
    with wave.open(str(QUESTION)) as file:
        assert file.getframerate() == CAPTURE_RATE
        client.socket.send(file.readframes(file.getnframes()))
    client.send(signal="EOS")
    client.until("reply")
    assert service.ends(signal.SIGTERM) < END_SECONDS
    assert close_of(client.socket)[0] == 1012
    assert "france" not in service.log.lower()


def test_a_server_that_lets_everybody_in_is_refused_before_anything_is_loaded(hotpin: Hotpin) -> None:
    refused = hotpin("daemon", "--serve", "--host", "0.0.0.0")  # noqa: S104 - it is refused
    refused.refused("0.0.0.0", "hotpin config token")  # noqa: S104
    assert "loaded" not in refused.err
    hotpin("daemon", "--port", "1234").refused("--serve", status=2)
