"""Find models: those of the manifest, and the person's own files. Looks at sizes and times; fetches nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin import cloud, model_manifest, model_store, paths
from hotpin.environment import available_cores
from hotpin.errors import ModelError
from hotpin.model_manifest import Model, PackageSource
from hotpin.registry import Kind

if TYPE_CHECKING:
    from hotpin.settings import Settings

KINDS: tuple[Kind, ...] = ("stt", "prosody", "llm", "tts")
"""The kinds of models that the settings choose, in the order of the voice chain."""


AUTO = "auto"
"""Stands in a setting for: what there is and suits."""

MIN_PROSODY_CORES = 2
"""Cores from which prosody is judged beside recognition."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A known model and whether it is there."""

    model: Model
    """What it is."""

    path: Path
    """The file or folder an engine loads; where it would be if it is not installed."""

    installed: bool
    """Whether every file is there in its full size."""


def resolve(settings: "Settings", kind: Kind, name: str) -> Path:
    """Give what an engine loads for ``name``: a GGUF file for an llm, the folder for Whisper.

    Looks at sizes and times only. A file that was touched since its last check is checked once more.

    Args:
        settings: where the models are.
        kind: what the model is for.
        name: a model of the manifest, or the path of the person's own.

    Raises:
        ModelError: if there is no such model, it is not installed, or it is damaged.
    """
    model = model_manifest.load().get(name)
    if model is None:
        return _own(kind, name)
    if model.kind != kind:
        raise ModelError(f"{name!r} is a model for {model.kind}, not for {kind}", _known(kind))
    if model.package:
        return in_package(name, model.package)
    folder = models_dir(settings) / name
    stamp = model_store.present_stamp(folder, model)
    if stamp is None:
        raise not_installed(model.name)
    fault = model_store.size_fault(folder, stamp) or model_store.touched_fault(folder, stamp, pins(model, stamp))
    if fault:
        raise damaged(model, fault)
    return folder / model.entry


def list_models(settings: "Settings") -> list[ModelStatus]:
    """List every known model and whether it is installed; looks at sizes only.

    Raises:
        ModelError: if the manifest is missing or damaged.
    """
    return [_status(settings, model) for model in model_manifest.load().values()]


def stt_model(settings: "Settings") -> str:
    """Name the recogniser's model: the chosen one, else the first of the engine that knows the language.

    Empty for an engine of which the manifest knows no model.

    Raises:
        ModelError: if the chosen one is another engine's, or none that is known understands this language.
    """
    engine = settings.stt.engine
    return _for_engine("stt", engine, settings.stt.model) or _first("stt", engine, settings.stt.language)


def tts_model(settings: "Settings") -> str:
    """Name the voice engine's model: the chosen one, else the engine's first; empty where the manifest knows none.

    Raises:
        ModelError: if the chosen one is another engine's.
    """
    return _for_engine("tts", settings.tts.engine, settings.tts.model) or _first("tts", settings.tts.engine, "")


def llm_model(settings: "Settings") -> str:
    """Name the language model's file; empty where the engine is elsewhere."""
    return "" if settings.llm.engine in cloud.ENGINES else settings.llm.model


def _for_engine(kind: Kind, engine: str, name: str) -> str:
    """Return ``name``, unless it is known to be another engine's model."""
    known = model_manifest.load()
    model = known.get(name)
    # An engine whose model comes with it looks for no other; one that no model is known for may take any.
    names = [m.name for m in known.values() if (m.kind, m.engine) == (kind, engine) and not m.package]
    if names and model is not None and model.kind == kind and model.name not in names:
        fix = f"Choose one of: {', '.join(names)}" + (f"; or the engine {model.engine}" if model.engine else "")
        raise ModelError(f"{name!r} is no model for {engine}", fix)
    return name


def prosody_engine(settings: "Settings") -> str:
    """Name the engine that judges prosody; empty for none.

    With ``auto`` it is the one whose model has been fetched and knows the language, where there are two cores or more:
    on one it would hold up the recogniser.
    """
    if settings.turn.prosody != AUTO:
        return settings.turn.prosody
    if available_cores() < MIN_PROSODY_CORES:
        return ""
    language = settings.stt.language
    fetched = (status.model for status in list_models(settings) if status.installed and status.model.kind == "prosody")
    return next((model.engine for model in fetched if language in ("auto", *model.languages)), "")


def prosody_model(settings: "Settings") -> str:
    """Name the model that judges prosody: the chosen engine's first; empty where none is chosen, or none is known."""
    engine = prosody_engine(settings)
    return _first("prosody", engine, "") if engine else ""


def _first(kind: Kind, engine: str, language: str) -> str:
    known = [model for model in model_manifest.load().values() if model.kind == kind and model.engine == engine]
    for model in known:
        if language in ("", "auto") or "*" in model.languages or language in model.languages:
            return model.name
    if not known:
        return ""
    raise ModelError(
        f"no model for {engine} is known that understands {language!r}",
        f"Name a model or a folder of your own in {kind}.model. {_known(kind)}",
    )


def chosen(settings: "Settings", kinds: Sequence[Kind] = KINDS) -> list[str]:
    """List the models of the manifest that the settings name, for fallbacks too, with all that these need.

    Raises:
        ModelError: if one is neither a known model nor a file or folder of the person's own.
    """
    known = model_manifest.load()
    settings = cloud.local(settings)
    names: dict[Kind, str] = {
        "stt": stt_model(settings),
        "prosody": prosody_model(settings),
        "llm": llm_model(settings),
        "tts": tts_model(settings),
    }
    for kind in kinds:
        if names[kind] and names[kind] not in known:
            _own(kind, names[kind])
    return with_needs(names[kind] for kind in kinds if names[kind] in known)


def with_needs(names: Iterable[str]) -> list[str]:
    """Add to ``names`` the models that these cannot be used without; each is listed once.

    Raises:
        ModelError: if a name is unknown.
    """
    found: list[str] = []
    for name in names:
        found += [need for need in (name, *with_needs(model_manifest.find(name).needs)) if need not in found]
    return found


def missing(settings: "Settings", kinds: Sequence[Kind] = KINDS) -> list[Model]:
    """List the models that the settings name and that were never fetched; looks for their stamps only.

    What is no model of the manifest is left to the engine, which knows what it takes.

    Raises:
        ModelError: if the manifest is missing or damaged.
    """
    known = model_manifest.load()
    try:
        names = chosen(settings, kinds)
    except ModelError:
        return []
    home = models_dir(settings)
    fetched = [known[name] for name in names if not known[name].package]
    return [model for model in fetched if not model_store.present_stamp(home / model.name, model)]


def models_dir(settings: "Settings") -> Path:
    """Give the folder of the models; it need not exist."""
    return Path(settings.models.dir).expanduser() if settings.models.dir else paths.models_dir()


def _own(kind: Kind, name: str) -> Path:
    path = Path(name).expanduser()
    if not name or not path.exists():
        raise ModelError(f"there is no {kind} model and no file or folder {name!r}", _known(kind))
    if kind == "llm" and not path.is_file():
        raise ModelError(f"the llm model {name!r} is a folder", "Name the GGUF file in it")
    return path


def _known(kind: Kind) -> str:
    names = [model.name for model in model_manifest.load().values() if model.kind == kind]
    return f"Known {kind} models: {', '.join(names)}; or give the path of your own"


def not_installed(*names: str) -> ModelError:
    """Say that models are not installed, and the one command that fetches them."""
    one = len(names) == 1
    return ModelError(
        f"the model {names[0]!r} is not installed" if one else f"the models {', '.join(names)} are not installed",
        f"Fetch {'it' if one else 'them'} with: hotpin models pull {' '.join(names)}",
    )


def damaged(model: Model, fault: str) -> ModelError:
    """Say what is wrong with an installed model, and what mends it."""
    return ModelError(
        f"the model {model.name!r} is damaged: {fault}", f"Fetch it again with: hotpin models pull {model.name}"
    )


def in_package(name: str, package: PackageSource) -> Path:
    """Give the file of a model that is part of an installed package.

    Raises:
        ModelError: if it is not there.
    """
    path = package.path()
    if path is None:
        raise ModelError(
            f"the model {name!r} is missing from the package {package.distribution}",
            f"Install it again with: pip install --force-reinstall {package.distribution}",
        )
    return path


def _status(settings: "Settings", model: Model) -> ModelStatus:
    if model.package:
        path = model.package.path()
        return ModelStatus(model, path or Path(model.package.file), path is not None)
    folder = models_dir(settings) / model.name
    stamp = model_store.present_stamp(folder, model)
    return ModelStatus(model, folder / model.entry, stamp is not None and not model_store.size_fault(folder, stamp))


def pins(model: Model, stamp: model_store.Stamp) -> dict[str, str]:
    """Give the SHA-256 that the manifest has for the files of an installed model, by name."""
    return {file.name: file.sha256 for file in model.files(stamp.source)}
