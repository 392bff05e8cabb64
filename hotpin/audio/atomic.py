"""A file that appears at its name only when it is complete."""

import secrets
from pathlib import Path
from typing import BinaryIO

from hotpin.errors import AudioError


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
