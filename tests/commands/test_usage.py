"""The command line: help, wrong usage, and input that cannot be used."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hotpin import __version__
from tests.commands.conftest import MakeWav
from tests.commands.hotpin_process import Hotpin

pytestmark = pytest.mark.slow  # a process for each of many mistakes

COMMANDS = tuple(
    "demo ask start-call stt-test tts-test bench doctor models sessions agents config audio".split(),
)


def test_help_names_every_command(hotpin: Hotpin) -> None:
    ran = hotpin("--help")
    assert ran.status == 0
    assert [name for name in COMMANDS if f"  {name} " not in ran.out] == []
    assert hotpin().out.strip() == ran.out.strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(hotpin: Hotpin, command: str) -> None:
    ran = hotpin(command, "--help")
    assert ran.status == 0
    assert f"hotpin {command}" in ran.out


def test_the_version_is_told(hotpin: Hotpin) -> None:
    assert hotpin("--version").out == f"hotpin {__version__}\n"


def test_completion_offers_commands(hotpin: Hotpin) -> None:
    ran = hotpin(_HOTPIN_COMPLETE="complete_bash", COMP_WORDS="hotpin st", COMP_CWORD="1")
    assert "stt-test" in ran.out.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["ask"],
        ["ask", ""],
        ["ask", " \n "],
        ["ask", "hello", "--audio", "x.wav"],
        ["ask", "--nope"],
        ["stt-test"],
        ["stt-test", "--input", "x.wav", "--rate", "0"],
        ["tts-test", "--text", ""],
        ["tts-test", "--text", "🙂"],
        ["tts-test", "--text", "hello", "--out", "notes.md"],
        ["ask", "hello", "--out", "reply.mp3"],
        ["ask", os.fsdecode(b"\xff\xfe")],
        ["bench", "--repeat", "0"],
        ["models"],
        ["sessions"],
        ["sessions", "show", "../x"],
        ["config"],
        ["audio"],
        ["ask", "hello", "--session-id", ""],
        ["start-call", "--session-id", "x" * 10_000],
    ],
)
def test_wrong_usage_exits_with_2(hotpin: Hotpin, arguments: list[str]) -> None:
    ran = hotpin(*arguments)
    assert ran.status == 2
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", [["stt-test", "--input"], ["ask", "--audio"]])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["there is no file"]),
        (b"", ["empty"]),
        (b"this is no sound at all\n" * 99, ["sound.wav"]),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80>\0\0\0}\0\0\2\0\x10\0data\0\0\0\0", ["no sound"]),
    ],
)
def test_a_file_without_sound_is_refused_before_any_model_is_loaded(
    hotpin: Hotpin, tmp_path: Path, command: list[str], content: bytes | None, words: list[str]
) -> None:
    path = tmp_path / "sound.wav"
    if content is not None:
        path.write_bytes(content)
    ran = hotpin(*command, path)
    ran.refused(*words)
    assert "Loaded" not in ran.err


def test_a_folder_is_refused(hotpin: Hotpin, tmp_path: Path) -> None:
    hotpin("stt-test", "--input", tmp_path).refused("is a folder")


@pytest.mark.parametrize("kind", ["stt", "llm", "tts"])
def test_an_unknown_engine_is_refused_with_the_names_of_those_there_are(hotpin: Hotpin, kind: str) -> None:
    hotpin("ask", "hello", f"--{kind}", "nope").refused(f"no {kind} engine 'nope'", "Choose one of")


def test_an_unknown_voice_is_refused_with_the_names_of_those_there_are(hotpin: Hotpin) -> None:
    hotpin("tts-test", "--text", "hello", "--voice", "nope").refused("no voice 'nope'", "heart")


def test_a_model_that_is_not_installed_names_the_command_that_fetches_it(hotpin: Hotpin) -> None:
    ran = hotpin("ask", "hello", HOTPIN_MODELS__DIR=str(hotpin.home))
    ran.refused("not installed", "hotpin models pull smollm2-135m-instruct")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tts]\nspeed = 9.0\n", ["config.toml", "tts.speed", "9.0", "at most 2"]),
        ("[tts]\nspead = 1.0\n", ["config.toml", "tts.spead", "speed"]),
        ("[tss]\nspeed = 1.0\n", ["config.toml", "'tss'", "tts"]),
        ("[tts\n", ["config.toml", "not valid TOML"]),
    ],
)
def test_a_wrong_setting_names_its_file_and_what_is_allowed(hotpin: Hotpin, text: str, words: list[str]) -> None:
    (hotpin.home / "config").mkdir()
    (hotpin.home / "config" / "config.toml").write_text(text)
    hotpin("tts-test", "--text", "hello").refused(*words)


def test_a_wrong_environment_variable_is_named(hotpin: Hotpin) -> None:
    ran = hotpin("tts-test", "--text", "hello", HOTPIN_TTS__SPEED="fast")
    ran.refused("HOTPIN_TTS__SPEED", "fast")


@pytest.mark.usefixtures("real_models")
@pytest.mark.parametrize("engine", ["llama-cpp-python", "xllamacpp"])
def test_a_model_that_is_cut_in_half_is_refused(hotpin: Hotpin, tmp_path: Path, engine: str, real_gguf: Path) -> None:
    half = tmp_path / "half.gguf"
    half.write_bytes(real_gguf.read_bytes()[: real_gguf.stat().st_size // 2])
    hotpin("ask", "hello", "--llm", engine, "--llm-model", half).refused("half.gguf")


@pytest.mark.slow
def test_a_reply_that_cannot_be_written_is_refused(hotpin: Hotpin, make_wav: MakeWav) -> None:
    ran = hotpin("tts-test", "--text", "hello", "--out", hotpin.home / "no" / "folder.wav")
    ran.refused("cannot be written")


@pytest.mark.slow
@pytest.mark.usefixtures("real_models")
@pytest.mark.parametrize("seconds", [0.05, 2.0])
def test_silence_is_told_to_be_nothing(hotpin: Hotpin, make_wav: MakeWav, seconds: float) -> None:
    silence = make_wav("silence.wav", np.zeros(int(16_000 * seconds), np.int16))
    hotpin("ask", "--audio", silence, "--out", hotpin.home / "reply.wav").refused("I heard nothing")
    assert not (hotpin.home / "reply.wav").exists()
    ran = hotpin("stt-test", "--input", silence, "--json")
    assert ran.json()["text"] == ""


def test_a_benchmark_needs_utterances_with_labels(hotpin: Hotpin, make_wav: MakeWav) -> None:
    hotpin("bench", "--utterances", hotpin.home).refused("no .wav files")
    make_wav("01.wav", np.zeros(16_000, np.int16))
    hotpin("bench", "--utterances", hotpin.home).refused("01.json is missing")


def test_words_never_reach_the_log(hotpin: Hotpin) -> None:
    ran = hotpin("ask", "zanzibar", LOG_LEVEL="DEBUG", HOTPIN_MODELS__DIR=os.devnull)
    assert "zanzibar" not in ran.err


def test_a_closed_standard_output_is_no_reason_to_crash(hotpin: Hotpin) -> None:
    command = f"exec {shlex.quote(sys.executable)} -m hotpin models list >&-"
    ran = subprocess.run(["sh", "-c", command], cwd=hotpin.home, capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr


def test_a_rate_for_a_file_that_says_its_own_is_refused(hotpin: Hotpin, make_wav: MakeWav) -> None:
    path = make_wav("sound.wav", np.zeros(16_000, np.int16))
    hotpin("stt-test", "--input", path, "--rate", "16000").refused("not raw audio", "Leave the rate out")
