"""Checks of what is chosen: models, engines, voice, persona, optional packages, and who is told what is said."""

import importlib.metadata
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from hotpin import cloud, environment, models, personas, registry
from hotpin.cloud import service
from hotpin.doctor.check import Check
from hotpin.errors import HotpinError, ModelError
from hotpin.llm.native import open_model
from hotpin.registry import EngineInfo, Kind
from hotpin.sessions.texts import harmless
from hotpin.settings import Settings
from hotpin.stt import whisper
from hotpin.stt.vosk import require_language
from hotpin.stt.vosk_model import check_folder
from hotpin.tts.choice import choose

KOKORO_ENGINES = frozenset({"kokoro", "kokoro-torch"})
KOKORO_MODULES = {"misaki": "misaki", "phonemizer": "phonemizer-fork", "espeakng_loader": "espeakng-loader"}
"""Modules that languages other than English need with Kokoro, and the packages they are in."""


def needed_models(chosen: Settings) -> list[tuple[Kind, str]]:
    """List every model that the settings need and that has a name; ``model_checks`` tells of those that have none."""
    found: list[tuple[Kind, str]] = []
    for kind in models.KINDS:
        with suppress(ModelError):
            found += [(kind, name) for name in _names(chosen, kind)]
    return found


def model_checks(chosen: Settings) -> Iterator[Check]:
    """Whether each model is there, in its full size."""
    for kind in models.KINDS:
        try:
            names = _names(chosen, kind)
        except ModelError as error:
            yield Check(f"{kind} model", ok=False, detail=error.message, fix=error.fix)
            continue
        for name in names:
            yield _model(chosen, kind, name, f"{kind} model" if name == names[0] else f"{kind} model {name}")


def _names(chosen: Settings, kind: Kind) -> list[str]:
    """Name the models of a kind: what its engine is called with, then what else it needs.

    Raises:
        ModelError: if there is none that fits the settings.
    """
    chosen = cloud.local(chosen)
    if kind == "stt":
        main = models.stt_model(chosen)
    elif kind == "tts":
        main = models.tts_model(chosen)
    elif kind == "prosody":
        main = models.prosody_model(chosen)
    else:
        main = models.llm_model(chosen)
    if not main:
        return []
    with suppress(ModelError):  # it is about a model of another kind, or told of this one when it is looked for
        return [main, *(name for name in models.chosen(chosen, (kind,)) if name != main)]
    return [main]


def _model(chosen: Settings, kind: Kind, name: str, title: str) -> Check:
    chosen = cloud.local(chosen)
    try:
        path = models.resolve(chosen, kind, name)
        _look_into(chosen, kind, name, path)
    except HotpinError as error:
        return Check(title, ok=False, detail=error.message, fix=error.fix)
    return Check(title, ok=True, detail=f"{name}: {path}")


def _look_into(chosen: Settings, kind: Kind, name: str, path: Path) -> None:
    """Look into a model as its engine does before it loads it.

    Raises:
        HotpinError: if the engine would refuse it.
    """
    if kind == "stt" and chosen.stt.engine == "whisper":
        whisper.check_folder(path)
    elif kind == "stt" and chosen.stt.engine == "vosk":
        require_language(name, chosen.stt.language)
        check_folder(path)
    elif kind == "llm" and chosen.llm.engine in registry.names("llm"):
        open_model(chosen)


def engine_check(kind: Kind, build: Callable[[Settings], object]) -> Callable[[Settings], Iterator[Check]]:
    """Make the check whether the engine of a kind can be built, if one is chosen; none is loaded."""

    def check(chosen: Settings) -> Iterator[Check]:
        names = ", ".join(registry.names(kind))
        try:
            built = build(chosen)
            if built is None:
                return
            engine: EngineInfo = built.info  # type: ignore[attr-defined]
        except HotpinError as error:
            yield Check(f"{kind} engine", ok=False, detail=error.message, fix=error.fix)
            return
        described = ", ".join(filter(None, (engine.name, engine.model, engine.detail)))
        yield Check(f"{kind} engine", ok=True, detail=f"{described} (there are: {names})")

    return check


def persona(chosen: Settings) -> Iterator[Check]:
    """Whether the persona that answers can be found, and which of the others cannot be used."""
    try:
        found = personas.find(chosen.dialog.agent)
    except HotpinError as error:
        yield Check("persona", ok=False, detail=error.message, fix=error.fix)
    else:
        yield Check("persona", ok=True, detail=f"{found.id}: {found.name}")
    for entry in personas.entries():
        if entry.error and entry.id != chosen.dialog.agent:
            title = f"persona {harmless(entry.id)}"
            yield Check(title, ok=False, detail=entry.error.message, fix=entry.error.fix, required=False)


def voice(chosen: Settings) -> Iterator[Check]:
    """Whether the voice is there and speaks the language."""
    language = chosen.spoken_language
    try:
        tts = registry.build_tts(chosen)
        try:
            wanted = chosen.tts.voice or personas.find(chosen.dialog.agent).voice_for(chosen.tts.engine)
            choice = choose(tts, wanted, language)
        finally:
            tts.close()
    except HotpinError as error:
        yield Check("voice", ok=False, detail=error.message, fix=error.fix)
        return
    fix = "Name one that does in tts.voice or in the persona's file" if choice.notice else ""
    detail = choice.notice or f"{choice.voice} of {chosen.tts.engine}, for the language {language}"
    yield Check("voice", ok=not choice.notice, detail=detail, fix=fix, required=False)


def native(_: Settings) -> Iterator[Check]:
    """Whether llama.cpp was compiled for this CPU."""
    name = "llama.cpp for this CPU"
    try:
        version = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        fix = "For about a tenth more words a second and a quicker first word: make native (7 to 12 minutes, once)"
        detail = "not compiled; the prebuilt xllamacpp is used"
        yield Check(name, ok=True, detail=detail, fix=fix, required=False)
    else:
        yield Check(name, ok=True, detail=f"llama-cpp-python {version}", required=False)


def kokoro_languages(chosen: Settings) -> Iterator[Check]:
    """Whether Kokoro can speak more than English."""
    missing = [package for module, package in KOKORO_MODULES.items() if find_spec(module) is None]
    language = chosen.spoken_language
    needed = chosen.tts.engine in KOKORO_ENGINES and language not in ("", "auto", "en")
    yield Check(
        "Kokoro's languages",
        ok=not (missing and needed),
        detail=f"English only; not installed: {', '.join(missing)}" if missing else "all",
        fix='For the others: pip install "hotpin[kokoro]"' if missing else "",
        required=needed,
    )


def network(chosen: Settings) -> Iterator[Check]:
    """Whether anything leaves this machine."""
    told = [name for name, value in environment.FORCED.items() if os.environ.get(name) != value]
    if told:
        detail = f"libraries may report their use: {', '.join(told)} was changed"
        yield Check("network", ok=False, detail=detail, fix="Start hotpin anew", required=False)
        return
    leaving = [
        f"{stage}.engine = {server.engine} ({server.host})"
        for stage in cloud.STAGES
        if (server := service.of(chosen, stage)) is not None and not server.is_here
    ]
    if leaving:
        detail = f"what is said leaves this machine: {', '.join(leaving)}"
    elif chosen.models.offline:
        detail = "never used (models.offline); no library reports its use"
    else:
        detail = "not used, but by: hotpin models pull; no library reports its use"
    yield Check("network", ok=True, detail=detail, required=False)
