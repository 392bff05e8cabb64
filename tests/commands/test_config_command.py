"""`hotpin config`: what is shown, what is written, and what is refused."""

import json
import os
import pty
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hotpin.commands.config import app
from hotpin.errors import HotpinError, SettingsError
from hotpin.setting_file import template
from hotpin.setting_layers import examine, setting_names
from hotpin.setting_sources import EARLIER_NAMES
from hotpin.settings import Settings, load

HAND_WRITTEN = """\
# My settings
[tts]
speed = 1.25  # I am slow

[stt]
model = "base"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and an environment without settings; returns the settings' file."""
    for name in [*EARLIER_NAMES, *os.environ]:
        if name in EARLIER_NAMES or name.startswith("HOTPIN_"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "config" / "config.toml"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def done_json(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command prints
    return json.loads(done(*arguments, "--json"))


def refusal(*arguments: str) -> str:
    """What the person is told by a command that fails."""
    result = run(*arguments)
    assert isinstance(result.exception, HotpinError), result.output
    return str(result.exception)


def test_every_setting_is_shown_with_its_default() -> None:
    rows = done_json("show")["settings"]
    assert [row["name"] for row in rows] == setting_names()
    assert {row["origin"] for row in rows} == {None}
    lines = done("show").splitlines()
    assert 'engine = "whisper"                       # default' in lines
    assert 'ttl = "30 days"                          # default' in lines


def test_a_value_is_shown_with_its_default_and_where_it_comes_from(home: Path) -> None:
    write(home, HAND_WRITTEN)
    (row,) = done_json("show", "tts.speed")["settings"]
    wanted = {"name": "tts.speed", "value": 1.25, "default": 1.0, "origin": str(home), "secret": False, "wrong": False}
    assert wanted.items() <= row.items()
    assert done("show", "tts.speed").split() == ["tts.speed", "=", "1.25", "#", str(home)]
    assert f"speed = 1.25                             # {home}" in done("show", "tts").splitlines()


def test_a_default_that_gives_way_is_shown_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_DIALOG__MAX_TURNS", "4")
    assert done("show", "dialog.keep_turns").endswith("= 4                    # default 6, gives way to what is set\n")


def test_keys_are_never_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("HOTPIN_CLOUD__GROQ_API_KEY", "")
    write(home, '[cloud]\nopenai_api_key = "sk-other-secret"\nelevenlabs_api_key = ["sk-wrong-secret"]\n')
    for arguments in (["show"], ["show", "--json"], ["show", "cloud.openai_api_key"], ["show", "cloud", "--json"]):
        result = run(*arguments)
        assert "secret" not in (result.output + str(result.exception)).replace('"secret":', "")
    text = run("show", "cloud").stdout
    assert "openai_api_key = set                     # from environment variable OPENAI_API_KEY" in text
    assert "groq_api_key = not set" in text


def test_what_has_no_effect_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSK_MODEL_PATH", "/vosk")
    note = "environment variable VOSK_MODEL_PATH has no effect: stt.engine is whisper, and it is for vosk"
    assert done("show").splitlines()[-1] == f"# {note}"
    assert done_json("show")["notes"] == [note]


def test_everything_is_shown_although_a_value_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "[llm]\nthreads = 'many'\n")
    result = run("show")
    assert "threads = ?" in result.stdout
    assert 'level = "WARNING"' in result.stdout
    assert str(result.exception).startswith(f"{home}: llm.threads is 'many'. Allowed: ")
    monkeypatch.setenv("HOTPIN_STT__THREADS", "few")
    result = run("show", "--json")
    found = json.loads(result.stdout)
    assert [row["name"] for row in found["settings"] if row["wrong"]] == ["stt.threads", "llm.threads"]
    assert len(found["errors"]) == 2
    assert "'many'" in str(result.exception)
    assert "'few'" in str(result.exception)
    write(home, "[llm\n")
    assert 'level = "WARNING"' in run("show").stdout


@pytest.mark.parametrize("command", [["show"], ["set"], ["unset"]])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stt.modle", "there is no setting 'stt.modle'. Did you mean stt.model? Settings are: stt.engine, stt.model"),
        ("speed", "there is no setting 'speed'. Did you mean tts.speed? "),
        ("nothing.like", "Settings are SECTION.KEY; sections are: audio, vad, stt, "),
    ],
)
def test_an_unknown_setting_is_told_with_those_that_are_known(command: list[str], name: str, said: str) -> None:
    assert said in refusal(*command, name, *(["x"] if command == ["set"] else []))


def test_the_file_is_told_before_it_is_there(home: Path) -> None:
    assert done("path") == f"{home}\n"
    assert done_json("path") == {"path": str(home)}
    assert not home.exists()


def test_a_setting_is_written_with_its_type_and_comments_stay(home: Path) -> None:
    write(home, HAND_WRITTEN)
    for name, value in {"stt.threads": "2", "log.debug": "yes", "tts.speed": "1", "sessions.ttl": "12 hours"}.items():
        done("set", name, value)
    text = home.read_text()
    assert text.startswith('# My settings\n[tts]\nspeed = 1.0  # I am slow\n\n[stt]\nmodel = "base"\nthreads = 2\n')
    assert tomllib.loads(text)["log"] == {"debug": True}
    assert tomllib.loads(text)["sessions"] == {"ttl": "12 hours"}
    done("unset", "tts.speed")
    assert home.read_text() == text.replace("speed = 1.0  # I am slow\n", "")


def test_a_file_with_the_line_ends_of_windows_keeps_them(home: Path) -> None:
    write(home, HAND_WRITTEN.replace("\n", "\r\n"))
    done("set", "stt.model", "small")
    assert home.read_bytes() == HAND_WRITTEN.replace("base", "small").replace("\n", "\r\n").encode()


def test_a_program_is_told_what_was_done(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = done_json("set", "stt.threads", "2")
    assert told == {"name": "stt.threads", "changed": True, "path": str(home), "overridden_by": None, "wrong": []}
    assert not done_json("set", "stt.threads", "2")["changed"]
    monkeypatch.setenv("HOTPIN_STT__THREADS", "3")
    result = run("set", "stt.threads", "4")
    assert result.stderr == "It has no effect now: environment variable HOTPIN_STT__THREADS wins\n"
    assert tomllib.loads(home.read_text())["stt"]["threads"] == 4
    assert done_json("unset", "stt.threads")["overridden_by"] == "environment variable HOTPIN_STT__THREADS"
    assert not done_json("unset", "stt.threads")["changed"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("stt.threads", "two", "stt.threads is 'two'. Allowed: a whole number"),
        ("tts.speed", "9", "tts.speed is '9'. Allowed: at most 2"),
        ("dialog.keep_turns", "12", "dialog.keep_turns is 12"),
    ],
)
def test_a_wrong_value_is_not_written(home: Path, name: str, value: str, said: str) -> None:
    text = "[dialog]\nmax_turns = 8\n"
    write(home, text)
    assert said in refusal("set", name, value)
    assert home.read_text() == text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("stt.engine", "whispr", "Choose one of: groq, openai, vosk, whisper"),
        ("stt.model", "vosk-small-ko", "Choose one of: whisper-base"),
        ("llm.model", "gpt-9", "Known llm models: smollm2-135m-instruct"),
        ("llm.model", "whisper-base", "is a model for stt, not for llm"),
        ("dialog.agent", "butler", "Agents are: hotpin"),
        ("sessions.store", "mongodb://localhost", "Allowed: sqlite"),
        ("tts.voice", "caruso", "heart"),
        ("dialog.max_turns", "-1", "Allowed: at least 1"),
    ],
)
def test_what_cannot_work_is_not_written_and_what_there_is_is_listed(
    home: Path, name: str, value: str, said: str
) -> None:
    assert said in refusal("set", name, value)
    assert not home.exists()


def test_the_password_in_an_address_is_not_shown_and_makes_the_file_private(home: Path) -> None:
    assert run("set", "sessions.store", "redis://:MARZIPAN@pi:6379/0").exit_code == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    shown = run("show", "sessions")
    assert 'store = "redis://pi:6379/0"' in shown.stdout
    assert "MARZIPAN" not in shown.stdout + shown.stderr + run("show", "--json").stdout


def test_a_setting_that_others_do_not_fit_is_written_with_a_warning(home: Path) -> None:
    result = run("set", "stt.language", "de")
    assert result.exit_code == 0
    assert "hibari has no voice that speaks 'de'" in result.stderr
    assert "pyttsx3" in result.stderr
    assert done_json("set", "stt.engine", "vosk")["wrong"]


def test_what_is_written_but_cannot_work_is_shown_as_wrong(home: Path) -> None:
    write(home, '[stt]\nengine = "whispr"\n')
    result = run("show", "stt")
    assert f'engine = "whispr"                        # wrong, see below; {home}' in result.stdout.splitlines()
    assert isinstance(result.exception, SettingsError)
    assert "there is no stt engine 'whispr'" in str(result.exception)


def test_what_is_complained_about_is_told_and_can_be_taken_out(home: Path) -> None:
    write(home, "[tts]\nspeeed = 1\n[voice]\nloud = true\n")
    told = done_json("set", "tts.speed", "1")
    assert [text.partition(": ")[2].partition(".")[0] for text in told["wrong"]] == [
        "there is no setting tts",
        "there is no section 'voice'",
    ]
    done("unset", "tts.speeed")
    assert done_json("unset", "voice")["wrong"] == []
    assert home.read_text() == "[tts]\nspeed = 1.0\n"
    assert "Did you mean tts.speed?" in refusal("unset", "tts.speeed")


def test_a_setting_can_be_mended_while_another_is_wrong(home: Path) -> None:
    write(home, "[llm]\nthreads = 'many'\n[stt]\nthreads = 'few'\n")
    done("set", "llm.threads", "2")
    done("unset", "stt.threads")
    assert load(environ={}).llm.threads == 2


def test_broken_toml_is_not_touched(home: Path) -> None:
    write(home, "[llm\n")
    assert "is not valid TOML" in refusal("set", "llm.threads", "2")
    assert home.read_text() == "[llm\n"


def test_a_file_that_holds_keys_is_the_persons_alone(home: Path) -> None:
    write(home, HAND_WRITTEN)
    home.chmod(0o640)
    done("set", "stt.threads", "2")
    assert stat.S_IMODE(home.stat().st_mode) == 0o640
    assert "sk-secret" not in done("set", "cloud.groq_api_key", "sk-secret")
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert load(environ={}).cloud.groq_api_key.get_secret_value() == "sk-secret"


def test_a_link_to_the_file_stays_one(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "dotfiles" / "hotpin.toml", HAND_WRITTEN)
    home.parent.mkdir(parents=True)
    home.symlink_to(tmp_path / "dotfiles" / "hotpin.toml")
    done("set", "stt.threads", "2")
    assert home.is_symlink()
    assert "threads = 2" in (tmp_path / "dotfiles" / "hotpin.toml").read_text()


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "file"))
    for arguments in (["set", "stt.threads", "2"], ["edit"]):
        monkeypatch.setenv("EDITOR", "true")
        message = refusal(*arguments)
        assert "config.toml cannot be" in message
        assert "Not a directory" in message


def test_a_failed_write_leaves_the_old_file_and_nothing_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, HAND_WRITTEN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in refusal("set", "stt.threads", "2")
    assert home.read_text() == HAND_WRITTEN
    assert [path.name for path in home.parent.iterdir()] == ["config.toml"]


def test_the_template_changes_nothing_and_every_line_of_it_can_be_used(home: Path) -> None:
    write(home, template())
    assert load(environ={}) == Settings()
    uncommented = "\n".join(
        line.removeprefix("# ") if line.split(" = ")[0].removeprefix("# ").isidentifier() and " = " in line else line
        for line in template().splitlines()
    )
    write(home, uncommented)
    assert load(environ={}) == Settings()
    assert list(examine(None, {}).origins) == setting_names()
    assert max(map(len, template().splitlines())) <= 100


def test_a_setting_written_into_the_template_stands_in_its_section(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    done("edit")
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    done("set", "stt.threads", "2")
    before, after = home.read_text().split("\nthreads = 2\n")
    assert before.rindex("[stt]") > before.rindex("[vad]")
    assert after.startswith("\n[llm]\n")


def make_editor(folder: Path, script: str) -> str:
    editor = folder / "my editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    return f"'{editor}' --wait"


def test_the_editor_may_have_options_and_the_file_is_checked_afterwards(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("VISUAL", make_editor(tmp_path, 'test "$1" = --wait && echo "[llm]\nthreads = 0.5" > "$2"'))
    assert refusal("edit").startswith(f"{home}: llm.threads is 0.5. Allowed: ")


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("", "there is no terminal to edit in. Edit "),
        ("no-such-editor", "the editor 'no-such-editor' does not start: No such file"),
        ("false", "the editor 'false' failed with status 1"),
        ("'vi", 'the editor "\'vi" is no command'),
    ],
)
def test_an_editor_that_does_not_work_is_told(monkeypatch: pytest.MonkeyPatch, editor: str, said: str) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor)
    assert said in refusal("edit")


@pytest.mark.slow
def test_in_a_terminal_a_wrong_file_can_be_edited_again(home: Path, tmp_path: Path) -> None:
    write(home, "[llm]\nthreads = 1\n")
    # The first edit breaks it, the second mends it.
    editor = make_editor(tmp_path, 'if grep -q 1 "$2"; then sed -i s/1/x/ "$2"; else sed -i s/x/3/ "$2"; fi')
    controller, terminal = pty.openpty()
    try:
        os.write(controller, b"y\n")
        ran = subprocess.run(
            [sys.executable, "-c", "from hotpin.commands.config import app; app()", "edit"],
            env={**os.environ, "VISUAL": editor},
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert ran.returncode == 0, ran.stderr
    assert "Edit it again?" in ran.stderr
    assert load(environ={}).llm.threads == 3


def test_names_are_completed() -> None:
    from hotpin.commands.config import _complete_key, _complete_section_or_key

    assert _complete_key("stt.m") == ["stt.model"]
    assert _complete_section_or_key("se")[:2] == ["sessions", "server"]


def test_the_command_is_there_without_the_heavy_imports() -> None:
    heavy = {"pydantic", "tomlkit", "hotpin.settings"}
    code = f"import sys, hotpin.commands.config; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_a_token_is_made_once_and_kept_where_only_its_person_may_read(home: Path) -> None:
    first = CliRunner().invoke(app, ["token"])
    assert first.exit_code == 0
    token = first.stdout.strip()
    assert len(token) >= 43
    assert load().server.token.get_secret_value() == token
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert CliRunner().invoke(app, ["token"]).stdout.strip() == token
    other = json.loads(CliRunner().invoke(app, ["token", "--new", "--json"]).stdout)
    assert other["made"] is True
    assert other["token"] == load().server.token.get_secret_value() != token
    assert token not in CliRunner().invoke(app, ["show"]).stdout
