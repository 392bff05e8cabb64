"""TOML files that people write: read with clear errors, and replaced as a whole or not at all."""

import os
import stat
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from hotpin.errors import SettingsError

MAX_BYTES = 1 << 20
"""Bytes. What is longer was not written by hand."""


def read(path: Path) -> str | None:
    """Read a text file; ``None`` if there is none.

    Raises:
        SettingsError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        # Some editors begin a file with a byte-order mark, which TOML does not allow.
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} cannot be read: it is not UTF-8 text ({error.reason})") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{path} cannot be read: it has more than {MAX_BYTES >> 20} MiB")
    return text


def parse(text: str, path: Path) -> dict[str, Any]:
    """Parse the text of a file.

    Raises:
        SettingsError: naming the file and the line if it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a plain ValueError is a number of too many digits
        raise SettingsError(f"{path} is not valid TOML: {error}") from error


def replace(path: Path, text: str, *, private: bool) -> None:
    """Write a file in one step: whatever happens, either the old or the new one is there, whole.

    Args:
        path: where; a link is followed, and folders are made.
        text: what.
        private: whether only the person may read it; else it keeps the mode it has.

    Raises:
        SettingsError: if it cannot be written.
    """
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() and not private else 0o600
        descriptor, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).chmod(mode)
            Path(scratch).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(scratch).unlink()
            raise
    except (OSError, RuntimeError) as error:
        raise SettingsError(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or error}",
            "Make its folder writable, or let HOTPIN_HOME name another one",
        ) from error
