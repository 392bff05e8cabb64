"""Where settings are written down: TOML, ``.env``, the environment, options. Nothing is checked here but the names."""

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotpin import paths, toml_files
from hotpin.errors import SettingsError
from hotpin.logs import is_on
from hotpin.settings import Origin, Settings

ENV_PREFIX = "HOTPIN_"

OPTION_NAMES = frozenset({"HOTPIN_SERVER_TOKEN"})
"""Variables that options of commands are read from; no settings, though they look like slips of some."""

ENV_DELIMITER = "__"


@dataclass(frozen=True, slots=True)
class EarlierName:
    """A setting as an environment name of earlier designs means it."""

    section: str
    key: str

    engines: tuple[str, ...] = ()
    """The section's engines that it is for: with another one it means nothing. Empty: any."""


_LOCAL_LLMS = ("auto", "llama-cpp-python", "xllamacpp")
_KOKORO = ("kokoro", "kokoro-torch")

EARLIER_NAMES: Mapping[str, EarlierName] = {
    "WHISPER_MODEL": EarlierName("stt", "model", ("whisper",)),
    "VOSK_MODEL_PATH": EarlierName("stt", "model", ("vosk",)),
    "MISTRAL_MODEL_PATH": EarlierName("llm", "model", _LOCAL_LLMS),
    "KOKORO_VOICE": EarlierName("tts", "voice", _KOKORO),
    "KOKORO_LANGUAGE": EarlierName("tts", "language", _KOKORO),
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


@dataclass(frozen=True, slots=True)
class Value:
    """A value as one source has it."""

    section: str
    key: str
    value: Any
    origin: Origin

    engines: tuple[str, ...] = ()
    """The engines of the section that it is for; empty: any."""

    @property
    def name(self) -> str:
        """The setting's dotted name."""
        return f"{self.section}.{self.key}"


@dataclass(frozen=True, slots=True)
class Warned:
    """A line that means nothing and is passed over."""

    text: str


Finding = Value | SettingsError | Warned


def findings(overrides: Mapping[str, Any], environ: Mapping[str, str], toml: str | None = None) -> Iterator[Finding]:
    """Read every source, those that win last; what is wrong with one does not keep the others from being read.

    Args:
        overrides: values of command-line options by dotted name; ``None`` is an option that was not given.
        environ: the environment.
        toml: the text of ``config.toml``, where it is not what the file has.
    """
    yield from _from_toml(paths.config_file(), toml)
    folders = [paths.config_dir()]
    with suppress(FileNotFoundError):  # the working folder may have been deleted
        folders.append(Path.cwd())
    for folder in dict.fromkeys(folders):
        yield from _from_dotenv(folder / ".env")
    yield from _from_environment(environ, "environment variable ")
    for name, value in overrides.items():
        section, _, key = name.partition(".")
        if value is not None:
            yield Value(section, key, value, f"option {name}")


def _from_toml(path: Path, text: str | None) -> Iterator[Finding]:
    try:
        text = toml_files.read(path) if text is None else text
        sections = toml_files.parse(text or "", path)
    except SettingsError as error:
        yield error
        return
    for section, values in sections.items():
        if isinstance(values, dict):
            yield from (Value(section, key, value, str(path)) for key, value in values.items())
        else:
            known = ", ".join(Settings.model_fields)
            yield SettingsError(f"{path}: {section!r} stands outside a section", f"Sections are: {known}")


def _from_dotenv(path: Path) -> Iterator[Finding]:
    try:
        if not path.is_file():
            return
    except OSError as error:  # a folder that may not be entered
        yield SettingsError(f"{path} cannot be read: {error.strerror or error}")
        return
    # Imported late: most people have no .env.
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        statements = list(parse_stream(io.StringIO(toml_files.read(path) or "")))
    except SettingsError as error:
        yield error
        return
    for statement in statements:
        if statement.error:
            text = statement.original.string  # it begins with the blank lines before
            line = statement.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            yield Warned(f"{path}: line {line} is passed over: it is not NAME=value")  # its text may be a key
    usable = "".join(statement.original.string for statement in statements if not statement.error)
    values = dotenv_values(stream=io.StringIO(usable))
    yield from _from_environment({name: value for name, value in values.items() if value is not None}, f"{path}: ")


def _from_environment(env: Mapping[str, str], origin: Origin) -> Iterator[Finding]:
    for spelling, meant in EARLIER_NAMES.items():
        value: str | bool = env.get(spelling, "")
        if value:
            if spelling == "DEBUG":  # other programs set DEBUG=their:modules
                value = is_on(str(value))
            yield Value(meant.section, meant.key, value, origin + spelling, meant.engines)
    for name, text in sorted(env.items()):
        if name.upper().startswith(ENV_PREFIX) and ENV_DELIMITER in name:
            section, _, key = name[len(ENV_PREFIX) :].lower().partition(ENV_DELIMITER)
            yield Value(section, key, text, origin + name)
        elif fix := _slip(name):
            yield SettingsError(f"{origin}{name} is not the name of a setting", fix)


def _slip(name: str) -> str:
    """Say what ``HOTPIN_LLM_MODEL`` should be, which would otherwise do nothing: the likeliest slip of all."""
    if name.upper() in OPTION_NAMES:
        return ""
    prefix, _, rest = name.upper().partition("_")
    section, _, key = rest.partition("_")
    field = Settings.model_fields.get(section.lower())
    if f"{prefix}_" != ENV_PREFIX or field is None:
        return ""
    keys = [str(known).upper() for known in type(field.default).model_fields]
    if key in keys:
        return f"Did you mean {ENV_PREFIX}{section}{ENV_DELIMITER}{key}?"
    return f"There are: {', '.join(f'{ENV_PREFIX}{section}{ENV_DELIMITER}{known}' for known in keys)}"
