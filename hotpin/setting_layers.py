"""The values of all sources laid over each other and checked: which one holds, and what is wrong."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from hotpin.errors import SettingsError
from hotpin.setting_sources import Value, Warned, findings
from hotpin.settings import Origin, Settings

log = logging.getLogger(__name__)

ASCENDING = (
    ("dialog.keep_turns", "dialog.max_turns"),
    ("llm.max_tokens", "llm.context"),
    ("turn.stop_threshold", "turn.start_threshold"),
    ("turn.start_seconds", "turn.min_speech_seconds", "turn.max_utterance_seconds"),
    ("turn.finished_wait_seconds", "turn.wait_seconds", "turn.unfinished_wait_seconds"),
    ("turn.finished_wait_seconds", "turn.doubtful_wait_seconds", "turn.unfinished_wait_seconds"),
)
"""Settings of which none may be greater than the next. Two that are set can contradict; a default gives way."""


_IN_WORDS: Mapping[str, str] = {
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotes",
}
"""What is allowed, by the kind of fault that was found."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the settings."""

    names: tuple[str, ...]
    """The settings it is about, by ``section.key``; none where a whole source is wrong."""

    error: SettingsError


@dataclass(frozen=True, slots=True)
class Found:
    """What all sources say together."""

    settings: Settings
    """The settings; what is wrong is left at its default."""

    origins: Mapping[str, Origin]
    """Where each value stands that is not a default, by ``section.key``; those that are wrong too."""

    problems: tuple[Problem, ...] = ()
    """What is wrong: a reason not to start."""

    warnings: tuple[str, ...] = ()
    """Lines that were passed over."""

    notes: tuple[str, ...] = ()
    """Values that have no effect, and why."""

    def tell_warnings(self) -> None:
        """Log the warnings, so that they are seen on standard error."""
        for text in self.warnings:
            log.warning("%s", text)


def examine(
    overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, toml: str | None = None
) -> Found:
    """Read and check every source, and go on where something is wrong.

    Args:
        overrides: values of command-line options by dotted name; ``None`` values are options that were not given.
        environ: the environment; the process's own by default.
        toml: the text of ``config.toml``, where it is not what the file has.
    """
    values: list[Value] = []
    problems: list[Problem] = []
    warnings: list[str] = []
    for finding in findings(overrides or {}, os.environ if environ is None else environ, toml):
        match finding:
            case Value():
                values.append(finding)
            case Warned(text):
                warnings.append(text)
            case SettingsError():
                problems.append(Problem((), finding))
    holding, notes = _laid_over(values)
    settings, wrong = _validated(holding)
    settings, contradictions = _in_order(settings, holding, {name for problem in wrong for name in problem.names})
    return Found(
        settings=settings,
        origins={name: value.origin for name, value in holding.items()},
        problems=(*problems, *wrong, *contradictions),
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


def is_secret(name: str) -> bool:
    """Whether the value of the setting ``section.key`` must never be shown."""
    section, _, key = name.partition(".")
    fields = _fields(section)
    return key in fields and "Secret" in str(fields[key].annotation)


def value_of(settings: Settings, name: str) -> Any:  # noqa: ANN401 - settings have all kinds of values
    """Give the value of the setting ``section.key``."""
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Give the settings with other, valid ``values`` by ``section.key``."""
    for name, value in values.items():
        section, _, key = name.partition(".")
        changed = getattr(settings, section).model_copy(update={key: value})
        settings = settings.model_copy(update={section: changed})
    return settings


def setting_names() -> list[str]:
    """List every setting as ``section.key``, in their order."""
    return [f"{section}.{key}" for section in Settings.model_fields for key in _fields(section)]


def _fields(section: str) -> Mapping[str, Any]:
    return type(getattr(_DEFAULTS, section)).model_fields if section in Settings.model_fields else {}


_DEFAULTS = Settings()


def _laid_over(values: list[Value]) -> tuple[dict[str, Value], list[str]]:
    """Give the value that holds of each setting, and notes on those that have no effect."""
    engines = {value.section: value.value for value in values if value.key == "engine"}
    holding: dict[str, Value] = {}
    notes = []
    for value in values:
        if value.engines:
            engine = engines.get(value.section) or value_of(_DEFAULTS, f"{value.section}.engine")
            if engine not in value.engines:
                meant = " or ".join(value.engines)
                notes.append(f"{value.origin} has no effect: {value.section}.engine is {engine}, and it is for {meant}")
                continue
        before = holding.get(value.name)
        if before is not None and before.value != value.value:
            notes.append(f"{before.origin} has no effect on {value.name}: {value.origin} wins")
        holding[value.name] = value
    return holding, notes


def _validated(holding: Mapping[str, Value]) -> tuple[Settings, list[Problem]]:
    """Check the values; what is wrong is left out, until the rest is right."""
    left = dict(holding)
    problems: list[Problem] = []
    while True:
        nested: dict[str, dict[str, Any]] = {}
        for value in left.values():
            nested.setdefault(value.section, {})[value.key] = value.value
        try:
            return Settings.model_validate(nested), problems
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False, include_context=False):
                section, key = (*fault["loc"], None)[:2]
                wrong = [value for value in left.values() if value.section == section and key in (None, value.key)]
                problems += [
                    Problem((value.name,), _explained(value, fault["type"], fault["msg"])) for value in wrong[:1]
                ]
                for value in wrong:
                    del left[value.name]


def _explained(value: Value, kind: str, message: str) -> SettingsError:
    if value.section not in Settings.model_fields:
        known = ", ".join(Settings.model_fields)
        return SettingsError(f"{value.origin}: there is no section {value.section!r}", f"Sections are: {known}")
    if kind == "extra_forbidden":
        known = ", ".join(_fields(value.section))
        return SettingsError(f"{value.origin}: there is no setting {value.name}", f"Settings are: {known}")
    found = "not as it must be" if is_secret(value.name) else repr(value.value)
    return SettingsError(f"{value.origin}: {value.name} is {found}", f"Allowed: {_allowed(value.name, kind, message)}")


def _allowed(name: str, kind: str, message: str) -> str:
    """Say in words for people what a setting may be."""
    if kind == "string_pattern_mismatch" and name.endswith(".language"):
        return "a language code such as en or de" + ("" if name == "tts.language" else ", or auto")
    if kind in _IN_WORDS:
        return _IN_WORDS[kind]
    message = message.removeprefix("Value error, ").removeprefix("Input should be ")
    message = message.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return message[:1].lower() + message[1:]


def _in_order(settings: Settings, holding: Mapping[str, Value], wrong: set[str]) -> tuple[Settings, list[Problem]]:
    """Check what must ascend, and let defaults give way to what is set."""
    problems = []
    for names in ASCENDING:
        if wrong.intersection(names):
            continue
        set_ones = [name for name in names if name in holding and value_of(settings, name) is not None]
        faults = [_contradiction(settings, holding[a], holding[b]) for a, b in pairwise(set_ones)]
        found = [fault for fault in faults if fault]
        problems += found
        if not found:
            settings = with_values(settings, dict(_given_way(settings, names, set_ones)))
    return settings, problems


def _contradiction(settings: Settings, lower: Value, upper: Value) -> Problem | None:
    a, b = value_of(settings, lower.name), value_of(settings, upper.name)
    if a <= b:
        return None
    message = f"{lower.name} is {a} ({lower.origin}) and {upper.name} is {b} ({upper.origin}): they contradict"
    return Problem((lower.name, upper.name), SettingsError(message, f"Allowed: {lower.name} up to {upper.name}"))


def _given_way(settings: Settings, names: tuple[str, ...], set_ones: list[str]) -> Iterator[tuple[str, Any]]:
    """Give the defaults that lie beyond what is set before or behind them, moved to it."""
    for place, name in enumerate(names):
        value = value_of(settings, name)
        if name in set_ones or value is None:
            continue
        before = [value_of(settings, other) for other in names[:place] if other in set_ones]
        behind = [value_of(settings, other) for other in names[place:] if other in set_ones]
        moved = min([max([value, *before]), *behind])
        if moved != value:
            yield name, moved
