"""A session as a file of its own."""

import json
import secrets
from pathlib import Path
from typing import Literal

from hotpin.errors import StoreError
from hotpin.sessions import texts
from hotpin.sessions.base import Session

Format = Literal["json", "markdown"]


def exported(session: Session, output_format: Format) -> str:
    """Give a session with all its turns as the text of a file."""
    if output_format == "json":
        return json.dumps(texts.as_dict(session), ensure_ascii=False, indent=2) + "\n"
    return texts.markdown(session)


def format_of(path: Path | None) -> Format:
    """Tell by the name of a file what belongs into it."""
    return "json" if path is not None and path.suffix.lower() == ".json" else "markdown"


def write(path: Path, text: str, *, replace: bool) -> None:
    """Write a file that only the person may read and that appears when it is whole.

    Raises:
        StoreError: if there is one and it is not to be replaced, or it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            raise StoreError(f"{str(path)!r} is not an ordinary file", "Name another")
        if path.exists() and not replace:
            raise StoreError(f"{str(path)!r} exists already", "Name another file, or replace it with --force")
        target = path.resolve()
        part = target.with_name(f".hotpin-{secrets.token_hex(8)}.part")
        try:
            part.touch(mode=0o600, exist_ok=False)
            part.write_text(text, encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{str(path)!r} cannot be written: {error.strerror or error}",
            "Choose a folder that exists, that you may write to and that has room",
        ) from error
