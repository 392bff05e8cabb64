"""The interface in a real terminal: its size, what natives print, leaving, and real engines."""

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from hotpin import models, paths
from hotpin.settings import Settings
from tests.audio.test_device_mic import plug
from tests.conftest import skip_or_fail
from tests.e2e.rig import sound_server

TIMEOUT_SECONDS = 20.0

_PRINTS = """
import os, sys
from pathlib import Path
from hotpin.tui.terminal import kept_clean
with kept_clean(Path(sys.argv[1])):
    os.write(1, b"native out "); os.write(2, b"native err ")
    print("drawn", file=sys.__stderr__, flush=True)
print("after")
"""
_PRINTS_MUCH = """
import os, sys, time
from pathlib import Path
from hotpin.tui import terminal
terminal.CHECK_SECONDS, terminal.MAX_LOG_BYTES = 0.01, 4000
with terminal.kept_clean(Path(sys.argv[1])):
    os.write(2, b"old " * 2000)
    while os.fstat(2).st_size != 1000:  # cut, and its end written again
        time.sleep(0.01)
    os.write(2, b"new")
"""
_CALL = """
import time
from hotpin import settings
from hotpin.tui.run import run
run(settings.load({}), "kitchen")
print("Left.")
time.sleep(60)  # the terminal goes with its program
"""

_SERVED = """
import subprocess, sys, time
subprocess.run([sys.executable, "-m", "hotpin", "--serve", "--port", "0"])
print("Left.")
time.sleep(60)
"""


def test_without_a_terminal_the_plain_call_is_named(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PRINTS, str(tmp_path / "log")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode
    assert "hotpin start-call" in ran.stderr


def test_what_native_libraries_print_goes_to_the_log_instead_of_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "log"
    assert _run_in_terminal(_PRINTS, log).split() == [b"drawn", b"after"]
    assert log.read_text() == "native out native err "
    assert log.stat().st_mode & 0o077 == 0


def test_the_log_of_a_long_run_keeps_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    _run_in_terminal(_PRINTS_MUCH, log)
    assert log.read_text() == "old " * 250 + "new"


def _run_in_terminal(code: str, log: Path) -> bytes:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", code, str(log)], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert program.wait(TIMEOUT_SECONDS) == 0
    return shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


class Tmux:
    """A terminal of its own size, with the interface in it."""

    def __init__(self, folder: Path) -> None:
        self._server = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]

    def run(self, *command: str) -> str:
        return subprocess.run([*self._server, *command], check=True, capture_output=True, text=True).stdout

    def until(self, wanted: Callable[[str], bool]) -> str:
        """Wait for something to be on the screen."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not wanted(screen := self.run("capture-pane", "-p")):
            assert time.monotonic() < deadline, screen
            time.sleep(0.05)  # there is nothing to wait for but the screen
        return screen


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> dict[str, str]:
    """The environment of a person who has the models and no settings."""
    if models.missing(settings):
        skip_or_fail("the models are not installed")
    return {"HOTPIN_HOME": str(tmp_path), "HOTPIN_MODELS__DIR": str(models.models_dir(settings))}


@contextmanager
def tmux(folder: Path, environment: Mapping[str, str], code: str = _CALL) -> Iterator[Tmux]:
    """The interface in a terminal of 100x30, with the real engines."""
    if shutil.which("tmux") is None:
        skip_or_fail("not installed: tmux")
    terminal = Tmux(folder)
    variables = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
    terminal.run("new-session", "-d", "-x", "100", "-y", "30", *variables, sys.executable, "-c", code)
    try:
        yield terminal
    finally:
        terminal.run("kill-server")


def _shows(text: str, screen: str) -> bool:
    return text in screen


def leave(terminal: Tmux) -> None:
    """Press Ctrl-C; it ends at once."""
    began = time.monotonic()
    terminal.run("send-keys", "C-c")
    terminal.until(partial(_shows, "Left."))
    assert time.monotonic() - began < 2.0


@pytest.mark.e2e
def test_a_call_with_the_real_engines_is_typed_answered_and_left(tmp_path: Path, home: dict[str, str]) -> None:
    no_sound = {"PULSE_SERVER": "unix:/nonexistent"}
    with tmux(tmp_path, home | no_sound) as terminal:
        terminal.until(partial(_shows, "loading"))
        terminal.run("send-keys", "What is the capital of France?", "Enter")  # the models are still loading
        for shown in ("You: What is the capital of France?", "Hotpin: ", "Enter to voice"):
            terminal.until(partial(_shows, shown))
        terminal.run("resize-window", "-x", "20", "-y", "5")
        # Until it is drawn anew: to the program, a change that is taken back at once is none.
        terminal.until(lambda screen: "● " in screen and "Type a" in screen and "Enter to voice" not in screen)
        terminal.run("resize-window", "-x", "100", "-y", "30")
        terminal.until(partial(_shows, "Enter to voice"))
        leave(terminal)


@pytest.mark.e2e
def test_a_question_that_is_spoken_is_shown_and_answered(tmp_path: Path, home: dict[str, str]) -> None:
    with sound_server(tmp_path) as rig, tmux(tmp_path, {**rig.environment, **home}) as terminal:
        plug(rig)
        terminal.until(partial(_shows, "● listening"))
        terminal.until(partial(_shows, "level "))  # the microphone is there
        question = paths.assets_dir() / "questions" / "1-france.wav"
        subprocess.run(["paplay", "--device=room", str(question)], env=rig.environment, check=True)
        for shown in ("You: What is the capital of France?", "Hotpin: ", "voice to voice", "● listening"):
            terminal.until(partial(_shows, shown))
        terminal.run("send-keys", "F2")
        terminal.until(partial(_shows, "● muted"))
        leave(terminal)


@pytest.mark.e2e
def test_with_a_server_the_interface_tells_its_address(tmp_path: Path, home: dict[str, str]) -> None:
    with tmux(tmp_path, home | {"PULSE_SERVER": "unix:/nonexistent"}, _SERVED) as terminal:
        screen = terminal.until(partial(_shows, "Other devices reach Hotpin at"))
        url = screen.partition("Other devices reach Hotpin at ")[2].split()[0]
        with urlopen(f"{url}/ready", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - on the loopback
            assert json.load(answer) == {"ready": True}
        leave(terminal)
