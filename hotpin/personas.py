"""Who answers: a name, a prompt, a voice for each engine, and how long and how freely it speaks.

Every persona is a TOML file, and its file's name is its id. Those that come with Hotpin stand in the assets; a person's
own, in the folder ``agents`` of the config folder, win over them, and may leave out what they do not change.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hotpin import paths, toml_files
from hotpin.errors import SettingsError

DEFAULT = "hotpin"
DEFAULT_TEMPERATURE = 0.7
DEFAULT_MAX_TOKENS = 150

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
ID_RULE = "an agent's id has 1 to 64 of the characters a-z 0-9 . _ - and begins with a letter or digit"

LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""English names of common languages by ISO 639-1 code: models know them better than the codes."""

_SAME_VOICES = {"kokoro-torch": "kokoro"}
"""Engines that speak with another one's voices."""

_ONE_LINE = r"^\P{Cc}*$"  # control characters would command the terminal
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_ONE_LINE)]


class Persona(BaseModel):
    """A persona, checked. ``model_fields_set`` tells which values its file gives and which are defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """The name it is chosen by."""

    name: _Line
    """The name for people."""

    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_ONE_LINE)] = ""
    """What it is for, in one line."""

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]
    """The system prompt."""

    voice: Annotated[Mapping[_Line, _Line], Field(max_length=32)] = {}
    """A voice for each engine, by the engine's name; an engine that is not there speaks with its default."""

    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0.0, le=2.0)
    """Randomness of the reply, 0 for none."""

    max_tokens: int = Field(default=DEFAULT_MAX_TOKENS, ge=1, le=4096)
    """Tokens of one reply at most."""

    def voice_for(self, engine: str) -> str:
        """Name the voice that it has with ``engine``; empty means the engine's default."""
        return self.voice.get(engine) or self.voice.get(_SAME_VOICES.get(engine, ""), "")

    def prompt_for(self, language: str) -> str:
        """Give the prompt for replies in ``language`` (ISO 639-1; ``auto`` and empty change nothing)."""
        if language in ("", "auto", "en"):
            return self.prompt
        prompt = self.prompt.replace(" in plain English", "")
        return f"{prompt} Answer in {LANGUAGES.get(language, language)}."


@dataclass(frozen=True, slots=True)
class Entry:
    """A persona's file and what came of it."""

    id: str

    path: Path
    """Its file."""

    own: bool
    """Whether it is the person's own, not one that comes with Hotpin."""

    overrides: bool
    """Whether it is the person's own and changes one that comes with Hotpin."""

    persona: Persona | None
    """``None`` if the file is wrong."""

    error: SettingsError | None
    """What is wrong with the file."""


def find(persona_id: str) -> Persona:
    """Look a persona up: one of the person's own, else a built-in one.

    Raises:
        SettingsError: if there is none of that id (it lists those there are), or its file is wrong.
    """
    found = find_entry(persona_id)
    if found.persona is None:
        raise found.error or SettingsError(f"{found.path} is wrong")
    return found.persona


def find_entry(persona_id: str) -> Entry:
    """Look a persona up with its file, right or wrong.

    Raises:
        SettingsError: if there is none of that id; it lists those there are.
    """
    found = entries()
    for entry in found:
        if entry.id in (persona_id, persona_id.lower()):
            return entry
    shown = persona_id if len(persona_id) <= 40 else f"{persona_id[:40]}…"  # noqa: PLR2004 - enough to recognise it
    known = ", ".join(entry.id for entry in found if entry.persona)
    raise SettingsError(
        f"there is no agent {shown!r}", f"Agents are: {known}; your own belong into {paths.agents_dir()}"
    )


def all_personas() -> dict[str, Persona]:
    """Give every persona whose file is right, by id, the default first."""
    return {entry.id: entry.persona for entry in entries() if entry.persona is not None}


def entries() -> list[Entry]:
    """Read every persona's file, the default first; a wrong one does not keep the others from being read."""
    built_in = {path.stem: path for path in _files(paths.assets_dir() / "agents")}
    found = {persona_id: _entry(path, None) for persona_id, path in built_in.items()}
    for path in _files(paths.agents_dir()):
        found[path.stem] = _entry(path, found.get(path.stem), own=True)
    return sorted(found.values(), key=lambda entry: (entry.id != DEFAULT, entry.id))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))


def _entry(path: Path, built_in: Entry | None, *, own: bool = False) -> Entry:
    persona, error = None, None
    try:
        persona = _read(path, built_in.persona if built_in else None)
    except SettingsError as wrong:
        error = wrong
    return Entry(path.stem, path, own, built_in is not None, persona, error)


def _read(path: Path, built_in: Persona | None) -> Persona:
    if ID.fullmatch(path.stem) is None:
        raise SettingsError(f"{str(path)!r}: {path.stem!r} cannot be an agent's id", f"Rename the file: {ID_RULE}")
    text = toml_files.read(path) if path.is_file() else None
    if text is None:
        raise SettingsError(f"{path} is not a file")
    values = toml_files.parse(text, path)
    if "id" in values:
        raise SettingsError(f"{path}: id is {values['id']!r}", "Leave it out: the file's name is the agent's id")
    inherited: dict[str, Any] = built_in.model_dump(exclude_unset=True) if built_in else {}
    if isinstance(values.get("voice"), dict):
        values["voice"] = {**inherited.get("voice", {}), **values["voice"]}
    name = path.stem.replace("-", " ").replace("_", " ").title()
    try:
        return Persona.model_validate({"name": name, **inherited, **values, "id": path.stem})
    except ValidationError as error:
        # An unknown key comes first: it may be the misspelt name of one that is missing.
        fault = min(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
        raise _explained(path, ".".join(map(str, fault["loc"])), fault["type"], fault["msg"], fault["input"]) from error


def _explained(path: Path, key: str, kind: str, message: str, found: object) -> SettingsError:
    if kind == "extra_forbidden":
        known = ", ".join(name for name in Persona.model_fields if name != "id")
        return SettingsError(f"{path}: there is no key {key!r}", f"Keys are: {known}")
    if kind == "missing":
        return SettingsError(f"{path}: {key} is missing", f'It is what the model is told to be: {key} = "You are …"')
    if key == "voice":
        message = 'a table of one voice for each engine, such as voice = { kokoro = "af_heart" }'
    if kind == "string_pattern_mismatch":
        message = "one line without control characters"
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"  # noqa: PLR2004 - enough to recognise it
    return SettingsError(f"{path}: {repr(key)[1:-1]} is {shown}", f"Allowed: {message[:1].lower()}{message[1:]}")
