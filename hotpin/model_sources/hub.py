"""Models from the model hub: its library says where the files are and what they must be."""

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

from hotpin.errors import ModelError
from hotpin.model_manifest import HubSource, ModelFile
from hotpin.model_sources import base, download
from hotpin.model_sources.base import Progress, Scratch

TIMEOUT_SECONDS = 10.0
"""s. Patience with a hub that does not answer; long enough for a slow line, short enough to try a mirror."""

_SHA256_DIGITS = 64
_SHA1_DIGITS = 40


def fetch(source: HubSource, scratch: Scratch, progress: Progress) -> tuple[ModelFile, ...]:
    """Download the files from the model hub; ``HF_ENDPOINT``, its token and their kin are respected.

    Returns:
        The files with the sizes the hub states and the SHA-256 each must have: the manifest's, else the hub's own. It
        is empty for a small file that the hub keeps in git and that was checked by its git hash here.

    Raises:
        ModelError: if the hub cannot be reached, a file is not there, or nothing is known to check it against.
        OSError: if the disk fails.
    """
    # Slow to import, and only needed here.
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # documented, but not in __all__

    # Read now: huggingface_hub itself reads it once, when it is first imported.
    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        revision, files, git_hashes = _metadata(source, endpoint)
    except ModelError:
        raise
    except Exception as error:  # it lets its HTTP library through, another one from version to version
        raise ModelError(_failure(error), retryable=True) from error
    total = sum(file.bytes for file in files)
    done = 0
    for file in files:
        url = hf_hub_url(source.repo, file.parts[0], revision=revision, endpoint=endpoint)
        remote = download.Remote(url, file.sha256, file.bytes, build_hf_headers())
        path = download.fetch(remote, scratch.downloads, base.capped(progress, total, done))
        if file.name in git_hashes and git_hash(path) != git_hashes[file.name]:
            raise ModelError(f"{file.name} is not what the hub says it is (git hash)", retryable=True)
        (scratch.ready / file.name).parent.mkdir(parents=True, exist_ok=True)
        path.replace(scratch.ready / file.name)
        done += file.bytes
    progress(total, total)
    return files


def git_hash(path: Path) -> str:
    """Return the hash by which git, and so the hub, knows a small file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _metadata(source: HubSource, endpoint: str | None) -> tuple[str, tuple[ModelFile, ...], dict[str, str]]:
    """Ask the hub for the commit, for the size and SHA-256 of each file, and for the git hashes of unpinned others."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    revision, files, git_hashes = source.revision, [], {}
    for file in source.files:
        url = hf_hub_url(source.repo, file.parts[0], revision=revision, endpoint=endpoint)
        stated = get_hf_file_metadata(url, timeout=TIMEOUT_SECONDS)
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


def _failure(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"it answered with HTTP status {response.status_code}"
    if "Offline" in type(error).__name__:
        return "HF_HUB_OFFLINE is set"
    name, reason = type(error).__name__, (str(error).splitlines() or ["no details"])[0]
    return f"it could not be reached ({reason})" if re.search("Connect|Timeout", name) else f"{name}: {reason}"
