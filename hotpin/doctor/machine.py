"""Checks of the machine: Python, settings, folders, processor, memory, disk."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from hotpin import model_manifest, models, paths
from hotpin.doctor.check import Check, counted
from hotpin.doctor.engines import needed_models
from hotpin.environment import available_cores
from hotpin.errors import ModelError
from hotpin.registry import Kind
from hotpin.setting_layers import examine
from hotpin.settings import Settings

MINIMUM_PYTHON = (3, 11)

BASE_MEMORY_BYTES = 300 << 20
"""Bytes of memory besides recogniser, language model and voice: Python, the libraries, the interface."""

MEMORY_PER_FILE_BYTE = 1.2
"""Bytes of memory for each byte of a person's own model, of which nothing more is known."""

SPARE_MODEL_BYTES = 1 << 30
"""Room for another small model."""

SPARE_DATA_BYTES = 16 << 20
"""Room for years of sessions."""


def python(_: Settings) -> Iterator[Check]:
    """Whether this Python is new enough."""
    new_enough = sys.version_info >= MINIMUM_PYTHON
    yield Check(
        "python",
        new_enough,
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if new_enough else f"Install Python {'.'.join(map(str, MINIMUM_PYTHON))} or newer",
    )


def load_settings() -> tuple[Settings, Check]:
    """Load the settings; where they are wrong, the other checks go on with the rest of them."""
    try:
        found = examine()
        file = paths.config_file()
        detail = f"{file}" if file.is_file() else f"defaults: there is no {file}"
    except (OSError, RuntimeError) as error:  # a folder that may not be entered, a home that is not known
        fix = "Allow it, or let HOTPIN_HOME name another folder"
        return Settings(), Check("settings", ok=False, detail=f"they cannot be read: {error}", fix=fix)
    if not found.problems:
        found.tell_warnings()
        return found.settings, Check("settings", ok=True, detail=detail)
    first, more = found.problems[0].error, len(found.problems) - 1
    detail = first.message + (f" (and {more} more: hotpin config show)" if more else "")
    return found.settings, Check("settings", ok=False, detail=detail, fix=first.fix or "Correct it")


def folders(chosen: Settings) -> Iterator[Check]:
    """Whether Hotpin may write where it keeps things."""
    homes = {"settings": paths.config_dir(), "sessions": paths.data_dir(), "models": models.models_dir(chosen)}
    locked = {use: folder for use, folder in homes.items() if not writable(folder)}
    if locked:
        detail = "not to be written to: " + ", ".join(f"{use} in {folder}" for use, folder in locked.items())
        places = sorted({str(_existing(folder)) for folder in locked.values()})
        fix = f"Allow it: chmod u+rwx {' '.join(places)}; or let HOTPIN_HOME name another folder"
        yield Check("folders", ok=False, detail=detail, fix=fix, required=False)
    else:
        detail = ", ".join(f"{use} in {folder}" for use, folder in homes.items())
        yield Check("folders", ok=True, detail=detail, required=False)


def processor(chosen: Settings) -> Iterator[Check]:
    """Whether no engine has more threads than there are cores."""
    cores = available_cores()
    busy = [
        f"{section}.threads = {threads}"
        for section, threads in (("stt", chosen.stt.threads), ("llm", chosen.llm.threads), ("tts", chosen.tts.threads))
        if threads > cores
    ]
    yield Check(
        "processor",
        ok=not busy,
        detail=counted(cores, "core") + (f", but {', '.join(busy)}" if busy else ""),
        fix="Set them to 0: more threads than cores slow each other down" if busy else "",
        required=False,
    )


def memory(chosen: Settings) -> Iterator[Check]:
    """Whether what is chosen fits into memory."""
    need = BASE_MEMORY_BYTES + sum(_model_memory(chosen, kind, name) for kind, name in needed_models(chosen))
    there = memory_bytes()
    enough = there is None or there >= need
    yield Check(
        "memory",
        ok=enough,
        detail=f"{'unknown' if there is None else _size(there)}; about {_size(need)} are needed",
        fix="" if enough else "Choose a smaller model: hotpin models list",
        required=False,
    )


def memory_bytes() -> int | None:
    """Memory of this machine; ``None`` where the system does not tell it this way."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def disk(chosen: Settings) -> Iterator[Check]:
    """Whether there is room for models and sessions."""
    needs = (("models", models.models_dir(chosen), SPARE_MODEL_BYTES), ("sessions", paths.data_dir(), SPARE_DATA_BYTES))
    free = {use: shutil.disk_usage(_existing(folder)).free for use, folder, _ in needs}
    full = [use for use, _, need in needs if free[use] < need]
    yield Check(
        "disk",
        ok=not full,
        detail=", ".join(f"{_size(free[use])} free for {use} in {folder}" for use, folder, _ in needs),
        fix="Make room, or let models.dir or HOTPIN_HOME name a folder on another disk" if full else "",
        required=False,
    )


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


def writable(folder: Path) -> bool:
    """Whether a folder may be written to, or made."""
    there = _existing(folder)
    # As whom the file system sees this process, where it can be asked for that.
    effective = os.access in os.supports_effective_ids
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK, effective_ids=effective)


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that can be seen."""
    # os.path: Path.exists raises where a folder may not be entered.
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if os.path.exists(place))  # noqa: PTH110


def _size(number: int) -> str:
    return f"{number / 2**30:.1f} GiB"
