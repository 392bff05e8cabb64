import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hotpin import doctor
from hotpin.commands.doctor import PLAIN_SYMBOLS, SYMBOLS, _printable_symbols
from hotpin.commands.doctor import doctor as command
from hotpin.doctor import Check

app = typer.Typer()
app.command()(command)


@pytest.fixture(autouse=True)
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("HOTPIN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(name: str) -> Check:
    (check,) = [check for check in doctor.examine() if check.name == name]
    return check


def test_every_check_says_something_and_has_a_name_of_its_own() -> None:
    checks = doctor.examine()
    assert all(check.detail for check in checks)
    assert len({check.name for check in checks}) == len(checks)


def test_what_is_wrong_comes_with_what_to_do() -> None:
    assert all(check.fix for check in doctor.examine() if not check.ok)


@pytest.mark.parametrize("kind", ["stt", "llm"])
def test_a_missing_model_is_required_and_can_be_pulled(kind: str) -> None:
    check = found(f"{kind} model")
    assert not check.ok
    assert check.required
    assert "hotpin models pull" in check.fix


def test_a_model_of_ones_own_is_found(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh_home / "own.gguf"
    model.write_bytes(b"GGUF")
    monkeypatch.setenv("HOTPIN_LLM__MODEL", str(model))
    assert found("llm model").ok
    assert str(model) in found("llm model").detail


def test_a_wrong_setting_is_named_and_the_other_checks_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_STT__THREADS", "many")
    check = found("settings")
    assert not check.ok
    assert "HOTPIN_STT__THREADS" in check.detail
    assert found("python").ok


def test_the_settings_file_is_named(fresh_home: Path) -> None:
    file = fresh_home / "config" / "config.toml"
    assert "defaults" in found("settings").detail
    file.parent.mkdir()
    file.write_text("[tts]\nspeed = 1.1\n")
    assert found("settings") == Check("settings", ok=True, detail=str(file))


def test_an_unknown_engine_is_answered_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_VAD__ENGINE", "hearsay")
    check = found("vad engine")
    assert not check.ok
    assert "silero" in check.fix


def test_without_portaudio_hotpin_is_still_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    check = found("sound output")
    assert not check.ok
    assert not check.required
    assert "libportaudio2" in check.fix


def test_a_loudspeaker_that_is_not_there_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_AUDIO__OUTPUT", "no such loudspeaker")
    check = found("sound output")
    assert not check.ok
    assert not check.required


def test_more_threads_than_cores_are_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_core_count", lambda: 2)
    assert found("processor").ok
    monkeypatch.setenv("HOTPIN_LLM__THREADS", "3")
    assert not found("processor").ok
    assert "llm.threads = 3" in found("processor").detail


def test_too_large_a_model_for_the_memory_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_memory_bytes", lambda: 512 << 20)
    check = found("memory")
    assert not check.ok
    assert not check.required
    assert "smaller model" in check.fix


def test_a_system_that_does_not_tell_its_memory_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_memory_bytes", lambda: None)
    assert found("memory").ok
    assert "unknown" in found("memory").detail


def test_the_memory_needed_grows_with_the_model(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh_home / "own.gguf"
    with model.open("wb") as file:
        file.truncate(10 << 30)  # a sparse file: takes no room
    monkeypatch.setenv("HOTPIN_LLM__MODEL", str(model))
    assert "about 12.5 GiB are needed" in found("memory").detail


def test_a_models_folder_that_does_not_exist_yet_is_measured_where_it_will_be(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fresh_home / "not" / "yet"
    monkeypatch.setenv("HOTPIN_MODELS__DIR", str(folder))
    assert str(folder) in found("disk").detail
    assert not folder.exists()


def test_a_full_disk_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SPARE_DISK_BYTES", 1 << 60)
    assert not found("disk").ok


def test_offline_mode_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hotpin models pull" in found("network").detail
    monkeypatch.setenv("HOTPIN_MODELS__OFFLINE", "true")
    assert "never" in found("network").detail


def test_only_what_is_required_decides_about_health() -> None:
    fine, missing = Check("a", ok=True, detail="here"), Check("b", ok=False, detail="gone")
    wanting = Check("c", ok=False, detail="slow", required=False)
    assert doctor.healthy([fine, wanting])
    assert not doctor.healthy([fine, missing])


def test_json_is_one_object_and_the_status_tells_that_models_are_missing() -> None:
    result = CliRunner().invoke(app, ["--json"])
    assert result.exit_code == 1
    checks = json.loads(result.stdout)["checks"]
    assert all({"name", "ok", "detail", "fix"} <= set(check) for check in checks)


def test_a_person_gets_a_line_for_each_check_and_the_fix_beneath() -> None:
    result = CliRunner().invoke(app, [])
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "stt model" in line)
    assert lines[at].startswith("✗")
    assert lines[at + 1].strip().startswith("Fetch it with")


def test_all_is_well_with_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [Check("a", ok=True, detail="here")])
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert result.stdout == "✓ a: here\n"


@pytest.mark.parametrize(
    ("encoding", "symbols"),
    [("utf-8", SYMBOLS), ("ascii", PLAIN_SYMBOLS), ("latin-1", PLAIN_SYMBOLS), (None, PLAIN_SYMBOLS)],
)
def test_symbols_fit_the_terminal(encoding: str | None, symbols: tuple[str, str, str]) -> None:
    assert _printable_symbols(encoding) == symbols


def test_the_command_itself_imports_nothing_heavy() -> None:
    code = (
        "import sys, hotpin.commands.doctor; sys.exit(bool({'numpy', 'pydantic', 'hotpin.doctor'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
