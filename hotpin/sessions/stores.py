"""Which store the settings name."""

import os
from pathlib import Path

from hotpin import paths
from hotpin.errors import SettingsError
from hotpin.sessions.base import SessionStore
from hotpin.sessions.memory import MemoryStore
from hotpin.settings import Settings

MEMORY = "memory"
_SQLITE = "sqlite"
_URL = f"{_SQLITE}://"
_FIX = (
    "Allowed: sqlite (a file in the data folder), sqlite:///FILE (in the working folder), sqlite:////FOLDER/FILE, "
    "sqlite:///~/FILE, or memory"
)


def open_store(settings: Settings, *, create: bool = True) -> SessionStore:
    """Open the store of the settings, and delete what has expired in it.

    Args:
        settings: ``sessions.store`` and ``sessions.ttl``.
        create: whether to make a file that is not there; else the store is empty, and forgets what it is given, and one
            that may not be written is opened to be read.

    Raises:
        SettingsError: if the settings do not name a store.
        StoreError: if it cannot be opened.
    """
    ttl = settings.sessions.ttl
    path = sessions_path(settings)
    if path is None or not (create or path.exists()):
        return MemoryStore(ttl)
    from hotpin.sessions.sqlite import SqliteStore

    if path == paths.sessions_file():
        _make_data_folder_private()
    return SqliteStore(path, ttl, read_only=not create and not _writable(path))


def sessions_path(settings: Settings) -> Path | None:
    """Give the file that the settings name; ``None`` if sessions are kept in memory.

    Raises:
        SettingsError: if they do not name a store.
    """
    name = settings.sessions.store.strip()
    if name == MEMORY:
        return None
    return paths.sessions_file() if name == _SQLITE else _path_of_url(name)


def _path_of_url(url: str) -> Path:
    """Read a URL as SQLAlchemy does: what follows the third slash is the path."""
    if not url.startswith(_URL):
        raise _wrong(url, "there is no such store")
    host, slash, path = url.removeprefix(_URL).partition("/")
    if host:
        raise _wrong(
            url, f"it needs three slashes, and four if the path begins at the root; {host!r} is read as a host"
        )
    if not slash or not path:
        raise _wrong(url, "it names no file")
    if path == ":memory:":
        raise _wrong(url, "write memory instead")
    if "?" in path or "\0" in path:
        raise _wrong(url, "a path without options is needed")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise _wrong(url, "there is no such home folder") from error


def _wrong(url: str, why: str) -> SettingsError:
    return SettingsError(f"sessions.store is {url!r}: {why}", _FIX)


def _writable(file: Path) -> bool:
    """Whether a file may be written, and others made beside it, as SQLite does."""
    effective = os.access in os.supports_effective_ids
    return all(os.access(place, os.W_OK, effective_ids=effective) for place in (file, file.parent))


def _make_data_folder_private() -> None:
    """Only the person may look into the folder of what they said; failing that, the file itself is private."""
    folder = paths.data_dir()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError:
        return
