"""What a command may write over, and what becomes of it when the terminal is closed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hotpin import cli
from hotpin.audio.atomic import refuse_other_files
from hotpin.audio.codecs import wav_bytes
from hotpin.errors import AudioError
from tests.commands.hotpin_process import Hotpin


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A WAV in an empty home."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
    path = tmp_path / "question.wav"
    path.write_bytes(wav_bytes(np.zeros(1600, np.int16), 16_000))
    return path


@pytest.fixture
def untouched_signals() -> Iterator[None]:
    """Gives the signals back their handlers."""
    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in found.items():
        signal.signal(number, handler)


def refused(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli.app, list(map(str, arguments)))
    assert isinstance(result.exception, AudioError), result.output
    return str(result.exception)


@pytest.mark.parametrize("command", [["ask", "--audio"], ["start-call", "--input"]])
def test_a_reply_is_never_written_over_the_question(recording: Path, command: list[str]) -> None:
    link = recording.with_name("link.wav")
    link.symlink_to(recording)
    before = recording.read_bytes()
    assert "is the recording itself" in refused(*command, recording, "--out", recording)
    assert "is the recording itself" in refused(*command, recording, "--out", link)
    assert recording.read_bytes() == before


def test_speech_replaces_a_wav_but_no_other_file(recording: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.wav"
    notes.write_text("Not a recording.")
    assert "is no WAV" in refused("tts-test", "--text", "Hello.", "--out", notes)
    assert notes.read_text() == "Not a recording."
    notes.write_bytes(b"")
    refuse_other_files(notes)
    refuse_other_files(recording)
    refuse_other_files(tmp_path / "new.wav")


@pytest.mark.usefixtures("untouched_signals")
def test_closing_the_terminal_ends_hotpin_as_ctrl_c_does() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    cli._heed_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)


@pytest.mark.usefixtures("untouched_signals")
def test_nohup_keeps_hotpin_alive_when_the_terminal_is_closed() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    cli._heed_signals()
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.slow
def test_a_name_that_is_no_text_can_be_printed_as_json(hotpin: Hotpin, recording: Path) -> None:
    odd = recording.rename(recording.with_name(os.fsdecode(b"\xff.wav")))
    assert hotpin("audio", "info", odd, "--json").json()["path"] == str(odd)
