"""Check of the store that keeps sessions."""

import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hotpin.doctor.check import Check, counted
from hotpin.doctor.machine import writable
from hotpin.errors import SettingsError, StoreError
from hotpin.sessions.stores import open_store, sessions_path, sessions_redis
from hotpin.settings import Settings

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Rights that nobody else should have on what was said."""


def sessions(chosen: Settings) -> Iterator[Check]:
    """Whether sessions can be kept, and read by nobody else; a store that is not there yet is not made."""
    fix = "Give yourself the right to write it, or name another file with sessions.store"
    try:
        file, elsewhere = sessions_path(chosen), sessions_redis(chosen)
        if elsewhere is not None:
            yield _check(f"{_count(chosen)} in {elsewhere}")
        elif file is None:
            yield _check("kept in memory, gone when Hotpin ends")
        elif file.exists():
            yield _existing(chosen, file)
        elif writable(file.parent):
            yield _check(f"none yet; they will be kept in {file}")
        else:
            yield _unusable(f"the folder of {file} may not be written to", fix)
    except (SettingsError, StoreError) as error:
        yield _unusable(error.message, error.fix or fix)
    except OSError as error:
        yield _unusable(f"they cannot be looked at: {error}", fix)


def _existing(chosen: Settings, file: Path) -> Check:
    number = _count(chosen)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & OTHERS:
        return _check(f"others may read {file}: its permissions are {mode:o}", f"chmod 600 {file}")
    return _check(f"{number} in {file}")


def _count(chosen: Settings) -> str:
    with closing(open_store(chosen)) as store:
        return counted(len(store.sessions()), "session")


def _check(detail: str, fix: str = "") -> Check:
    return Check("sessions", ok=not fix, detail=detail, fix=fix, required=False)


def _unusable(detail: str, fix: str) -> Check:
    """Say why no conversation can be kept: a call does not even begin then."""
    return Check("sessions", ok=False, detail=detail, fix=fix)
