"""Name → engine. Built-in engines and those of other packages come through the same entry-point groups.

A package that offers an engine declares, for instance, under ``[project.entry-points."hotpin.stt"]`` a line
``myengine = "mypackage:build"``, where ``build(settings)`` returns an object that keeps the kind's contract and reads
nothing heavy before its ``load()``.
"""

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, cast

from hotpin.environment import limit_heaps
from hotpin.errors import HotpinError, SettingsError

if TYPE_CHECKING:
    from hotpin.llm.base import Llm
    from hotpin.prosody.base import Prosody
    from hotpin.settings import Settings
    from hotpin.stt.base import Stt
    from hotpin.tts.base import Tts
    from hotpin.vad.base import Vad
    from hotpin.wake.base import Wake

Kind = Literal["vad", "stt", "prosody", "llm", "tts", "wake"]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is, for `doctor`, `bench` and the interface."""

    name: str
    """The name it is chosen by."""

    model: str
    """The model it runs."""

    detail: str = ""
    """Anything else worth a glance, such as threads."""

    server: str = ""
    """Host of the server that it asks; empty for an engine in this process."""

    leaves: bool = False
    """Whether what it is given leaves this machine."""

    ahead: bool = True
    """Whether it may be asked for what may be thrown away: not where that is paid for."""


def names(kind: Kind) -> list[str]:
    """List the engines of ``kind`` that are installed, by name."""
    return sorted({point.name for point in entry_points(group=f"hotpin.{kind}")})


def build_vad(settings: "Settings") -> "Vad":
    """Build the chosen voice activity detector, not yet loaded."""
    return cast("Vad", _build("vad", settings.vad.engine, settings))


def build_stt(settings: "Settings") -> "Stt":
    """Build the chosen recogniser, not yet loaded."""
    return cast("Stt", _build("stt", settings.stt.engine, settings))


def build_prosody(settings: "Settings") -> "Prosody | None":
    """Build what judges prosody, not yet loaded; ``None`` where the settings choose nothing."""
    from hotpin import models

    engine = models.prosody_engine(settings)
    return cast("Prosody", _build("prosody", engine, settings)) if engine else None


def build_llm(settings: "Settings") -> "Llm":
    """Build the chosen language model, not yet loaded; ``auto`` is itself an entry of the group."""
    return cast("Llm", _build("llm", settings.llm.engine, settings))


def build_tts(settings: "Settings") -> "Tts":
    """Build the chosen voice engine, not yet loaded."""
    return cast("Tts", _build("tts", settings.tts.engine, settings))


def build_wake(settings: "Settings") -> "Wake | None":
    """Build what listens for the wake word, not yet loaded; ``None`` where there is no such word."""
    return cast("Wake", _build("wake", settings.wake.engine, settings)) if settings.wake.word else None


def _build(kind: Kind, name: str, settings: "Settings") -> Any:  # noqa: ANN401 - the callers name the type
    limit_heaps()
    found = [point for point in entry_points(group=f"hotpin.{kind}") if point.name == name]
    if not found:
        raise SettingsError(f"there is no {kind} engine {name!r}", f"Choose one of: {', '.join(names(kind))}")
    try:
        return found[0].load()(settings)
    except ImportError as error:
        raise HotpinError(
            f"the {kind} engine {name!r} needs the Python module {error.name!r}, which is not installed",
            f"Install it, or choose another of: {', '.join(names(kind))}",
        ) from error
