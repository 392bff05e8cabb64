"""A model's folder on the disk: its stamp, the check of its files, and how it comes into place all at once.

The stamp is a small file in the folder. It is written after every file had the right SHA-256, and the folder gets its
name after that: what has a stamp was whole once.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hotpin.errors import ModelError
from hotpin.model_manifest import SOURCE_NAMES, Model, ModelFile, SourceName
from hotpin.model_sources import Scratch

log = logging.getLogger(__name__)

STAMP_NAME = ".hotpin.json"
_REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class StampedFile:
    """A file as it was when it was last found to be right."""

    name: str
    """Path below the model's folder."""

    bytes: int
    """Size in bytes."""

    mtime_ns: int
    """Time of its last change, ns since 1970; another time means that it has to be checked again."""

    sha256: str
    """In hexadecimal."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is known of an installed model."""

    source: SourceName
    """Where it was fetched from."""

    files: tuple[StampedFile, ...]
    """All of its files."""


def read_stamp(folder: Path) -> Stamp | None:
    """Read a folder's stamp; ``None`` where there is no readable one, so no installed model."""
    try:
        values = json.loads((folder / STAMP_NAME).read_text("utf-8"))
        return Stamp(values["source"], tuple(StampedFile(**file) for file in values["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def present_stamp(folder: Path, model: Model) -> Stamp | None:
    """Read the stamp of ``model``'s folder; ``None`` too where it holds other files than the manifest names by now."""
    stamp = read_stamp(folder)
    if stamp is None or not {file.name for file in model.files(stamp.source)} <= {file.name for file in stamp.files}:
        return None
    return stamp


def size_fault(folder: Path, stamp: Stamp) -> str:
    """Say which file is missing or has the wrong size; empty if none. Reads no content."""
    for file in stamp.files:
        try:
            size = (folder / file.name).stat().st_size
        except OSError:
            return f"{file.name} is missing"
        if size != file.bytes:
            return f"{file.name} has {size} bytes instead of {file.bytes}"
    return ""


def hash_fault(folder: Path, files: Iterable[StampedFile], pins: Mapping[str, str]) -> str:
    """Say which of the files has the wrong SHA-256; empty if none.

    Args:
        folder: the model's folder.
        files: those to read.
        pins: SHA-256 by name as the manifest has it; the stamp's counts where that is missing or empty.
    """
    for file in files:
        expected = pins.get(file.name) or file.sha256
        try:
            found = _sha256(folder / file.name)
        except OSError as error:
            return f"{file.name} cannot be read ({error.strerror})"
        if found != expected:
            return f"{file.name} has the SHA-256 {found} instead of {expected}"
    return ""


def touched_fault(folder: Path, stamp: Stamp, pins: Mapping[str, str]) -> str:
    """Like `hash_fault`, of the files whose time is not the stamp's, as after a copy; right ones are stamped anew."""
    times = {file.name: (folder / file.name).stat().st_mtime_ns for file in stamp.files}
    touched = [file for file in stamp.files if file.mtime_ns != times[file.name]]
    fault = hash_fault(folder, touched, pins)
    if touched and not fault:
        files = tuple(replace(file, mtime_ns=times[file.name]) for file in stamp.files)
        try:
            _write_stamp(folder, replace(stamp, files=files))
        except OSError as error:
            log.info("the check of %s cannot be remembered: %s", folder, error)
    return fault


def seal(folder: Path, source: SourceName, files: Iterable[ModelFile]) -> None:
    """Check every fetched file, make it durable, and write the stamp.

    Args:
        folder: where the files are.
        source: where they were fetched from.
        files: what they must be.

    Raises:
        ModelError: if a file is not what it must be.
        OSError: if the disk fails.
    """
    stamped = []
    for file in files:
        path = folder / file.name
        status, sha256 = path.stat(), _sha256(path)
        if file.sha256 and sha256 != file.sha256:
            raise ModelError(f"{file.name} has the SHA-256 {sha256} instead of {file.sha256}", retryable=True)
        _sync_file(path)
        stamped.append(StampedFile(file.name, status.st_size, status.st_mtime_ns, sha256))
    _write_stamp(folder, Stamp(source, tuple(stamped)))
    _sync_folder(folder)


def put(ready: Path, target: Path, scratch: Path) -> None:
    """Give a finished folder its name; one that had the name before goes with the scratch folder.

    Raises:
        OSError: if the disk fails.
    """
    set_aside(target, scratch)
    ready.rename(target)
    _sync_folder(target.parent)


def set_aside(folder: Path, scratch: Path) -> None:
    """Take the name from a folder, if it is there: it goes with the scratch folder.

    Raises:
        OSError: if the disk fails.
    """
    if folder.exists():
        shutil.rmtree(scratch / _REPLACED, ignore_errors=True)
        folder.rename(scratch / _REPLACED)


def scratch(folder: Path, source: SourceName) -> Scratch:
    """Make the folders for one source; of what an earlier pull left there only its downloads stay.

    Raises:
        OSError: if they cannot be made.
    """
    made = Scratch(folder / "ready", folder / "temporary", folder / source)
    for path in (made.ready, made.temporary):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    made.downloads.mkdir(exist_ok=True)
    return made


def keep_downloads(folder: Path) -> None:
    """Clear a scratch folder after a failure; it stays only if a download is in it that can go on."""
    for path in folder.iterdir():
        if path.name not in SOURCE_NAMES or not any(path.glob("*.part")):
            shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def locked(path: Path, name: str) -> Iterator[None]:
    """Let one pull of a model work at a time; the system frees the lock if the process dies.

    Args:
        path: the lock's file, which stays: removing it would let two processes lock two files of one name.
        name: the model, to say what is waited for.

    Raises:
        OSError: if the file cannot be made.
    """
    try:
        import fcntl
    except ImportError:  # Windows: two pulls of one model at once are not guarded there
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("the model %s is being fetched already; waiting for it", name)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_stamp(folder: Path, stamp: Stamp) -> None:
    written = folder / f"{STAMP_NAME}.{os.getpid()}"
    try:
        written.write_text(json.dumps(asdict(stamp), indent=1), "utf-8")
        _sync_file(written)
        written.replace(folder / STAMP_NAME)
    finally:
        with suppress(OSError):
            written.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
