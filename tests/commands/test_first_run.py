"""The first run without models: in a terminal Hotpin offers to fetch them, elsewhere it says the command."""

import hashlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from tests.fakes.file_server import FileServer, serving

pytestmark = pytest.mark.slow

WEIGHTS = b"GGUF" * 5000
MODEL = """
[[model]]
name = "{name}"
title = "{name}"
kind = "{kind}"
licence = "MIT"
languages = ["en"]
memory_mb = 1
"""
PATIENCE_SECONDS = 30


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A release page with a language model that no engine can load, and the other models that are recommended."""
    with serving() as page:
        page.files["/tiny.gguf"] = WEIGHTS
        packaged = '[model.package]\ndistribution = "hotpin"\nmodule = "hotpin"\nfile = "py.typed"\nbytes = 0\n'
        others = [("whisper-base", "stt"), ("whisper-tiny", "stt"), ("vosk-small-en-us", "stt")]
        others += [("vosk-small-ko", "stt"), ("whisper-small", "stt"), ("hibari-heart", "tts"), ("kokoro-int8", "tts")]
        others += [("smollm2-135m-instruct", "llm"), ("smollm2-360m-instruct", "llm")]
        others += [("smollm2-1.7b-instruct", "llm"), ("ministral-3-3b-instruct", "llm")]
        others += [("mistral-7b-instruct-v0.3", "llm"), ("smart-turn", "prosody")]
        manifest = "".join(MODEL.format(name=name, kind=kind) + packaged for name, kind in others)
        manifest += MODEL.format(name="tiny", kind="llm") + 'entry = "tiny.gguf"\n'
        pin = hashlib.sha256(WEIGHTS).hexdigest()
        manifest += f'files = [{{ name = "tiny.gguf", bytes = {len(WEIGHTS)}, sha256 = "{pin}" }}]\n'
        manifest += f'[model.web]\nurl = "{page.url}/tiny.gguf"\n'
        (tmp_path / "manifest.toml").write_text(manifest)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HOTPIN_LLM__MODEL", "tiny")
        monkeypatch.delenv("CI", raising=False)
        yield page


def command(*arguments: str) -> list[str]:
    code = "from pathlib import Path; from hotpin import paths; from hotpin.cli import main\n"
    code += "paths.manifest_file = lambda: Path('manifest.toml').absolute()\nmain()"
    return [sys.executable, "-c", code, *arguments]


class Terminal:
    """A command in a terminal."""

    def __init__(self, *arguments: str) -> None:
        self._controller, terminal = pty.openpty()
        self.process = subprocess.Popen(
            command(*arguments), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
        )
        os.close(terminal)
        self.output = ""

    def read_until(self, text: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while text not in self.output:
            assert time.monotonic() < end, self.output
            try:
                self.output += os.read(self._controller, 65_536).decode(errors="replace")
            except OSError:  # the command has ended
                break
        assert text in self.output, self.output

    def type(self, text: str) -> None:
        os.write(self._controller, text.encode())

    def end(self) -> int:
        watch = Timer(PATIENCE_SECONDS, self.process.kill)
        watch.start()
        try:
            while piece := os.read(self._controller, 65_536):
                self.output += piece.decode(errors="replace")
        except OSError:
            pass
        watch.cancel()
        os.close(self._controller)
        return self.process.wait(PATIENCE_SECONDS)


def test_in_a_terminal_the_models_are_offered_and_the_command_goes_on(page: FileServer) -> None:
    terminal = Terminal("ask", "Hello?")
    terminal.read_until("Fetch tiny now, 0 MB? [Y/n]")
    assert "Not installed: tiny (0 MB to fetch)." in terminal.output
    assert "GiB of memory" in terminal.output
    terminal.type("\n")
    terminal.read_until("100 %")
    terminal.read_until("Loading")
    assert terminal.end() == 1  # it is no model, but it was there to be loaded
    assert page.bytes_sent == len(WEIGHTS)


def test_who_declines_is_told_the_command(page: FileServer) -> None:
    terminal = Terminal("ask", "Hello?")
    terminal.read_until("[Y/n]")
    terminal.type("n\n")
    assert terminal.end() == 1
    assert "Fetch it with: hotpin models pull tiny" in terminal.output
    assert page.requests == []


def test_ctrl_c_at_the_question_ends_it(page: FileServer) -> None:
    terminal = Terminal("ask", "Hello?")
    terminal.read_until("[Y/n]")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "Aborted" not in terminal.output
    assert "Traceback" not in terminal.output


@pytest.mark.parametrize(
    ("arguments", "environment"), [(("--json",), {}), ((), {"CI": "true"}), ((), {"HOTPIN_MODELS__OFFLINE": "true"})]
)
def test_nobody_is_asked_where_a_program_may_be_listening(
    page: FileServer, arguments: tuple[str, ...], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal("ask", "Hello?", *arguments)
    assert terminal.end() == 1
    assert "hotpin models pull tiny" in terminal.output
    assert "[Y/n]" not in terminal.output


@pytest.mark.parametrize("arguments", [("ask", "Hello?"), ("demo",), ("bench",)])
def test_without_a_terminal_the_one_command_is_said(page: FileServer, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("the model 'tiny' is not installed. Fetch it with: hotpin models pull tiny")
    assert page.requests == []
