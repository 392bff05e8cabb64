"""What another call could be held with: devices, engines, models, voices, personas, sessions. It may take seconds."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from hotpin import models, personas, registry
from hotpin.audio.devices import Direction, list_devices
from hotpin.registry import Kind
from hotpin.sessions import texts
from hotpin.sessions.stores import open_store
from hotpin.setting_layers import value_of, with_values
from hotpin.settings import Settings
from hotpin.tui.call import Plan

ENGINES: tuple[Kind, ...] = ("stt", "llm", "tts", "vad")
"""Kinds of engines that can be chosen."""

MODELS: tuple[Kind, ...] = ("stt", "llm", "tts")
"""Kinds of models that can be chosen."""

_OTHER_ENGINE_OTHER: dict[Kind, dict[str, str]] = {
    "stt": {"stt.model": ""},
    "tts": {"tts.model": "", "tts.voice": ""},
}
"""Settings that mean nothing to another engine."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen."""

    label: str
    """As it is listed, and said when it is chosen."""

    plan: Plan
    """The call that would be held."""

    detail: str = ""
    """More about it."""

    refused: str = ""
    """Why it cannot be chosen now, and what to do; empty if it can."""


def devices(direction: Direction, plan: Plan) -> list[Choice]:
    """List the microphones, or the loudspeakers.

    Raises:
        AudioError: if the sound system cannot be asked.
    """
    name = f"audio.{direction}"
    usable = list_devices().usable(direction)
    names = [one.name for one in usable]
    found = [_setting(plan, {name: ""}, "the system's default")]
    for one in usable:
        wanted = one.name if names.count(one.name) == 1 else str(one.index)
        found.append(_setting(plan, {name: wanted}, one.name, f"{one.host}, {one.rate} Hz"))
    return found


def engines(kind: Kind, plan: Plan) -> list[Choice]:
    """List the engines of a kind that are installed."""
    used = value_of(plan.settings, f"{kind}.engine")
    found = []
    for name in registry.names(kind):
        others = {} if name == used else _OTHER_ENGINE_OTHER.get(kind, {})
        found.append(_setting(plan, {f"{kind}.engine": name, **others}, name))
    return found


def models_of(kind: Kind, plan: Plan) -> list[Choice]:
    """List the models that the chosen engine of a kind can run.

    Raises:
        ModelError: if the manifest is missing or damaged.
    """
    engine = value_of(plan.settings, f"{kind}.engine")
    found = []
    for status in models.list_models(plan.settings):
        model = status.model
        if model.kind != kind or (kind != "llm" and model.engine != engine):
            continue
        refused = "" if status.installed else f"{model.name} is not installed. Fetch it on the screen of models: F4"
        there = "installed" if status.installed else f"{model.download_bytes / 1e6:.0f} MB to fetch"
        choice = _setting(plan, {f"{kind}.model": model.name}, model.name, f"{model.title}, {there}")
        found.append(replace(choice, refused=refused))
    return found


def voices(plan: Plan) -> list[Choice]:
    """List the voices of the chosen engine, those first that speak the language of the call.

    Raises:
        HotpinError: if the engine is not there, or its voices cannot be listed.
    """
    settings = plan.settings
    language = settings.spoken_language
    with closing(registry.build_tts(settings)) as tts:
        there = sorted(tts.voices, key=lambda voice: not voice.speaks(language))
    found = [_setting(plan, {"tts.voice": ""}, "the persona's own")]
    return found + [_setting(plan, {"tts.voice": one.name}, one.name, ", ".join(one.languages)) for one in there]


def agents(plan: Plan) -> list[Choice]:
    """List the personas."""
    return [Choice(one.name, replace(plan, agent=one.id), one.description) for one in personas.all_personas().values()]


def sessions(plan: Plan) -> list[Choice]:
    """List the sessions that can be gone on with.

    Raises:
        StoreError: if they cannot be read.
    """
    with closing(open_store(plan.settings, create=False)) as store:
        kept = store.sessions()
    return [
        Choice(one.id, replace(plan, session_id=one.id, agent=""), f"{texts.turns(one.turn_count)}, {one.agent}")
        for one in kept
    ]


def updated(plan: Plan, names: Iterable[str]) -> Plan:
    """Take over the values that the settings' sources have now; everything else stays as it was chosen."""
    from hotpin.setting_layers import examine

    found = examine().settings
    return replace(plan, settings=with_values(plan.settings, {name: value_of(found, name) for name in names}))


def _setting(plan: Plan, values: dict[str, Any], label: str, detail: str = "") -> Choice:
    used = all(value_of(plan.settings, name) == value for name, value in values.items())
    mark = "in use" if used else ""
    settings: Settings = with_values(plan.settings, values)
    return Choice(label, replace(plan, settings=settings), ", ".join(filter(None, (mark, detail))))


Listing = Callable[[Plan], list[Choice]]
"""Lists what can be chosen instead of what a call is held with."""
