"""A terminal for the screen alone: whatever else is printed goes to a file."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotpin.errors import HotpinError

MAX_LOG_BYTES = 1 << 20
"""Bytes that the log may have; then only the last quarter of it is kept. Some libraries print at every turn."""

CHECK_SECONDS = 5.0
"""s between two looks at how long it is."""

_STREAMS = (1, 2)


@contextmanager
def kept_clean(log_file: Path) -> Iterator[None]:
    """Give Textual a copy of the terminal, and send standard output and standard error to ``log_file`` meanwhile.

    Native libraries (ALSA, llama.cpp, Vosk) print on the very descriptor that Textual draws on.

    Raises:
        HotpinError: if there is no terminal, or the file cannot be written.
    """
    terminal = next((stream for stream in reversed(_STREAMS) if os.isatty(stream)), None)
    if terminal is None or not os.isatty(0):
        raise HotpinError(
            "the full-screen interface needs a terminal", "Through a pipe or without one: hotpin start-call"
        )
    log, over = _opened(log_file), threading.Event()
    threading.Thread(target=_bound, args=(log, over), name="hotpin-log", daemon=True).start()
    before = [os.dup(stream) for stream in _STREAMS]
    names = sys.__stdout__, sys.__stderr__
    with os.fdopen(os.dup(terminal), "w", encoding="utf-8") as screen:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for stale in ("COLUMNS", "LINES"):  # GNU readline, for one, sets them: then the terminal is never asked
            os.environ.pop(stale, None)
        # Textual asks the one for the terminal's size and draws on the other.
        sys.__stdout__ = sys.__stderr__ = screen  # type: ignore[misc]
        for stream in _STREAMS:
            os.dup2(log, stream)
        try:
            yield
        finally:
            sys.__stdout__, sys.__stderr__ = names  # type: ignore[misc]
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for copy, number in zip(before, _STREAMS, strict=True):
                os.dup2(copy, number)
                os.close(copy)
            over.set()  # the log's descriptor is left to that thread


def _opened(log_file: Path) -> int:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    except OSError as error:
        raise HotpinError(
            f"the log file {log_file} cannot be written: {error.strerror}", "Free space, or set HOTPIN_HOME"
        ) from error


def _bound(log: int, over: threading.Event) -> None:
    """Keep the log short until ``over``, then close it."""
    while not over.wait(CHECK_SECONDS):
        keep_end(log, MAX_LOG_BYTES)
    os.close(log)


def keep_end(log: int, most: int) -> None:
    """Cut a file that is open for appending to the last quarter of ``most`` bytes, if it has more than ``most``."""
    size = os.fstat(log).st_size
    if size > most:
        kept = os.pread(log, most // 4, size - most // 4)
        os.ftruncate(log, 0)
        os.write(log, kept)
