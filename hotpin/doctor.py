"""Is everything there that Hotpin needs? One check for each thing, and what to do where it is not."""

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hotpin import model_manifest, models, paths, registry, settings
from hotpin.errors import AudioError, HotpinError, ModelError, SettingsError
from hotpin.registry import EngineInfo, Kind
from hotpin.settings import Settings

MINIMUM_PYTHON = (3, 11)

BASE_MEMORY_BYTES = 300 << 20
"""Bytes of memory besides recogniser and language model: Python, the libraries, the voice, the interface."""

MEMORY_PER_FILE_BYTE = 1.2
"""Bytes of memory for each byte of a person's own model, of which nothing more is known."""

SPARE_DISK_BYTES = 1 << 30
"""Room for another small model."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found about one thing."""

    name: str
    """What was looked at."""

    ok: bool
    """Whether it is as it should be."""

    detail: str
    """What was found, in one line."""

    fix: str = ""
    """What to do about it, or what would be better still; empty where there is nothing to do."""

    required: bool = True
    """Whether Hotpin is of no use without it."""


def examine() -> list[Check]:
    """Make every check, in the order in which a person should put things right."""
    chosen, settings_check = _settings()
    return [
        _python(),
        settings_check,
        *(_model(chosen, kind, name) for kind, name in _chosen_models(chosen)),
        _engine("vad", lambda: registry.build_vad(chosen).info),
        _engine("stt", lambda: registry.build_stt(chosen).info),
        _engine("llm", lambda: registry.build_llm(chosen).info),
        _engine("tts", lambda: registry.build_tts(chosen).info),
        _native(),
        _sound_output(chosen.audio.output),
        _cores(chosen),
        _memory(chosen),
        _disk(chosen),
        _network(chosen),
    ]


def healthy(checks: list[Check]) -> bool:
    """Whether everything that is required is there."""
    return all(check.ok for check in checks if check.required)


def _python() -> Check:
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    return Check(
        "python",
        sys.version_info >= MINIMUM_PYTHON,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if sys.version_info >= MINIMUM_PYTHON else f"Install Python {wanted} or newer",
    )


def _settings() -> tuple[Settings, Check]:
    """Load the settings; where they are wrong, the other checks go on with the defaults."""
    try:
        loaded = settings.load()
    except SettingsError as error:
        return Settings(), Check("settings", ok=False, detail=error.message, fix=error.fix or "Correct it")
    file = paths.config_file()
    return loaded, Check("settings", ok=True, detail=f"{file}" if file.is_file() else f"defaults: there is no {file}")


def _chosen_models(chosen: Settings) -> list[tuple[Kind, str]]:
    return [("stt", models.stt_model(chosen)), ("llm", chosen.llm.model)]


def _model(chosen: Settings, kind: Kind, name: str) -> Check:
    try:
        path = models.resolve(chosen, kind, name)
    except ModelError as error:
        return Check(f"{kind} model", ok=False, detail=error.message, fix=error.fix)
    return Check(f"{kind} model", ok=True, detail=f"{name}: {path}")


def _engine(kind: Kind, info: Callable[[], EngineInfo]) -> Check:
    names = ", ".join(registry.names(kind))
    try:
        engine = info()
    except HotpinError as error:
        return Check(f"{kind} engine", ok=False, detail=error.message, fix=error.fix)
    described = ", ".join(filter(None, (engine.name, engine.model, engine.detail)))
    return Check(f"{kind} engine", ok=True, detail=f"{described} (there are: {names})")


def _native() -> Check:
    name = "llama.cpp for this CPU"
    try:
        version = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return Check(
            name,
            ok=True,
            detail="not compiled; the prebuilt xllamacpp is used",
            fix="For about a tenth more words a second and a quicker first word: make native (7 to 12 minutes, once)",
            required=False,
        )
    return Check(name, ok=True, detail=f"llama-cpp-python {version}", required=False)


def _sound_output(device: str) -> Check:
    name = "sound output"
    try:
        detail = _output_name(device)
    except AudioError as error:
        return Check(name, ok=False, detail=error.message, fix=error.fix, required=False)
    return Check(name, ok=True, detail=detail, required=False)


def _output_name(device: str) -> str:
    """Name the loudspeaker that would be used.

    Raises:
        AudioError: if PortAudio is missing or there is no such device.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise AudioError(
            "the PortAudio library is missing, so there is no sound", "sudo apt-get install libportaudio2"
        ) from error
    try:
        found = sounddevice.query_devices(int(device) if device.isdigit() else device or None, "output")
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(
            f"there is no sound output {device!r}" if device else "there is no sound output",
            "Connect one, or do without: hotpin demo and hotpin ask --out write to a file",
        ) from error
    return str(found["name"])


def _cores(chosen: Settings) -> Check:
    cores = _core_count()
    busy = [
        f"{section}.threads = {threads}"
        for section, threads in (("stt", chosen.stt.threads), ("llm", chosen.llm.threads), ("tts", chosen.tts.threads))
        if threads > cores
    ]
    return Check(
        "processor",
        ok=not busy,
        detail=f"{cores} core(s)" + (f", but {', '.join(busy)}" if busy else ""),
        fix="Set them to 0: more threads than cores slow each other down" if busy else "",
        required=False,
    )


def _core_count() -> int:
    """Cores this process may use: fewer than there are, in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory(chosen: Settings) -> Check:
    need = BASE_MEMORY_BYTES + sum(_model_memory(chosen, kind, name) for kind, name in _chosen_models(chosen))
    there = _memory_bytes()
    return Check(
        "memory",
        ok=there is None or there >= need,
        detail=f"{'unknown' if there is None else _size(there)}; about {_size(need)} are needed",
        fix="" if there is None or there >= need else "Choose a smaller model: hotpin models list",
        required=False,
    )


def _memory_bytes() -> int | None:
    """Memory of this machine; ``None`` where the system does not tell it this way."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _model_memory(chosen: Settings, kind: Kind, name: str) -> int:
    """Bytes of memory that a model takes; 0 where it is missing, of which another check tells."""
    try:
        known = model_manifest.load().get(name)
        if known is not None:
            return known.memory_mb * 1_000_000
        path = models.resolve(chosen, kind, name)
    except ModelError:
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    return int(MEMORY_PER_FILE_BYTE * sum(file.stat().st_size for file in files if file.is_file()))


def _disk(chosen: Settings) -> Check:
    folder = models.models_dir(chosen)
    free = shutil.disk_usage(_existing(folder)).free
    return Check(
        "disk",
        ok=free >= SPARE_DISK_BYTES,
        detail=f"{_size(free)} free for models in {folder}",
        fix="" if free >= SPARE_DISK_BYTES else "Make room, or let the setting models.dir name another folder",
        required=False,
    )


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that exists."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _network(chosen: Settings) -> Check:
    if chosen.models.offline:
        return Check("network", ok=True, detail="never used (models.offline)", required=False)
    return Check("network", ok=True, detail="not used, but by: hotpin models pull", required=False)


def _size(number: int) -> str:
    return f"{number / 2**30:.1f} GiB"
