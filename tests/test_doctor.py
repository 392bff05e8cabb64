import ctypes
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hotpin import doctor, environment, personas, registry, settings
from hotpin.commands.doctor import PLAIN_SYMBOLS, SYMBOLS, _printable_symbols
from hotpin.commands.doctor import doctor as command
from hotpin.doctor import Check, engines, machine, servers, sound, store
from hotpin.doctor.check import counted
from hotpin.doctor.store import sessions
from hotpin.sessions.stores import open_store
from hotpin.settings import Settings

NOBODY = 65_534

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


@pytest.fixture
def no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the check that takes longest, where a test is about something else."""
    monkeypatch.setattr(sound, "devices", lambda chosen: iter(()))


def made(look: Callable[[Settings], Iterator[Check]], name: str = "") -> Check:
    """Make one check with the settings as they are."""
    (check,) = [check for check in look(settings.load()) if name in ("", check.name)]
    return check


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_every_check_says_something_has_a_name_of_its_own_and_if_it_fails_a_fix() -> None:
    checks = doctor.examine()
    assert all(check.detail for check in checks)
    assert len(by_name(checks)) == len(checks)
    assert all(check.fix for check in checks if not check.ok)


@pytest.mark.slow
def test_the_checks_take_less_than_two_seconds() -> None:
    doctor.examine()
    began = time.perf_counter()
    doctor.examine()
    assert time.perf_counter() - began < 2.0


def test_a_check_that_fails_itself_is_shown_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, no_devices: None
) -> None:
    def broken(path: object) -> None:
        raise RuntimeError("the disk is\nodd")

    monkeypatch.setattr("shutil.disk_usage", broken)
    found = by_name(doctor.examine())
    assert found["disk"].detail == "the check itself failed: RuntimeError: the disk is odd"
    assert not found["disk"].ok
    assert found["network"].ok


@pytest.mark.parametrize("kind", ["stt", "llm"])
def test_a_missing_model_is_required_and_can_be_pulled(kind: str) -> None:
    check = made(engines.model_checks, f"{kind} model")
    assert not check.ok
    assert check.required
    assert "hotpin models pull" in check.fix


def test_all_models_of_an_engine_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_TTS__ENGINE", "kokoro")
    found = by_name(list(engines.model_checks(settings.load())))
    assert not found["tts model"].ok
    assert "kokoro-voices" in found["tts model kokoro-voices"].fix


def test_prosody_is_looked_at_only_where_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    look = engines.engine_check("prosody", registry.build_prosody)
    assert "prosody model" not in by_name(list(engines.model_checks(settings.load())))
    assert not list(look(settings.load()))
    monkeypatch.setenv("HOTPIN_TURN__PROSODY", "smart-turn")
    assert "hotpin models pull smart-turn" in made(engines.model_checks, "prosody model").fix
    assert made(look).ok
    monkeypatch.setenv("HOTPIN_TURN__PROSODY", "nobody")
    assert not made(look).ok
    assert "smart-turn" in made(look).fix


def test_a_language_for_which_no_model_is_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_STT__ENGINE", "vosk")
    monkeypatch.setenv("HOTPIN_STT__LANGUAGE", "xx")
    found = by_name(list(engines.model_checks(settings.load())))
    assert "'xx'" in found["stt model"].detail
    assert found["tts model"].ok


@pytest.mark.parametrize(
    ("kind", "engine", "model", "said"),
    [
        ("stt", "vosk", "whisper-base", "'whisper-base' is no model for vosk"),
        ("stt", "whisper", "vosk-small-ko", "'vosk-small-ko' is no model for whisper"),
        ("tts", "kokoro", "hibari-heart", "'hibari-heart' is no model for kokoro"),
        ("stt", "vosk", ".", "is not a Vosk model"),
        ("stt", "whisper", ".", "is not a Whisper model"),
    ],
)
def test_a_model_that_its_engine_would_refuse_is_refused_by_the_doctor_too(
    monkeypatch: pytest.MonkeyPatch, kind: str, engine: str, model: str, said: str
) -> None:
    monkeypatch.setenv(f"HOTPIN_{kind.upper()}__ENGINE", engine)
    monkeypatch.setenv(f"HOTPIN_{kind.upper()}__MODEL", model)
    check = made(engines.model_checks, f"{kind} model")
    assert not check.ok
    assert said in check.detail


def test_a_model_of_ones_own_is_found(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh_home / "own.gguf"
    model.write_bytes(b"GGUF")
    monkeypatch.setenv("HOTPIN_LLM__MODEL", str(model))
    assert str(model) in made(engines.model_checks, "llm model").detail


def test_a_broken_settings_file_is_named_and_the_other_checks_go_on(fresh_home: Path, no_devices: None) -> None:
    file = fresh_home / "config" / "config.toml"
    file.parent.mkdir()
    file.write_text("[tts\nspeed = 1")
    found = by_name(doctor.examine())
    assert not found["settings"].ok
    assert str(file) in found["settings"].detail
    assert found["vad engine"].ok


def test_a_broken_settings_file_leaves_the_environment_in_force(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fresh_home / "config" / "config.toml"
    file.parent.mkdir()
    file.write_text("[tts\n")
    monkeypatch.setenv("HOTPIN_MODELS__DIR", "/elsewhere")
    chosen, check = machine.load_settings()
    assert not check.ok
    assert chosen.models.dir == "/elsewhere"


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_STT__THREADS", "many")
    chosen, check = machine.load_settings()
    assert not check.ok
    assert "HOTPIN_STT__THREADS" in check.detail
    assert chosen == Settings()


def test_the_settings_file_is_named(fresh_home: Path) -> None:
    file = fresh_home / "config" / "config.toml"
    assert "defaults" in machine.load_settings()[1].detail
    file.parent.mkdir()
    file.write_text("[tts]\nspeed = 1.1\n")
    assert machine.load_settings()[1] == Check("settings", ok=True, detail=str(file))


def test_a_home_that_is_no_folder_is_shown_and_nothing_crashes(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch, no_devices: None
) -> None:
    file = fresh_home / "file"
    file.touch()
    monkeypatch.setenv("HOTPIN_HOME", str(file))
    found = by_name(doctor.examine())
    assert not found["settings"].ok
    assert not found["folders"].ok
    assert "HOTPIN_HOME" in found["folders"].fix


def test_a_read_only_home_is_shown_with_what_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    was = os.geteuid()
    with tempfile.TemporaryDirectory() as home:
        monkeypatch.setenv("HOTPIN_HOME", home)
        monkeypatch.chdir(home)
        Path(home).chmod(0o555)
        if was == 0:
            os.seteuid(NOBODY)
        try:
            locked, kept = made(machine.folders), made(sessions)
        finally:
            os.seteuid(was)
        assert not locked.ok
        assert f"sessions in {home}/data" in locked.detail
        assert f"chmod u+rwx {home}" in locked.fix
        assert not kept.ok
        assert "sessions.store" in kept.fix
        monkeypatch.undo()  # the folder is about to go


def test_an_unknown_engine_is_answered_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_VAD__ENGINE", "hearsay")
    from hotpin import registry

    check = made(engines.engine_check("vad", registry.build_vad))
    assert not check.ok
    assert "silero" in check.fix


def test_a_persona_that_does_not_exist_lists_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(engines.persona).ok
    monkeypatch.setenv("HOTPIN_DIALOG__AGENT", "nobody")
    check = made(engines.persona)
    assert not check.ok
    assert personas.DEFAULT in check.fix


def test_a_voice_that_does_not_speak_the_language_is_required_to_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "heart" in made(engines.voice).detail
    monkeypatch.setenv("HOTPIN_STT__LANGUAGE", "de")
    check = made(engines.voice)
    assert not check.ok
    assert check.required
    assert "'de'" in check.detail
    assert "tts.engine" in check.fix


def test_a_voice_that_does_not_exist_lists_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_TTS__VOICE", "caruso")
    assert "'caruso'" in made(engines.voice).detail
    assert "heart" in made(engines.voice).fix


def test_kokoro_without_its_extra_speaks_english_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "KOKORO_MODULES", {"no_such_module": "misaki"})
    assert made(engines.kokoro_languages).ok
    assert "hotpin[kokoro]" in made(engines.kokoro_languages).fix
    monkeypatch.setenv("HOTPIN_TTS__ENGINE", "kokoro")
    monkeypatch.setenv("HOTPIN_STT__LANGUAGE", "fr")
    assert not made(engines.kokoro_languages).ok
    assert made(engines.kokoro_languages).required


def test_a_microphone_and_a_loudspeaker_are_named_with_their_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    from hotpin.audio.devices import Device, Devices

    there = Devices("PortAudio V19", Device("USB microphone", 48_000), None)
    monkeypatch.setattr(sound, "find_devices", lambda *names: there)
    found = by_name(list(sound.devices(Settings())))
    assert found["PortAudio"].ok
    assert found["microphone"].detail == "USB microphone, 48000 Hz"
    assert not found["loudspeaker"].ok
    assert "--out" in found["loudspeaker"].fix


def test_a_loudspeaker_that_is_not_there_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_AUDIO__OUTPUT", "no such loudspeaker")
    check = made(sound.devices, "loudspeaker")
    assert not check.ok
    assert not check.required
    assert "'no such loudspeaker'" in check.detail
    assert "audio.output" in check.fix


def test_without_portaudio_hotpin_is_still_of_use(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh_home / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.setenv("PYTHONPATH", str(fresh_home))
    found = by_name(list(sound.devices(Settings())))
    assert "PortAudio library not found" in found["PortAudio"].detail
    assert not any(check.ok or check.required for check in found.values())


def test_without_espeak_the_system_voices_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sound, "ESPEAK_LIBRARIES", ("libno-such-espeak.so.1",))
    check = made(sound.espeak)
    assert not check.ok
    assert not check.required
    assert check.fix == "sudo apt-get install espeak-ng"
    monkeypatch.setenv("HOTPIN_TTS__ENGINE", "pyttsx3")
    assert made(sound.espeak).required


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a library of Linux")
def test_a_speech_library_that_can_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    library = str(ctypes.CDLL("libc.so.6")._name)
    monkeypatch.setattr(sound, "ESPEAK_LIBRARIES", ("libno-such-espeak.so.1", library))
    assert made(sound.espeak) == Check("espeak-ng", ok=True, detail=library, required=False)


def test_sessions_are_counted_where_they_are_and_not_made_where_they_are_not(fresh_home: Path) -> None:
    file = fresh_home / "data" / "sessions.sqlite"
    assert str(file) in made(sessions).detail
    assert not file.exists()
    kept = open_store(settings.load())
    kept.touch("call", "hotpin")
    kept.close()
    assert made(sessions) == Check("sessions", ok=True, detail=f"1 session in {file}", required=False)


def test_sessions_that_others_may_read_are_pointed_out(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(settings.load()).close()
    monkeypatch.setattr(store, "OTHERS", stat.S_IRUSR)
    assert not made(sessions).ok
    assert "chmod 600" in made(sessions).fix


def test_a_store_that_is_damaged_or_none_is_pointed_out(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh_home / "data").mkdir()
    (fresh_home / "data" / "sessions.sqlite").write_text("not a database, though long enough to be looked at" * 20)
    assert not made(sessions).ok
    assert made(sessions).required
    monkeypatch.setenv("HOTPIN_SESSIONS__STORE", "cardboard://box")
    assert "cardboard" in made(sessions).detail
    assert made(sessions).required
    monkeypatch.setenv("HOTPIN_SESSIONS__STORE", "memory")
    assert made(sessions).ok


def test_more_threads_than_cores_are_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    assert made(machine.processor).detail == "2 cores"
    monkeypatch.setenv("HOTPIN_LLM__THREADS", "3")
    assert not made(machine.processor).ok
    assert "llm.threads = 3" in made(machine.processor).detail


@pytest.mark.parametrize(("number", "text"), [(0, "0 cores"), (1, "1 core"), (2, "2 cores")])
def test_nouns_are_counted_properly(number: int, text: str) -> None:
    assert counted(number, "core") == text


def test_too_large_a_model_for_the_memory_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 512 << 20)
    check = made(machine.memory)
    assert not check.ok
    assert not check.required
    assert "smaller model" in check.fix


def test_a_system_that_does_not_tell_its_memory_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: None)
    assert made(machine.memory).ok
    assert "unknown" in made(machine.memory).detail


def test_the_memory_needed_grows_with_the_model(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh_home / "own.gguf"
    with model.open("wb") as file:
        file.truncate(10 << 30)  # a sparse file: takes no room
    monkeypatch.setenv("HOTPIN_LLM__MODEL", str(model))
    assert "about 12.5 GiB are needed" in made(machine.memory).detail


def test_a_models_folder_that_does_not_exist_yet_is_measured_where_it_will_be(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fresh_home / "not" / "yet"
    monkeypatch.setenv("HOTPIN_MODELS__DIR", str(folder))
    assert str(folder) in made(machine.disk).detail
    assert not folder.exists()


@pytest.mark.parametrize("room", ["SPARE_MODEL_BYTES", "SPARE_DATA_BYTES"])
def test_a_full_disk_is_pointed_out(monkeypatch: pytest.MonkeyPatch, room: str) -> None:
    monkeypatch.setattr(machine, room, 1 << 60)
    assert not made(machine.disk).ok
    assert made(machine.disk).fix


def test_what_leaves_the_machine_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hotpin models pull" in made(engines.network).detail
    monkeypatch.setenv("HOTPIN_MODELS__OFFLINE", "true")
    assert "never" in made(engines.network).detail
    monkeypatch.setenv("HOTPIN_LLM__ENGINE", "openai")
    assert "llm.engine = openai" in made(engines.network).detail


def test_what_goes_to_a_server_of_this_machine_does_not_leave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_LLM__ENGINE", "openai")
    monkeypatch.setenv("HOTPIN_CLOUD__OPENAI_BASE_URL", "http://localhost:11434/v1")
    assert "leaves" not in made(engines.network).detail
    assert "localhost:11434 (this machine), without a key, fallback: none" in made(servers.servers).detail


def test_an_engine_elsewhere_is_named_with_its_address_its_key_and_its_fallback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert list(servers.servers(settings.load())) == []
    monkeypatch.setenv("HOTPIN_TTS__ENGINE", "elevenlabs")
    missing = made(servers.servers)
    assert (missing.ok, missing.required) == (False, True)
    assert "ELEVENLABS_API_KEY" in missing.fix
    monkeypatch.setenv("ELEVENLABS_API_KEY", "xi-secret")
    monkeypatch.setenv("HOTPIN_TTS__FALLBACK", "hibari")
    found = made(servers.servers)
    assert found.ok
    assert found.detail == ("elevenlabs at api.elevenlabs.io (elsewhere), ELEVENLABS_API_KEY is set, fallback: hibari")
    monkeypatch.setenv("HOTPIN_MODELS__OFFLINE", "true")
    assert "models.offline" in made(servers.servers).detail


def test_a_key_that_nobody_uses_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-secret")
    assert made(servers.servers).detail == "groq: no engine of theirs is chosen"
    monkeypatch.setenv("HOTPIN_STT__ENGINE", "groq")
    assert made(servers.servers).name == "stt server"


def test_a_library_that_may_report_its_use_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(environment.FORCED))
    monkeypatch.setenv(name, "0")
    assert not made(engines.network).ok
    assert name in made(engines.network).detail


def test_only_what_is_required_decides_about_health() -> None:
    fine, missing = Check("a", ok=True, detail="here"), Check("b", ok=False, detail="gone")
    wanting = Check("c", ok=False, detail="slow", required=False)
    assert doctor.healthy([fine, wanting])
    assert not doctor.healthy([fine, missing])


def test_json_is_one_object_and_the_status_tells_that_models_are_missing(no_devices: None) -> None:
    result = CliRunner().invoke(app, ["--json"])
    assert result.exit_code == 1
    checks = json.loads(result.stdout)["checks"]
    assert all({"name", "ok", "detail", "fix"} <= set(check) for check in checks)


def test_a_person_gets_a_line_for_each_check_and_the_fix_beneath(no_devices: None) -> None:
    result = CliRunner().invoke(app, [])
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "stt model" in line)
    assert lines[at].startswith("✗")
    assert "hotpin models pull" in lines[at + 1]


def test_all_is_well_with_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda *, audio: [Check("a", ok=True, detail="here")])
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
