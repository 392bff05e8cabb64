"""Whether what the settings name is there: engines, models, agent, store, voice. Nothing is loaded for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import get_args

from hotpin import cloud, model_manifest, models, personas, registry
from hotpin.errors import HotpinError, ModelError, SettingsError
from hotpin.registry import Kind
from hotpin.sessions.stores import sessions_path
from hotpin.setting_layers import value_of
from hotpin.settings import Settings
from hotpin.tts.choice import choose


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting that cannot work as the others are."""

    name: str
    """``section.key``."""

    error: HotpinError


def faults(chosen: Settings) -> Iterator[Fault]:
    """Find what cannot work, each time with what there is instead. A model that is only not fetched yet is no fault."""
    there = set()
    for kind in get_args(Kind):
        if kind == "wake" and not chosen.wake.word:
            continue
        name = "turn.prosody" if kind == "prosody" else f"{kind}.engine"
        engine, engines = value_of(chosen, name), registry.names(kind)
        if engine in engines:
            there.add(kind)
        elif kind != "prosody" or engine not in ("", models.AUTO):
            error = SettingsError(f"there is no {kind} engine {engine!r}", f"Choose one of: {', '.join(engines)}")
            yield Fault(name, error)
    for stage in cloud.STAGES:
        yield from _fault(f"{stage}.fallback", partial(cloud.check_fallback, chosen, stage))
    for kind in models.KINDS:
        if kind in there and kind != "prosody":
            yield from _fault(f"{kind}.model", partial(_check_model, chosen, kind))
    yield from _fault("dialog.agent", partial(personas.find, chosen.dialog.agent))
    yield from _fault("sessions.store", partial(sessions_path, chosen))
    if "tts" in there:
        yield from _voice(chosen)
    if "wake" in there:
        yield from _fault("wake.word", partial(registry.build_wake, chosen))


def _fault(name: str, look: Callable[[], object]) -> Iterator[Fault]:
    try:
        look()
    except HotpinError as error:
        yield Fault(name, error)


def _check_model(chosen: Settings, kind: Kind) -> None:
    chosen = cloud.local(chosen)
    name = models.llm_model(chosen)
    if kind != "llm":
        name = models.stt_model(chosen) if kind == "stt" else models.tts_model(chosen)
    model = model_manifest.load().get(name)
    if name and (model is None or model.kind != kind):
        models.resolve(chosen, kind, name)


def _voice(chosen: Settings) -> Iterator[Fault]:
    try:
        tts = registry.build_tts(chosen)
    except HotpinError as error:
        yield Fault("tts.engine", error)
        return
    try:
        tts.voice(chosen.tts.voice)
    except ModelError:
        return  # without its files nobody knows which voices there are
    except HotpinError as error:
        yield Fault("tts.voice", error)
    else:
        language = chosen.spoken_language
        yield from _fault("tts.engine", partial(choose, tts, chosen.tts.voice, language))
    finally:
        tts.close()
