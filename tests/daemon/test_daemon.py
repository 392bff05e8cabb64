"""The daemon around a conversation: commands, settings that change, and its end."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotpin import daemon as daemon_module
from hotpin import paths
from hotpin.bus import Bus
from hotpin.control.client import send
from hotpin.control.protocol import Command, ControlError, Request
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.daemon import Daemon, Plan, heed_signals
from hotpin.errors import LlmError
from hotpin.events import Failed, State
from hotpin.instance import InUse, claim_microphone
from hotpin.registry import EngineInfo, Kind
from hotpin.service_manager import ServiceManager
from hotpin.settings import Settings, load
from tests.scenarios.stage import Stage

TIMEOUT = 5.0


class StagedLive:
    """A real conversation on the tests' stage: its engines and devices are in the test's hands."""

    def __init__(self) -> None:
        self.may_load = threading.Event()
        self.may_load.set()
        self.may_close = threading.Event()
        self.may_close.set()
        self.failure: Exception | None = None
        self.changed: list[Settings] = []
        self.closed = False
        self.bus = Bus()
        self.serving = ""
        self.gaps = {"overruns": 0, "overflows": 2, "underflows": 0}
        self.engines: dict[Kind, EngineInfo] = {"tts": EngineInfo("hibari", "hibari-1")}
        self._stage: Stage | None = None

    def open(self, loaded: Callable[[Kind], None]) -> bool:
        assert self.may_load.wait(TIMEOUT)
        if self.failure:
            raise self.failure
        if self.closed:
            return False
        loaded("llm")
        self._stage = Stage(ConversationOptions(name="kitchen", live=True), self.bus)
        return True

    def change(self, settings: Settings) -> None:
        self.changed.append(settings)

    def close(self, timeout: float) -> None:
        self.closed = True
        self.may_close.wait(TIMEOUT)
        if self._stage is not None:
            self._stage.close()

    @property
    def stage(self) -> Stage:
        assert self._stage is not None
        return self._stage

    @property
    def conversation(self) -> Conversation | None:
        return self._stage.conversation if self._stage else None


class Running:
    """A daemon on a thread of its own."""

    def __init__(self, live: StagedLive, manager: ServiceManager) -> None:
        self.live = live
        self.error: Exception | None = None
        self.daemon = Daemon(Plan(load(), {}, "kitchen"), live, manager)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.daemon.run()
        except Exception as error:
            self.error = error

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask for the status until it is as wanted."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline and self._thread.is_alive():
            try:
                if wanted(status := send(Request(Command.STATUS))):
                    return status
            except ControlError:
                pass  # it has only begun
        raise AssertionError("the status never was as wanted")

    def ready(self) -> "Running":
        self.until(lambda status: status["state"] != "loading")
        return self

    def over(self) -> None:
        """Wait until it has ended."""
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()


Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """Folders of the test's own; a log that tells everything; a daemon that looks around often."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.setattr(daemon_module, "_LOOP_SECONDS", 0.005)
    caplog.set_level(logging.INFO, "hotpin")
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts daemons, and ends them."""
    running: list[Running] = []

    def begin(live: StagedLive | None = None, manager: ServiceManager | None = None) -> Running:
        running.append(Running(live or StagedLive(), manager or ServiceManager({})))
        return running[-1]

    yield begin
    for one in running:
        one.live.may_load.set()
        one.live.may_close.set()
        one.daemon.end()
        one.over()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(TIMEOUT)
        yield receiver


def told(systemd: socket.socket, wanted: str) -> list[str]:
    """Give what systemd is told up to a message with a line that is wanted."""
    messages = [systemd.recv(4096).decode()]
    while wanted not in messages[-1].splitlines():
        messages.append(systemd.recv(4096).decode())
    return messages


def write_settings(text: str) -> None:
    paths.config_dir().mkdir(exist_ok=True)
    paths.config_file().write_text(text)


def wait_for(caplog: pytest.LogCaptureFixture, text: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while text not in caplog.text:
        assert time.monotonic() < deadline, f"{text!r} is not in {caplog.text}"
        time.sleep(0.002)  # a log has nobody who could tell of a new line


def test_the_status_tells_what_it_does(start: Start) -> None:
    status = start().ready().until(lambda _: True)
    assert status["state"] == "listening"
    assert status["attention"] == "awake"
    assert status["session"] == "kitchen"
    assert status["turns"] == 0
    assert status["voice_to_voice_ms"] is None
    assert status["gaps"] == {"overruns": 0, "overflows": 2, "underflows": 0}
    assert status["engines"]["tts"] == "hibari hibari-1"
    assert status["uptime_seconds"] >= 0


def test_while_it_loads_it_tells_so_and_can_be_stopped(start: Start) -> None:
    live = StagedLive()
    live.may_load.clear()
    running = start(live)
    running.until(lambda status: status["state"] == "loading")
    with pytest.raises(ControlError, match=r"still loading.*Try again"):
        send(Request(Command.MUTE))
    assert running.daemon.handle(Request(Command.STOP))["ok"]
    running.over()
    assert running.error is None


def test_it_can_be_muted_and_unmuted(start: Start) -> None:
    running = start().ready()
    send(Request(Command.MUTE))
    running.until(lambda status: status["attention"] == "muted")
    send(Request(Command.UNMUTE))
    running.until(lambda status: status["attention"] == "awake")


def test_a_text_is_accepted_at_once_and_spoken(start: Start) -> None:
    running = start().ready()
    send(Request(Command.SAY, "Dinner is ready"))
    done = running.live.stage.hear_reply()
    assert (done.heard, done.reply) == ("", "Dinner is ready")
    running.until(lambda status: status["state"] == "listening")


@pytest.mark.parametrize("text", ["Dinner is ready", "First line.\n\n* second  line.  "])
def test_whoever_waits_learns_that_it_was_heard(start: Start, text: str) -> None:
    running = start().ready()
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(send(Request(Command.SAY, text, wait=True))))
    waiting.start()
    running.live.stage.hear_reply()
    waiting.join(TIMEOUT)
    assert answers == [{"heard": True}]


def test_whoever_waits_learns_that_it_was_interrupted(start: Start) -> None:
    running = start().ready()
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(send(Request(Command.SAY, "Dinner is ready", wait=True))))
    waiting.start()
    running.until(lambda status: status["state"] == "thinking")
    send(Request(Command.INTERRUPT))
    waiting.join(TIMEOUT)
    assert answers == [{"heard": False}]


def test_engines_that_cannot_be_loaded_end_it_with_the_reason(start: Start) -> None:
    live = StagedLive()
    live.failure = LlmError("there is no model")
    running = start(live)
    running.over()
    assert running.error is live.failure
    assert live.closed
    assert not paths.control_socket().exists()


def test_a_second_one_is_refused_and_leaves_the_first_alone(start: Start) -> None:
    first = start().ready()
    second = start()
    second.over()
    assert isinstance(second.error, InUse)
    first.until(lambda status: status["state"] == "listening")


def test_when_the_listener_fails_it_ends_so_that_it_is_started_anew(start: Start) -> None:
    running = start().ready()
    running.live.bus.publish(Failed("kitchen", 0, "audio", ValueError("secret")))
    running.over()
    assert "listener has failed" in str(running.error)
    assert "secret" not in str(running.error)


def test_ending_closes_the_conversation_and_leaves_nothing_behind(start: Start) -> None:
    running = start().ready()
    running.daemon.end()
    running.over()
    assert running.error is None
    assert running.live.closed
    assert not paths.control_socket().exists()
    claim_microphone().release()


def test_a_turn_that_is_cut_off_by_the_end_is_logged(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    running = start().ready()
    running.live.stage.conversation.type("who are you")
    running.until(lambda status: status["state"] == "thinking")
    running.daemon.end()
    running.over()
    assert [record.message for record in caplog.records][-2:] == ["turn", "ended"]


def test_a_conversation_that_does_not_end_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_module, "CLOSE_SECONDS", 0.01)
    live = StagedLive()
    live.may_close.clear()
    running = start(live).ready()
    began = time.monotonic()
    running.daemon.end()
    running.over()
    assert time.monotonic() - began < 1.0


def test_systemd_learns_when_it_is_ready_what_it_does_and_when_it_ends(
    start: Start, systemd: socket.socket, tmp_path: Path
) -> None:
    live = StagedLive()
    running = start(live, ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}))
    assert told(systemd, "READY=1") == ["READY=1\nSTATUS=listening"]
    live.stage.conversation.mute()
    told(systemd, "STATUS=muted")
    running.daemon.end()
    told(systemd, "STOPPING=1")


def test_systemd_gets_signs_of_life(start: Start, systemd: socket.socket, tmp_path: Path) -> None:
    start(manager=ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000"}))
    told(systemd, "READY=1")
    assert [told(systemd, "WATCHDOG=1")[-1] for _ in range(2)] == ["WATCHDOG=1"] * 2


def test_settings_that_changed_are_taken_on(
    start: Start, systemd: socket.socket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    running = start(manager=ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})).ready()
    told(systemd, "READY=1")
    write_settings('[dialog]\nagent = "sales"\n[tts]\nengine = "kokoro"\nvoice = "af_heart"\n')
    running.daemon.reload()
    told(systemd, "RELOADING=1")
    told(systemd, "READY=1")
    assert running.live.changed[-1].dialog.agent == "sales"
    assert running.live.changed[-1].tts == load({"tts.engine": "hibari", "tts.voice": ""}).tts
    assert "to change tts.engine, tts.voice, start the daemon anew: hotpin stop, hotpin daemon" in caplog.text
    assert [vars(record)["fields"]["changed"] for record in caplog.records if record.message == "reloaded"] == [
        "dialog.agent"
    ]


def test_options_outlive_a_reload(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    live = StagedLive()
    running = start(live).ready()
    running.daemon._plan = Plan(load(), {"dialog.agent": "sales"}, "kitchen")
    write_settings('[dialog]\nagent = "receptionist"\n')
    running.daemon.reload()
    wait_for(caplog, "reloaded")
    assert live.changed[-1].dialog.agent == "sales"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[turn]\nwait_seconds = "long"\n', ("config.toml", "turn.wait_seconds is 'long'", "a number")),
        ("[turn\n", ("config.toml is not valid TOML",)),
        ("[trun]\nwait = 1\n", ("no section 'trun'",)),
    ],
)
def test_a_settings_file_broken_by_hand_changes_nothing_and_is_explained(
    start: Start, caplog: pytest.LogCaptureFixture, text: str, words: tuple[str, ...]
) -> None:
    running = start().ready()
    write_settings(text)
    running.daemon.reload()
    wait_for(caplog, "the settings stay as they were")
    for word in words:
        assert word in caplog.text
    assert running.live.changed == []
    assert running.until(lambda _: True)["state"] == State.LISTENING


@pytest.fixture
def idle() -> Iterator[Daemon]:
    """A daemon that is not running, told of this process's signals."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    daemon = Daemon(Plan(load(), {}, "kitchen"), StagedLive(), ServiceManager({}))
    heed_signals(daemon)
    yield daemon
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_a_second_one_would_end_the_process_at_once(idle: Daemon, number: signal.Signals) -> None:
    signal.raise_signal(number)
    assert idle._ending
    assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_hanging_up_has_the_settings_read_anew(idle: Daemon) -> None:
    signal.raise_signal(signal.SIGHUP)
    assert idle._reload_wanted
    assert not idle._ending
