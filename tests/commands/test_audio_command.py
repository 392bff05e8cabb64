"""``hotpin audio``: what a person is shown of a recording, and what a conversion may not do."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.files import describe
from hotpin.audio.frame import CAPTURE_RATE
from hotpin.commands.audio import app
from hotpin.errors import AudioError
from tests.audio.sounds import encode, tone


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def refused(result: Result) -> str:
    """The one line that a person is shown."""
    assert isinstance(result.exception, AudioError), result.output
    return str(result.exception)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A second of sound, a second of silence."""
    path = tmp_path / "in.wav"
    path.write_bytes(wav_bytes(np.concatenate([tone(CAPTURE_RATE), np.zeros(CAPTURE_RATE, np.int16)]), CAPTURE_RATE))
    return path


def test_info_tells_format_length_level_and_silence(recording: Path) -> None:
    assert run("info", recording).stdout.splitlines() == [
        "format    wav, pcm_s16le, 16000 Hz, mono",
        "duration  2.000 s",
        "level     -18.3 dBFS, peak -12.2 dBFS",
        "silence   1.00-2.00 s",
    ]


def test_info_is_one_json_object_for_a_program(recording: Path) -> None:
    found = json.loads(run("info", recording, "--json").stdout)
    assert found["path"] == str(recording)
    assert found["duration_seconds"] == 2.0
    assert found["silences"] == [{"start": 1.0, "end": 2.0}]
    assert (found["silent"], found["cut_short"]) == (False, False)


def test_a_recording_without_any_signal_has_no_level_that_json_could_hold(tmp_path: Path) -> None:
    (tmp_path / "mute.wav").write_bytes(wav_bytes(np.zeros(CAPTURE_RATE, np.int16), CAPTURE_RATE))
    found = json.loads(run("info", tmp_path / "mute.wav", "--json").stdout)
    assert found["level_dbfs"] is found["peak_dbfs"] is None
    assert found["silent"]
    assert "all of it is below -40 dBFS" in run("info", tmp_path / "mute.wav").stdout


@pytest.mark.parametrize(
    ("name", "codec"), [("in.wav", ""), ("in.flac", "flac"), ("in.aiff", "pcm_s16be"), ("in.mp3", "libmp3lame")]
)
def test_a_recording_that_is_cut_short_is_told(recording: Path, name: str, codec: str) -> None:
    path = recording.with_name(name)
    if codec:
        encode(path, codec, 48_000, [np.random.default_rng(0).integers(-9_000, 9_000, 96_000).astype(np.int16)])
    whole = run("info", path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "cut short" not in whole.stdout
    assert "cut short: its header promises 2.000 s" in run("info", path).stdout
    assert json.loads(run("info", path, "--json").stdout)["cut_short"]


def test_what_a_browser_records_has_a_length_though_its_header_has_none(tmp_path: Path) -> None:
    path = encode(tmp_path / "browser.webm", "libopus", 48_000, [tone(48_000, 1.5)])
    found = json.loads(run("info", path, "--json").stdout)
    assert (found["container"], found["codec"]) == ("webm", "opus")
    assert found["duration_seconds"] == pytest.approx(1.5, abs=0.05)


def test_a_recording_without_a_header_is_read_at_the_rate_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "speech.bin").write_bytes(tone(8_000).tobytes())
    found = json.loads(run("info", tmp_path / "speech.bin", "--raw-rate", "8000", "--json").stdout)
    assert (found["container"], found["sample_rate"], found["duration_seconds"]) == ("raw", 8_000, 1.0)


def test_a_conversion_says_what_it_made(recording: Path) -> None:
    target = recording.with_name("out.mp3")
    assert run("convert", recording, target).stdout.startswith(f"{target}: 2.00 s of audio, ")
    assert describe(target).codec.startswith("mp3")


def test_a_conversion_is_one_json_object_for_a_program(recording: Path) -> None:
    target = recording.with_name("out.flac")
    found = json.loads(run("convert", recording, target, "--rate", "8000", "--json").stdout)
    assert found == {"out": str(target), "audio_seconds": 2.0, "bytes": target.stat().st_size}
    assert describe(target).rate == 8_000


def test_a_file_that_exists_is_replaced_only_by_force(recording: Path) -> None:
    target = recording.with_name("out.wav")
    target.write_bytes(b"old")
    assert "--force" in refused(run("convert", recording, target))
    assert target.read_bytes() == b"old"
    assert run("convert", recording, target, "--force").exit_code == 0
    assert target.read_bytes() == recording.read_bytes()


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_recording_is_never_written_over_itself(recording: Path, force: list[str]) -> None:
    before = recording.read_bytes()
    assert "is the recording itself" in refused(run("convert", recording, recording, *force))
    assert recording.read_bytes() == before


def test_an_ending_that_is_not_known_is_wrong_usage_and_lists_those_that_are(recording: Path) -> None:
    result = run("convert", recording, recording.with_name("out.xyz"))
    assert result.exit_code == 2
    assert all(suffix in result.stderr for suffix in (".wav", ".mp3", ".flac", ".ogg", ".opus"))


def test_a_missing_recording_is_said(tmp_path: Path) -> None:
    assert "there is no file" in refused(run("convert", tmp_path / "gone.wav", tmp_path / "out.mp3"))
    assert "there is no file" in refused(run("info", tmp_path / "gone.wav"))


def test_the_command_itself_imports_nothing_heavy() -> None:
    code = "import sys, hotpin.commands.audio; sys.exit(bool({'numpy', 'av', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
