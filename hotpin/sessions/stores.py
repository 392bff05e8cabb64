"""Which store the settings name."""

import os
from importlib.util import find_spec
from pathlib import Path

from hotpin import paths
from hotpin.errors import SettingsError
from hotpin.sessions import redis_address
from hotpin.sessions.base import SessionStore
from hotpin.sessions.memory import MemoryStore
from hotpin.sessions.redis_address import RedisAddress
from hotpin.settings import Settings

MEMORY = "memory"
_SQLITE = "sqlite"
_URL = f"{_SQLITE}://"
_FIX = (
    "Allowed: sqlite (a file in the data folder), sqlite:///FILE (in the working folder), sqlite:////FOLDER/FILE, "
    "sqlite:///~/FILE, redis://HOST:6379/0, rediss://HOST:6379/0 (over TLS), or memory"
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
    address = sessions_redis(settings)
    if address is not None:
        from hotpin.sessions.redis import RedisStore

        return RedisStore(address, settings.sessions.redis_password.get_secret_value(), ttl)
    path = sessions_path(settings)
    if path is None or not (create or path.exists()):
        return MemoryStore(ttl)
    from hotpin.sessions.sqlite import SqliteStore

    if path == paths.sessions_file():
        _make_data_folder_private()
    return SqliteStore(path, ttl, read_only=not create and not _writable(path))


def sessions_path(settings: Settings) -> Path | None:
    """Give the file that the settings name; ``None`` if sessions are kept elsewhere, or in memory.

    Raises:
        SettingsError: if they do not name a store.
    """
    name = settings.sessions.store.strip()
    if name == MEMORY or sessions_redis(settings) is not None:
        return None
    return paths.sessions_file() if name == _SQLITE else _path_of_url(name)


def sessions_redis(settings: Settings) -> RedisAddress | None:
    """Give the Redis that the settings name; ``None`` if they name none.

    Raises:
        SettingsError: if it is named wrongly, or the package that talks to it is missing.
    """
    url = settings.sessions.store.strip()
    if not redis_address.is_redis(url):
        return None
    try:
        address = redis_address.parse(url)
    except ValueError as error:
        raise _wrong(url, str(error)) from error
    if find_spec("redis") is None:
        raise SettingsError(
            f"sessions.store is {url!r}: the package redis is missing", "Install it: pip install 'hotpin[redis]'"
        )
    return address


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
