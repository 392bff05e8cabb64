"""A file that appears at its name only when it is complete."""

import secrets
from pathlib import Path
from typing import BinaryIO

from hotpin.errors import AudioError

_WAV_HEAD_BYTES = 12


def refuse_source(target: Path, source: Path) -> None:
    """Refuse to write over what is being read.

    Raises:
        AudioError: if both are one file, by whatever names.
    """
    if source.exists() and target.exists() and target.samefile(source):
        raise AudioError(f"{str(target)!r} is the recording itself", "Give the new one another name")


def refuse_other_files(target: Path) -> None:
    """Refuse to replace a file that is no WAV; an empty one holds nothing that could be lost.

    Raises:
        AudioError: if there is such a file, or it cannot be looked at.
    """
    try:
        if not target.is_file():
            return
        with target.open("rb") as file:
            head = file.read(_WAV_HEAD_BYTES)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise AudioError(f"{str(target)!r} cannot be looked at: {reason}", "Name another file") from error
    if head and head[8:] != b"WAVE":
        raise AudioError(f"{str(target)!r} exists already and is no WAV", "Choose another name, or delete it first")


class AtomicFile:
    """Writes beside the target and renames at the end, so the target is never half a file.

    Whoever opens it must either ``complete`` or ``discard`` it.

    Args:
        path: the file to write; one that exists is replaced.

    Raises:
        AudioError: if the file cannot be written, now or at any later step.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if path.exists() and not path.is_file():
                raise AudioError(f"{str(path)!r} is not an ordinary file", "Name a file that may be replaced")
            # Through a symbolic link, as any other program that writes a file.
            self._target = path.resolve()
            self._part = self._target.with_name(f".hotpin-{secrets.token_hex(8)}.part")
            self.file: BinaryIO = self._part.open("xb")
        except OSError as error:
            raise self.failure(error) from error

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        try:
            self.file.write(data)
        except OSError as error:
            raise self.failure(error) from error

    def complete(self, head: bytes = b"") -> None:
        """Let the file appear, with ``head`` over what it began with; if that fails, leave no trace of it."""
        try:
            with self.file:
                if head:
                    self.file.seek(0)
                    self.file.write(head)
            self._part.replace(self._target)
        except OSError as error:
            raise self.failure(error) from error
        finally:
            self._part.unlink(missing_ok=True)

    def discard(self) -> None:
        """Leave no trace of the file."""
        try:
            self.file.close()
        except OSError:
            pass  # what is still to be written need not be
        finally:
            self._part.unlink(missing_ok=True)

    def failure(self, error: OSError) -> AudioError:
        """Explain why the file cannot be written."""
        reason = error.strerror or type(error).__name__
        return AudioError(
            f"{str(self._path)!r} cannot be written: {reason}",
            "Choose a folder that exists, that you may write to and that has room",
        )
