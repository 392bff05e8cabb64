"""Models from a release page: one file, or a zip archive."""

import stat
import urllib.parse
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from hotpin.errors import ModelError
from hotpin.model_manifest import ModelFile, WebSource
from hotpin.model_sources import base, download
from hotpin.model_sources.base import Progress, Scratch

_BLOCK_BYTES = 1 << 20
_MOST_FILES = 10_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def fetch(source: WebSource, scratch: Scratch, progress: Progress) -> tuple[ModelFile, ...]:
    """Download the file, or the archive and unpack it.

    Where no hash is known, HTTPS alone vouches for the first pull: what came is pinned from then on.

    Returns:
        The files; without a SHA-256 where they came out of an archive, which was checked as a whole.

    Raises:
        ModelError: if it cannot be had, is not what it must be, or is not safe to unpack.
        OSError: if the disk fails.
    """
    remote = _remote(source)
    total = source.download_bytes
    path = download.fetch(remote, scratch.downloads, base.capped(progress, total))
    if source.is_archive:
        files = _unpack(path, source, scratch.ready)
    else:
        (file,) = files = source.files
        path.replace(scratch.ready / file.name)
    progress(total, total)
    return files


def _remote(source: WebSource) -> download.Remote:
    sha256 = source.sha256 if source.is_archive else source.files[0].sha256
    address = urllib.parse.urlsplit(source.url)
    if not sha256 and address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ModelError(f"neither a hash nor HTTPS vouches for {source.url}")
    return download.Remote(source.url, sha256, source.download_bytes)


def _unpack(path: Path, source: WebSource, into: Path) -> tuple[ModelFile, ...]:
    """Unpack what is in the archive's folder; refuse an archive that reaches out of it, or is larger than it may be."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, source)
            for name, member in members.items():
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as content, (into / name).open("wb") as out:
                    while block := content.read(_BLOCK_BYTES):  # never more than the size that was checked
                        out.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise ModelError(f"the archive is broken ({error})", retryable=True) from error
    return tuple(ModelFile(name, member.file_size) for name, member in members.items())


def _members(archive: zipfile.ZipFile, source: WebSource) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MOST_FILES or sum(info.file_size for info in infos) > 2 * source.installed_bytes:
        raise ModelError(f"the archive unpacks to more than twice the {source.installed_bytes >> 20} MiB expected")
    members = {}
    for info in infos:
        place = PurePosixPath(info.filename)
        if place.is_absolute() or ".." in place.parts or "\\" in info.filename or ":" in info.filename:
            raise ModelError(f"the archive reaches out of its folder: {info.filename!r}")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(f"the archive has a link in it: {info.filename!r}")
        if not info.is_dir() and place.is_relative_to(source.folder):
            members[str(place.relative_to(source.folder))] = info
    if not members:
        raise ModelError(f"there is no folder {source.folder} in the archive")
    return members
