"""Settings: which source wins, and what a person is told about a wrong value."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hotpin.errors import SettingsError
from hotpin.settings import Settings, load


class Sources:
    """The files that settings come from, in a home and a working folder of their own."""

    def __init__(self, root: Path) -> None:
        self.config = root / "home" / "config"
        self.work = root / "work"
        self.config.mkdir(parents=True)
        self.work.mkdir()
        self.toml = self.config / "config.toml"

    def write_toml(self, text: str) -> None:
        self.toml.write_text(text, encoding="utf-8")

    def error(self, overrides: Mapping[str, Any] | None = None, **environ: str) -> str:
        """The one line that a person is shown."""
        with pytest.raises(SettingsError) as caught:
            load(overrides, environ)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    found = Sources(tmp_path)
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(found.work)
    return found


def test_without_any_source_the_defaults_hold(sources: Sources) -> None:
    assert load(environ={}) == Settings()


def test_later_sources_win(sources: Sources) -> None:
    def model() -> str:
        return load(options, environ).stt.model

    options: dict[str, Any] = {}
    environ: dict[str, str] = {}
    sources.write_toml('[stt]\nmodel = "from-toml"\n')
    assert model() == "from-toml"
    (sources.config / ".env").write_text("HOTPIN_STT__MODEL=from-config-env\n")
    assert model() == "from-config-env"
    (sources.work / ".env").write_text("HOTPIN_STT__MODEL=from-working-env\n")
    assert model() == "from-working-env"
    environ["HOTPIN_STT__MODEL"] = "from-environment"
    assert model() == "from-environment"
    options["stt.model"] = "from-option"
    assert model() == "from-option"


def test_sources_are_merged_key_by_key(sources: Sources) -> None:
    sources.write_toml('[stt]\nmodel = "tiny"\nthreads = 2\n[tts]\nspeed = 1.5\n')
    settings = load({"llm.max_tokens": 40}, {"HOTPIN_STT__THREADS": "3"})
    assert (settings.stt.model, settings.stt.threads) == ("whisper-tiny", 3)
    assert (settings.tts.speed, settings.llm.max_tokens) == (1.5, 40)


def test_an_option_that_was_not_given_changes_nothing(sources: Sources) -> None:
    sources.write_toml("[llm]\nthreads = 3\n")
    assert load({"llm.threads": None}, {}).llm.threads == 3


def test_the_processs_own_environment_is_the_default(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_LLM__THREADS", "5")
    assert load().llm.threads == 5


def test_names_in_the_environment_may_be_lower_case(sources: Sources) -> None:
    assert load(environ={"hotpin_llm__threads": "5"}).llm.threads == 5


def test_other_names_in_the_environment_are_not_settings(sources: Sources) -> None:
    assert load(environ={"HOTPIN_HOME": "/nowhere", "PYTHON__X": "1", "PATH": "/bin"}) == Settings()


def test_a_wrong_value_does_not_matter_where_another_source_wins(sources: Sources) -> None:
    sources.write_toml('[llm]\nthreads = "many"\n')
    assert load(environ={"HOTPIN_LLM__THREADS": "2"}).llm.threads == 2


@pytest.mark.parametrize(
    ("name", "value", "setting", "meant"),
    [
        ("WHISPER_MODEL", "tiny", "stt.model", "whisper-tiny"),
        ("MISTRAL_MODEL_PATH", "/models/mistral.gguf", "llm.model", "/models/mistral.gguf"),
        ("LOG_LEVEL", "info", "log.level", "INFO"),
    ],
)
def test_names_of_earlier_designs_work(sources: Sources, name: str, value: str, setting: str, meant: str) -> None:
    section, key = setting.split(".")
    for settings in (load(environ={name: value}), load_from_dotenv(sources, f"{name}={value}\n")):
        assert getattr(getattr(settings, section), key) == meant


def load_from_dotenv(sources: Sources, text: str) -> Settings:
    (sources.work / ".env").write_text(text)
    return load(environ={})


def test_todays_name_wins_over_the_earlier_one(sources: Sources) -> None:
    assert load(environ={"WHISPER_MODEL": "tiny", "HOTPIN_STT__MODEL": "small"}).stt.model == "whisper-small"


def test_an_earlier_name_that_is_empty_is_not_set(sources: Sources) -> None:
    assert load(environ={"WHISPER_MODEL": ""}) == Settings()


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [
        ("base", "whisper-base"),
        ("whisper-base", "whisper-base"),
        ("openai/whisper-base", "whisper-base"),
        (" openai/whisper-small ", "whisper-small"),
        ("medium", "whisper-medium"),
        ("large-v3", "large-v3"),
        ("/models/my whisper", "/models/my whisper"),
    ],
)
def test_every_spelling_of_a_whisper_model_is_understood(sources: Sources, spelling: str, meant: str) -> None:
    assert load(environ={"WHISPER_MODEL": spelling}).stt.model == meant
    assert load({"stt.model": spelling}, {}).stt.model == meant


def test_the_log_level_may_be_written_in_lower_case(sources: Sources) -> None:
    sources.write_toml('[log]\nlevel = " debug "\n')
    assert load(environ={}).log.level == "DEBUG"


def test_text_from_the_environment_becomes_the_settings_type(sources: Sources) -> None:
    settings = load(environ={"HOTPIN_MODELS__OFFLINE": "true", "HOTPIN_TTS__SPEED": "1.25"})
    assert settings.models.offline is True
    assert settings.tts.speed == 1.25


def test_a_byte_order_mark_at_the_beginning_does_no_harm(sources: Sources) -> None:
    sources.write_toml("\ufeff[llm]\nthreads = 3\n")
    assert load(environ={}).llm.threads == 3


def test_a_setting_without_a_value_in_dotenv_is_not_set(sources: Sources) -> None:
    assert load_from_dotenv(sources, "HOTPIN_LLM__THREADS\n") == Settings()


def test_a_folder_called_dotenv_is_passed_over(sources: Sources) -> None:
    (sources.work / ".env").mkdir()
    assert load(environ={}) == Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().stt.model = "other"


def test_an_unknown_section_is_said_with_those_there_are(sources: Sources) -> None:
    sources.write_toml("[sst]\nmodel = 'base'\n")
    message = sources.error()
    assert message.startswith(f"{sources.toml}: there is no section 'sst'. Sections are: audio, ")


def test_an_unknown_key_is_said_with_those_there_are(sources: Sources) -> None:
    sources.write_toml("[stt]\nmodle = 'base'\n")
    message = sources.error()
    assert message.startswith(f"{sources.toml}: there is no setting stt.modle. Settings are: engine, model")


def test_a_key_outside_any_section_is_said(sources: Sources) -> None:
    sources.write_toml("model = 'base'\n")
    assert sources.error().startswith(f"{sources.toml}: 'model' stands outside a section. Sections are: ")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[stt]\nthreads = 'four'", "stt.threads is 'four'. Allowed: input should be a valid integer"),
        ("[stt]\nthreads = -1", "stt.threads is -1. Allowed: input should be greater than or equal to 0"),
        ("[tts]\nspeed = 9.0", "tts.speed is 9.0. Allowed: input should be less than or equal to 2"),
        ("[turn]\nwait_seconds = nan", "turn.wait_seconds is nan. Allowed: "),
        ("[turn]\nstart_threshold = 1.5", "turn.start_threshold is 1.5. Allowed: "),
        ("[models]\noffline = 'maybe'", "models.offline is 'maybe'. Allowed: input should be a valid boolean"),
        ("[stt.model]\nname = 'base'", "stt.model is {'name': 'base'}. Allowed: input should be a valid string"),
        ("[log]\nlevel = 'loud'", "log.level is 'LOUD'. Allowed: string should match pattern '^(DEBUG|INFO|"),
    ],
)
def test_a_wrong_value_is_said_with_what_is_allowed(sources: Sources, toml: str, said: str) -> None:
    sources.write_toml(toml)
    assert sources.error().startswith(f"{sources.toml}: {said}")


def test_broken_toml_is_said_with_its_line(sources: Sources) -> None:
    sources.write_toml("[stt]\nmodel = \n")
    message = sources.error()
    assert message.startswith(f"{sources.toml} is not valid TOML: ")
    assert "line 2" in message


def test_a_file_of_settings_that_cannot_be_read_is_said(sources: Sources) -> None:
    sources.toml.write_bytes(b"\xff\xfe")
    assert sources.error().startswith(f"{sources.toml} cannot be read: ")
    sources.toml.unlink()
    sources.toml.mkdir()
    assert sources.error().startswith(f"{sources.toml} cannot be read: ")


def test_a_wrong_value_in_dotenv_is_said_with_file_and_name(sources: Sources) -> None:
    (sources.work / ".env").write_text("HOTPIN_LLM__CONTEXT=huge\n")
    assert sources.error().startswith(f"{sources.work / '.env'}: HOTPIN_LLM__CONTEXT: llm.context is 'huge'. Allowed: ")


def test_a_dotenv_that_cannot_be_read_is_said(sources: Sources) -> None:
    (sources.config / ".env").write_bytes(b"A=\xff\n")
    assert sources.error().startswith(f"{sources.config / '.env'} cannot be read: ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HOTPIN_STT__THREADS", "environment variable HOTPIN_STT__THREADS: stt.threads is 'x'. Allowed: "),
        ("HOTPIN_SST__MODEL", "environment variable HOTPIN_SST__MODEL: there is no section 'sst'. Sections are: "),
        ("HOTPIN_STT__MODLE", "environment variable HOTPIN_STT__MODLE: there is no setting stt.modle. Settings are: "),
        ("LOG_LEVEL", "environment variable LOG_LEVEL: log.level is 'X'. Allowed: "),
    ],
)
def test_a_wrong_variable_is_said_by_its_name(sources: Sources, name: str, said: str) -> None:
    assert sources.error(None, **{name: "x"}).startswith(said)


def test_a_wrong_option_is_said_by_its_name(sources: Sources) -> None:
    assert sources.error({"stt.threads": 99}).startswith("option stt.threads: stt.threads is 99. Allowed: ")
    assert sources.error({"stt.modle": "x"}).startswith("option stt.modle: there is no setting stt.modle. ")


def test_the_source_that_won_is_the_one_that_is_named(sources: Sources) -> None:
    sources.write_toml("[llm]\nthreads = 2\n")
    assert sources.error(HOTPIN_LLM__THREADS="two").startswith("environment variable HOTPIN_LLM__THREADS: ")


@pytest.mark.parametrize(
    ("name", "meant"), [("HOTPIN_LLM_MODEL", "HOTPIN_LLM__MODEL"), ("HOTPIN_LLM", "HOTPIN_LLM__KEY")]
)
def test_a_name_with_one_underscore_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not the name of a setting. Did you mean {meant}"):
        load(environ={name: "x"})


def test_other_names_that_begin_alike_are_left_alone() -> None:
    assert load(environ={"HOTPIN_HOME": "/nowhere", "HOTPIN_RIG_DIR": "x"}) == load(environ={})
