"""Settings: which source wins, and what a person is told about a wrong value."""

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from hotpin.errors import SettingsError
from hotpin.logs import show_tracebacks
from hotpin.setting_layers import examine
from hotpin.setting_sources import EARLIER_NAMES
from hotpin.settings import Settings, load, load_with_origins

EXAMPLE = Path(__file__).parent.parent / ".env.example"


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
        ("OPENAI_MODEL", "gpt-x", "cloud.openai_model", "gpt-x"),
        ("OPENAI_API_KEY", "k", "cloud.openai_api_key", SecretStr("k")),
        ("GROQ_API_KEY", "k", "cloud.groq_api_key", SecretStr("k")),
        ("ELEVENLABS_API_KEY", "k", "cloud.elevenlabs_api_key", SecretStr("k")),
        ("SERVER_HOST", "0.0.0.0", "server.host", "0.0.0.0"),  # noqa: S104 - a setting, nothing listens
        ("SERVER_PORT", "9000", "server.port", 9000),
        ("FRONTEND_URL", "https://a.example", "server.frontend_url", "https://a.example"),
        ("PROJECT_NAME", "Ours", "server.name", "Ours"),
        ("DEBUG", "1", "log.debug", True),
        ("DEBUG", "theirs:modules", "log.debug", True),
        ("DEBUG", "0", "log.debug", False),
    ],
)
def test_names_of_earlier_designs_work(sources: Sources, name: str, value: str, setting: str, meant: object) -> None:
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


def test_a_key_without_a_name_is_said_and_not_the_one_before_it(sources: Sources) -> None:
    sources.write_toml("[stt]\nmodel = 'base'\n'' = 1\n")
    assert "there is no setting stt.. " in sources.error()


def test_a_key_outside_any_section_is_said(sources: Sources) -> None:
    sources.write_toml("model = 'base'\n")
    assert sources.error().startswith(f"{sources.toml}: 'model' stands outside a section. Sections are: ")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[stt]\nthreads = 'four'", "stt.threads is 'four'. Allowed: a whole number"),
        ("[stt]\nthreads = -1", "stt.threads is -1. Allowed: at least 0"),
        ("[tts]\nspeed = 9.0", "tts.speed is 9.0. Allowed: at most 2"),
        ("[tts]\nspeed = 'fast'", "tts.speed is 'fast'. Allowed: a number"),
        ("[turn]\nwait_seconds = nan", "turn.wait_seconds is nan. Allowed: "),
        ("[turn]\nstart_threshold = 1.5", "turn.start_threshold is 1.5. Allowed: "),
        ("[models]\noffline = 'maybe'", "models.offline is 'maybe'. Allowed: true or false"),
        ("[stt.model]\nname = 'base'", "stt.model is {'name': 'base'}. Allowed: text in quotes"),
        ("[log]\nlevel = 'loud'", "log.level is 'loud'. Allowed: 'DEBUG', 'INFO', 'WARNING'"),
        (
            "[stt]\nlanguage = 'english'",
            "stt.language is 'english'. Allowed: a language code such as en or de, or auto",
        ),
        ("[tts]\nlanguage = 'auto'", "tts.language is 'auto'. Allowed: a language code such as en or de"),
        ("[sessions]\nttl = 'a while'", "sessions.ttl is 'a while'. Allowed: a number with a unit, such as 30 days"),
        ("[sessions]\nttl = '500ms'", "sessions.ttl is '500ms'. Allowed: "),
        ("[sessions]\nttl = -1", "sessions.ttl is -1. Allowed: "),
        ("[sessions]\nttl = true", "sessions.ttl is True. Allowed: "),
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
        ("LOG_LEVEL", "environment variable LOG_LEVEL: log.level is 'x'. Allowed: "),
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
    ("name", "meant"),
    [
        ("HOTPIN_LLM_MODEL", "Did you mean HOTPIN_LLM__MODEL?"),
        ("HOTPIN_MODELS", "There are: HOTPIN_MODELS__DIR, HOTPIN_MODELS__OFFLINE"),
    ],
)
def test_a_name_with_one_underscore_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{name} is not the name of a setting. {meant}")):
        load(environ={name: "x"})


def test_other_names_that_begin_alike_are_left_alone() -> None:
    assert load(environ={"HOTPIN_HOME": "/nowhere", "HOTPIN_RIG_DIR": "x"}) == load(environ={})


@pytest.mark.parametrize(
    ("engine", "name", "value", "setting", "meant"),
    [
        ("HOTPIN_STT__ENGINE=vosk", "VOSK_MODEL_PATH", "/vosk", "stt.model", "/vosk"),
        ("HOTPIN_STT__ENGINE=vosk", "WHISPER_MODEL", "tiny", "stt.model", ""),
        ("HOTPIN_STT__ENGINE=whisper", "VOSK_MODEL_PATH", "/vosk", "stt.model", ""),
        ("HOTPIN_TTS__ENGINE=kokoro", "KOKORO_VOICE", "bf_emma", "tts.voice", "bf_emma"),
        ("HOTPIN_TTS__ENGINE=hibari", "KOKORO_VOICE", "bf_emma", "tts.voice", ""),
        ("HOTPIN_TTS__ENGINE=kokoro-torch", "KOKORO_LANGUAGE", "j", "tts.language", "ja"),
        ("HOTPIN_TTS__ENGINE=kokoro", "KOKORO_LANGUAGE", "en-us", "tts.language", "en"),
        ("HOTPIN_LLM__ENGINE=other", "MISTRAL_MODEL_PATH", "/m.gguf", "llm.model", Settings().llm.model),
    ],
)
def test_an_earlier_name_counts_only_with_the_engine_it_is_for(
    sources: Sources, engine: str, name: str, value: str, setting: str, meant: str
) -> None:
    section, key = setting.split(".")
    settings = load(environ={**dict([engine.split("=")]), name: value})
    assert getattr(getattr(settings, section), key) == meant


def test_the_engine_that_a_later_source_chooses_decides_what_an_earlier_name_means(sources: Sources) -> None:
    (sources.work / ".env").write_text("VOSK_MODEL_PATH=/vosk\nWHISPER_MODEL=tiny\n")
    assert load({"stt.engine": "vosk"}, {}).stt.model == "/vosk"
    assert load(environ={}).stt.model == "whisper-tiny"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30 days", timedelta(days=30)),
        ("1 Day", timedelta(days=1)),
        ("12h", timedelta(hours=12)),
        ("90 minutes", timedelta(minutes=90)),
        ("1.5 hours", timedelta(minutes=90)),
        ("45", timedelta(seconds=45)),
        (2.5, timedelta(seconds=2.5)),
        (0, timedelta(0)),
        ("999999999999 days", timedelta(days=36_500)),
    ],
)
def test_durations_are_written_with_a_unit_or_in_seconds(
    sources: Sources, written: str | float, meant: timedelta
) -> None:
    assert load({"sessions.ttl": written}, {}).sessions.ttl == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("EN", "en"), ("en-US", "en"), ("pt_br", "pt"), ("cmn", "zh"), ("auto", "auto")]
)
def test_languages_may_be_written_with_capitals_and_countries(sources: Sources, written: str, meant: str) -> None:
    assert load({"stt.language": written}, {}).stt.language == meant


def test_what_may_be_unset_is_unset_by_an_empty_text(sources: Sources) -> None:
    settings = load(environ={"HOTPIN_LLM__TEMPERATURE": "", "HOTPIN_LLM__MAX_TOKENS": ""})
    assert (settings.llm.temperature, settings.llm.max_tokens) == (None, None)


def test_each_value_is_told_with_its_origin(sources: Sources) -> None:
    sources.write_toml("[llm]\nthreads = 2\n[stt]\nthreads = 2\n")
    (sources.work / ".env").write_text("SERVER_PORT=9000\n")
    settings, origins = load_with_origins({"tts.speed": 1.5}, {"HOTPIN_STT__THREADS": "3"})
    assert (settings.stt.threads, settings.server.port) == (3, 9000)
    assert origins == {
        "llm.threads": str(sources.toml),
        "stt.threads": "environment variable HOTPIN_STT__THREADS",
        "server.port": f"{sources.work / '.env'}: SERVER_PORT",
        "tts.speed": "option tts.speed",
    }


def test_a_value_without_effect_is_noted_with_the_reason(sources: Sources) -> None:
    found = examine(None, {"WHISPER_MODEL": "tiny", "HOTPIN_STT__MODEL": "small", "VOSK_MODEL_PATH": "/vosk"})
    assert sorted(found.notes) == [
        "environment variable VOSK_MODEL_PATH has no effect: stt.engine is whisper, and it is for vosk",
        "environment variable WHISPER_MODEL has no effect on stt.model: environment variable HOTPIN_STT__MODEL wins",
    ]
    assert examine(None, {"WHISPER_MODEL": "tiny", "HOTPIN_STT__MODEL": "tiny"}).notes == ()


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ({"dialog.keep_turns": 8}, {"dialog.max_turns": 4}),
        ({"llm.max_tokens": 2000}, {"llm.context": 512}),
        ({"turn.stop_threshold": 0.9}, {"turn.start_threshold": 0.5}),
        ({"turn.wait_seconds": 1.5}, {"turn.unfinished_wait_seconds": 1.0}),
        ({"turn.finished_wait_seconds": 1.5}, {"turn.unfinished_wait_seconds": 1.0}),
        ({"turn.start_seconds": 2.0}, {"turn.max_utterance_seconds": 1.0}),
    ],
)
def test_two_settings_that_contradict_are_told_with_both_origins(
    sources: Sources, lower: dict[str, float], upper: dict[str, float]
) -> None:
    ((low, a),) = lower.items()
    ((high, b),) = upper.items()
    section, key = high.split(".")
    sources.write_toml(f"[{section}]\n{key} = {b}\n")
    assert sources.error(lower) == (
        f"{low} is {a} (option {low}) and {high} is {b} ({sources.toml}): they contradict. Allowed: {low} up to {high}"
    )


@pytest.mark.parametrize(
    ("given", "follows"),
    [
        ({"dialog.max_turns": 4}, {"dialog.keep_turns": 4}),
        ({"dialog.keep_turns": 20}, {"dialog.max_turns": 20}),
        ({"dialog.max_turns": 8}, {"dialog.keep_turns": 6}),
        ({"turn.start_threshold": 0.1}, {"turn.stop_threshold": 0.1}),
        ({"turn.finished_wait_seconds": 0.9, "turn.unfinished_wait_seconds": 1.2}, {"turn.wait_seconds": 0.9}),
        ({"turn.unfinished_wait_seconds": 0.2}, {"turn.wait_seconds": 0.2, "turn.finished_wait_seconds": 0.2}),
    ],
)
def test_a_default_gives_way_to_what_is_set(
    sources: Sources, given: dict[str, float], follows: dict[str, float]
) -> None:
    settings = load(given, {})
    for name, value in {**given, **follows}.items():
        section, key = name.split(".")
        assert getattr(getattr(settings, section), key) == value


def test_everything_that_is_wrong_is_found_at_once_and_the_rest_holds(sources: Sources) -> None:
    sources.write_toml("[llm]\nthreads = 'x'\nmax_tokens = 40\n[sst]\nmodel = 'x'\n")
    (sources.config / ".env").write_bytes(b"A=\xff\n")
    found = examine(None, {"HOTPIN_STT__THREADS": "y", "HOTPIN_LLM_MODEL": "z", "SERVER_PORT": "9000"})
    assert (found.settings.llm.max_tokens, found.settings.server.port) == (40, 9000)
    told = [str(problem.error) for problem in found.problems]
    for part in (".env cannot be read", "HOTPIN_LLM_MODEL is not", "'sst'", "llm.threads is 'x'", "stt.threads is 'y'"):
        assert sum(part in text for text in told) == 1, part
    assert len(told) == 5


def test_broken_toml_does_not_hide_the_other_sources(sources: Sources) -> None:
    sources.write_toml("[stt\n")
    found = examine(None, {"SERVER_PORT": "9000"})
    assert found.settings.server.port == 9000
    assert len(found.problems) == 1


def test_keys_are_in_no_error_and_no_representation(sources: Sources) -> None:
    sources.write_toml('[cloud]\nopenai_api_key = ["sk-secret"]\n[cloud.groq_api_key]\nx = "sk-secret"\n')
    assert "cloud.openai_api_key is not as it must be" in sources.error()
    found = examine(None, {"ELEVENLABS_API_KEY": "sk-secret"})
    assert found.settings.cloud.elevenlabs_api_key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in f"{found!r}"
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"cloud": {"openai_api_key": ["sk-secret"]}})
    assert "sk-secret" not in str(caught.value)


def test_a_broken_line_in_dotenv_is_told_by_file_and_line_without_its_text(
    sources: Sources, caplog: pytest.LogCaptureFixture
) -> None:
    text = "SERVER_PORT=9000\n\nOPENAI_API_KEY 'sk-secret\nHOTPIN_LLM__THREADS=3\n"
    with caplog.at_level(logging.WARNING):
        settings = load_from_dotenv(sources, text)
    assert (settings.server.port, settings.llm.threads) == (9000, 3)
    assert caplog.messages == [f"{sources.work / '.env'}: line 3 is passed over: it is not NAME=value"]


def test_a_byte_order_mark_in_dotenv_does_no_harm(sources: Sources) -> None:
    assert load_from_dotenv(sources, "\ufeffHOTPIN_LLM__THREADS=3\n").llm.threads == 3


def test_a_working_folder_that_is_the_config_folder_is_read_once(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sources.config)
    (sources.config / ".env").write_text("BROKEN LINE\n")
    assert len(examine(None, {}).warnings) == 1


def test_a_file_that_nobody_wrote_by_hand_is_not_read_whole(sources: Sources) -> None:
    sources.write_toml("#" * (2 << 20))
    assert "more than 1 MiB" in sources.error()


def test_tracebacks_are_shown_wherever_debugging_is_switched_on(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in EARLIER_NAMES:
        monkeypatch.delenv(name, raising=False)
    assert not show_tracebacks()
    sources.write_toml("[log]\ndebug = true\n")
    assert show_tracebacks()
    monkeypatch.setenv("DEBUG", "0")
    assert not show_tracebacks()
    monkeypatch.setenv("DEBUG", "1")
    sources.write_toml("[log\n")
    assert show_tracebacks()


def test_the_example_names_every_earlier_name_and_changes_nothing(sources: Sources) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert load_from_dotenv(sources, text) == Settings()
    names = set(re.findall(r"^# ([A-Z_]+)=", text, re.MULTILINE))
    assert set(EARLIER_NAMES) <= names


def test_every_line_of_the_example_can_be_used(sources: Sources) -> None:
    text = re.sub(r"^# (?=[A-Z_]+=)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (sources.work / ".env").write_text(text, encoding="utf-8")
    found = examine(None, {})
    assert (found.problems, found.warnings) == ((), ())
    assert found.settings.stt.model == "whisper-base"
    assert found.settings.server == Settings().server
