"""One Hotpin at a time: whoever holds the microphone says so, since two that listen would both answer."""

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from hotpin import paths
from hotpin.errors import HotpinError

LOCK_NAME = "microphone.lock"

PRIVATE = 0o700
"""Mode of a folder that only its owner may look into."""


class InUse(HotpinError):  # noqa: N818 - it says what is the case
    """Another Hotpin is running already."""


class Claim:
    """The right to the microphone, until it is released or the process ends, however it ends."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have it; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)  # the lock goes with it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def claim_microphone() -> Claim:
    """Claim the microphone for this process.

    Raises:
        InUse: if another Hotpin has it, by its process id.
        HotpinError: if the runtime folder cannot be used.
    """
    folder = private_runtime_dir()
    try:
        import fcntl
    except ImportError:  # Windows: two that listen at once are not guarded against there
        return Claim(None)
    path = folder / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HotpinError(f"{path} cannot be used: {error.strerror}", "Remove it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise InUse(
            f"another Hotpin listens already (process {holder})", "End it first: hotpin stop ends the daemon"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
    return Claim(descriptor)


def private_runtime_dir() -> Path:
    """Give the runtime folder, made if need be, once it is certain that nobody else can look into it.

    Raises:
        HotpinError: if it cannot be made, or belongs to somebody else.
    """
    folder = paths.runtime_dir()
    fix = "Set XDG_RUNTIME_DIR, or HOTPIN_HOME, to a folder of your own"
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            raise HotpinError(f"{folder} is not a folder of yours", fix)
        folder.chmod(PRIVATE)
    except OSError as error:
        raise HotpinError(f"the runtime folder {folder} cannot be used: {error.strerror}", fix) from error
    return folder
