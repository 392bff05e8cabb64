"""Every setting with its unit, default and reason, once.

Later sources win: defaults, ``config.toml`` in the config folder, ``.env`` (config folder, then working folder), the
environment (``HOTPIN_SECTION__KEY``, and the names of earlier designs), then options of the command line.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from hotpin import paths
from hotpin.errors import SettingsError
from hotpin.turn import TurnPolicy

ENV_PREFIX = "HOTPIN_"
ENV_DELIMITER = "__"


@dataclass(frozen=True, slots=True)
class EarlierName:
    """A setting as an environment name of earlier designs means it."""

    section: str
    key: str

    engines: tuple[str, ...] = ()
    """The section's engines that it is for: with another one it means nothing. Empty: any."""


_LOCAL_LLMS = ("auto", "llama-cpp-python", "xllamacpp")

EARLIER_NAMES: Mapping[str, EarlierName] = {
    "WHISPER_MODEL": EarlierName("stt", "model", ("whisper",)),
    "VOSK_MODEL_PATH": EarlierName("stt", "model", ("vosk",)),
    "MISTRAL_MODEL_PATH": EarlierName("llm", "model", _LOCAL_LLMS),
    "KOKORO_VOICE": EarlierName("tts", "voice", ("kokoro", "kokoro-torch")),
    "KOKORO_LANGUAGE": EarlierName("tts", "language", ("kokoro", "kokoro-torch")),
    "OPENAI_MODEL": EarlierName("cloud", "openai_model"),
    "OPENAI_API_KEY": EarlierName("cloud", "openai_api_key"),
    "GROQ_API_KEY": EarlierName("cloud", "groq_api_key"),
    "ELEVENLABS_API_KEY": EarlierName("cloud", "elevenlabs_api_key"),
    "SERVER_HOST": EarlierName("server", "host"),
    "SERVER_PORT": EarlierName("server", "port"),
    "FRONTEND_URL": EarlierName("server", "frontend_url"),
    "PROJECT_NAME": EarlierName("server", "name"),
    "LOG_LEVEL": EarlierName("log", "level"),
    "DEBUG": EarlierName("log", "debug"),
}
"""Environment names of earlier designs and the setting each one means."""

_TURN = TurnPolicy()  # the numbers stand there, once

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_UNITS = {"": 1, "s": 1, "second": 1, "m": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}


def _duration(value: object) -> object:
    """Read ``30 days`` and ``12h``; plain numbers are seconds."""
    if not isinstance(value, str | int | float):
        return value
    match = _DURATION.fullmatch(str(value).strip().lower())
    unit = match[2] if match else "?"
    unit = unit if unit in _UNITS else unit.removesuffix("s")
    if match is None or unit not in _UNITS:
        raise ValueError("a number with a unit, such as 30 days, 12 hours, 90 minutes, or seconds without one")
    return timedelta(seconds=float(match[1]) * _UNITS[unit])


Duration = Annotated[timedelta, BeforeValidator(_duration)]
_SECONDS = Field(ge=0.0, le=3600.0)
_Seconds = Annotated[float, _SECONDS]
_Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class _Section(BaseModel):
    """A group of settings; unknown keys are errors, so that a typo does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AudioSettings(_Section):
    """Sound devices."""

    input: str = ""
    """Name, part of a name or index of the microphone; empty means the system's default."""

    output: str = ""
    """Name, part of a name or index of the loudspeaker; empty means the system's default."""


class VadSettings(_Section):
    """Voice activity detection."""

    engine: str = "silero"
    """``silero`` (a small network, robust in noise) or ``webrtc`` (cheaper, fooled by noise)."""


class SttSettings(_Section):
    """Speech recognition."""

    engine: str = "whisper"
    """``whisper`` (many languages, good in noise) or ``vosk`` (words appear while they are spoken)."""

    model: str = ""
    """A model of the manifest, or a folder; empty means the engine's first that knows the language. ``base`` and
    ``openai/whisper-base`` mean ``whisper-base``."""

    language: str = "en"
    """ISO 639-1 code, or ``auto`` to find it out from each utterance (one more decoder step)."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the recogniser; 0 means as many as there are cores, 4 at most."""


class LlmSettings(_Section):
    """The language model."""

    engine: str = "auto"
    """``llama-cpp-python``, ``xllamacpp``, or ``auto``: the first of them that is installed."""

    model: str = "smollm2-135m-instruct"
    """A model of the manifest, or the path of a GGUF file."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the model; 0 means as many as there are cores, 8 at most."""

    context: int = Field(default=2048, ge=512, le=131_072)
    """Tokens of context; never more than the model was trained on. Ten spoken turns need about half of it, and every
    thousand costs 23 MB with SmolLM2-135M, 130 MB with Mistral 7B."""

    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    """Randomness of the reply, 0 for none. Empty means what the persona's file says, else what the manifest recommends
    for the model, else 0.7."""

    max_tokens: int | None = Field(default=None, ge=1, le=4096)
    """Tokens of one reply at most. Empty means the persona's, which is 150 unless its file says otherwise."""


class TtsSettings(_Section):
    """The voice."""

    engine: str = "hibari"
    """``hibari`` (English, small and quick), ``kokoro`` (54 voices, 9 languages), ``kokoro-torch`` (the same on a
    graphics card) or ``pyttsx3`` (the system's voices)."""

    model: str = ""
    """A model of the manifest, or a file, for engines that have several; empty means the engine's first."""

    voice: str = ""
    """A voice of the engine, or for Kokoro a blend such as ``af_heart:0.6,bf_emma:0.4``; empty means the persona's."""

    language: str = ""
    """ISO 639-1 code of what is spoken; empty means the recogniser's language."""

    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    """1.0 is the voice's own pace."""

    rate: int = Field(default=175, ge=50, le=500)
    """Words per minute of the system's voices, before ``speed``."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the voice; 0 means what suits the engine: 1 for hibari, as many as there are cores for Kokoro."""


class DialogSettings(_Section):
    """What the model is given."""

    agent: str = "hotpin"
    """The persona: ``hotpin``, ``receptionist``, ``sales``, ``callcenter``, or one of your own."""

    prompt: str = ""
    """Another system prompt than the persona's."""

    max_turns: int = Field(default=10, ge=1, le=1000)
    """Question-and-answer pairs of history that go to the model."""

    keep_turns: int = Field(default=6, ge=1, le=1000)
    """Pairs kept when the history is trimmed: in one step, so that the model's cached prefix breaks rarely."""


class SessionsSettings(_Section):
    """Conversations that are kept."""

    store: str = "sqlite"
    """``sqlite`` (a file in the data folder), ``sqlite:///PATH``, or ``memory``: gone when Hotpin ends."""

    ttl: Duration = timedelta(days=30)
    """How long a session is kept after its last turn: ``30 days``, ``12 hours``, or seconds; 0 means for ever."""

    forget_on_disconnect: bool = False
    """Whether a session is deleted as soon as it ends."""


class TurnSettings(_Section):
    """Turn-taking; see turn.py and endpoint.py for what each value does."""

    start_threshold: _Probability = _TURN.start_threshold
    """VAD probability from which a frame counts as speech when none was going on."""

    stop_threshold: _Probability = _TURN.stop_threshold
    """VAD probability below which a frame counts as silence during speech."""

    start_seconds: _Seconds = _TURN.start_seconds
    """Speech this long begins an utterance: a click is shorter."""

    pre_roll_seconds: _Seconds = _TURN.pre_roll_seconds
    """Audio kept from before the detected start, so that the first word is never clipped."""

    min_speech_seconds: _Seconds = _TURN.min_speech_seconds
    """An utterance with less speech than this is dropped as noise."""

    wait_seconds: _Seconds = _TURN.endpoint.unknown
    """Silence that ends a turn when nothing is known of its words."""

    finished_wait_seconds: _Seconds = _TURN.endpoint.finished
    """Silence that ends a turn whose words are a finished sentence."""

    unfinished_wait_seconds: _Seconds = _TURN.endpoint.unfinished
    """Silence that ends a turn whose words are plainly unfinished, as after "and then I, um"."""

    max_utterance_seconds: _Seconds = _TURN.max_utterance_seconds
    """A hands-free utterance is ended here: a television never pauses."""

    barge_in: bool = _TURN.barge_in
    """Whether speech interrupts the reply; needs an echo canceller or headphones."""

    cancel_seconds: _Seconds = _TURN.cancel_seconds
    """Speech over the reply this long cancels it; until then it is only paused."""

    resume_seconds: _Seconds = _TURN.resume_seconds
    """A paused reply goes on after this much silence without words: it was a cough or an "uh-huh"."""


class ModelsSettings(_Section):
    """Where models are."""

    dir: str = ""
    """Folder of the models; empty means the cache folder."""

    offline: bool = False
    """Never touch the network."""


class LogSettings(_Section):
    """Logs; words that were said or written never go there."""

    level: str = Field(default="WARNING", pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""

    debug: bool = False
    """Whether errors are shown with their tracebacks."""


class ServerSettings(_Section):
    """The embedded server."""

    host: str = "127.0.0.1"
    """Address it listens on; any other than loopback needs a token."""

    port: int = Field(default=8000, ge=0, le=65_535)
    """Port it listens on; 0 means any free one."""

    frontend_url: str = "http://localhost:3000"
    """Origins that browsers may connect from, separated by commas."""

    name: str = "Hotpin"
    """What it calls itself."""


class CloudSettings(_Section):
    """Engines elsewhere. A key alone never switches one on."""

    openai_model: str = "gpt-4o-mini"
    """The language model of the engine ``openai``."""

    openai_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""

    groq_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""

    elevenlabs_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""


class Settings(_Section):
    """All settings, checked."""

    audio: AudioSettings = AudioSettings()
    vad: VadSettings = VadSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    dialog: DialogSettings = DialogSettings()
    turn: TurnSettings = TurnSettings()
    sessions: SessionsSettings = SessionsSettings()
    models: ModelsSettings = ModelsSettings()
    server: ServerSettings = ServerSettings()
    cloud: CloudSettings = CloudSettings()
    log: LogSettings = LogSettings()


Origin = str
"""Where a value came from, as a person would say it: a file's path, an environment name, an option."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value as one source has it."""

    section: str
    key: str
    value: Any
    origin: Origin

    engines: tuple[str, ...] = ()
    """The engines of the section that it is for; empty: any."""


_Layer = list[_Value]
"""Values of one source, or of several in order."""


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read every source and return the checked settings.

    Args:
        overrides: values of command-line options by dotted name, such as ``{"stt.engine": "whisper"}``; ``None`` values
            are options that were not given.
        environ: the environment; the process's own by default.

    Raises:
        SettingsError: naming where the wrong value stands, what it is, and what is allowed.
    """
    env = os.environ if environ is None else environ
    layer = _from_toml(paths.config_file())
    folders = [paths.config_dir()]
    with suppress(FileNotFoundError):  # the working folder may have been deleted
        folders.append(Path.cwd())
    for folder in folders:
        layer += _from_dotenv(folder / ".env")
    layer += _from_environment(env, "environment variable ")
    layer += _from_options(overrides or {})
    return _checked(layer)


def _from_toml(path: Path) -> _Layer:
    try:
        # Some editors begin a file with a byte-order mark, which TOML does not allow.
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    layer: _Layer = []
    for section, values in sections.items():
        if not isinstance(values, dict):
            raise SettingsError(f"{path}: {section!r} stands outside a section", f"Sections are: {_section_names()}")
        layer += [_Value(section, key, value, str(path)) for key, value in values.items()]
    return layer


def _from_dotenv(path: Path) -> _Layer:
    if not path.is_file():
        return []
    # Imported late: most people have no .env.
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return _from_environment({k: v for k, v in values.items() if v is not None}, f"{path}: ")


def _from_environment(env: Mapping[str, str], origin: str) -> _Layer:
    layer: _Layer = []
    for spelling, meant in EARLIER_NAMES.items():
        if env.get(spelling):
            layer.append(_Value(meant.section, meant.key, env[spelling], origin + spelling, meant.engines))
    for name, value in sorted(env.items()):
        if name.upper().startswith(ENV_PREFIX) and ENV_DELIMITER in name:
            section, _, key = name[len(ENV_PREFIX) :].lower().partition(ENV_DELIMITER)
            layer.append(_Value(section, key, value, origin + name))
        else:
            _refuse_slip(name, origin)
    return layer


def _refuse_slip(name: str, origin: Origin) -> None:
    """Refuse ``HOTPIN_LLM_MODEL``, which would otherwise do nothing: the likeliest slip of all."""
    prefix, _, rest = name.upper().partition("_")
    section, _, key = rest.partition("_")
    if f"{prefix}_" == ENV_PREFIX and section.lower() in Settings.model_fields:
        meant = f"{ENV_PREFIX}{section}{ENV_DELIMITER}{key or 'KEY'}"
        raise SettingsError(f"{origin}{name} is not the name of a setting", f"Did you mean {meant}?")


def _from_options(overrides: Mapping[str, Any]) -> _Layer:
    layer: _Layer = []
    for name, value in overrides.items():
        section, _, key = name.partition(".")
        if value is not None:
            layer.append(_Value(section, key, value, f"option {name}"))
    return layer


def _checked(layer: _Layer) -> Settings:
    values: dict[str, dict[str, Any]] = {}
    origins: dict[tuple[str, str], Origin] = {}
    engines = {value.section: value.value for value in layer if value.key == "engine"}
    for value in layer:
        if value.engines and engines.get(value.section, _default_engine(value.section)) not in value.engines:
            continue
        values.setdefault(value.section, {})[value.key] = _normalised(value.section, value.key, value.value)
        origins[value.section, value.key] = value.origin
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        section, key = (*map(str, first["loc"]), "", "")[:2]
        origin = origins.get((section, key)) or next((o for (s, _), o in origins.items() if s == section), "settings")
        raise _explained(origin, section, key, first["type"], first["msg"], first["input"]) from error


def _default_engine(section: str) -> str:
    return str(Settings.model_fields[section].default.engine)


def _explained(origin: Origin, section: str, key: str, kind: str, message: str, found: object) -> SettingsError:
    if section not in Settings.model_fields:
        return SettingsError(f"{origin}: there is no section {section!r}", f"Sections are: {_section_names()}")
    known = type(getattr(Settings(), section)).model_fields
    if kind == "extra_forbidden":
        return SettingsError(f"{origin}: there is no setting {section}.{key}", f"Settings are: {', '.join(known)}")
    return SettingsError(f"{origin}: {section}.{key} is {found!r}", f"Allowed: {_lower_first(message)}")


def _normalised(section: str, key: str, value: Any) -> Any:  # noqa: ANN401 - values are checked right after
    """Take the spellings that earlier designs used for the same thing."""
    if (section, key) == ("stt", "model") and isinstance(value, str):
        short = re.sub(r"^openai/", "", value.strip())
        return f"whisper-{short}" if short in ("tiny", "base", "small", "medium") else short
    if (section, key) == ("log", "level") and isinstance(value, str):
        return value.strip().upper()
    if (section, key) == ("log", "debug") and isinstance(value, str):  # other programs set DEBUG=their:modules
        return value.strip().lower() not in ("", "0", "false", "no", "off")
    return value


def _section_names() -> str:
    return ", ".join(Settings.model_fields)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
