"""A terminal for the screen alone: whatever else is printed goes to a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotpin.errors import HotpinError

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
    log = _opened(log_file)
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
            os.close(log)


def _opened(log_file: Path) -> int:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    except OSError as error:
        raise HotpinError(
            f"the log file {log_file} cannot be written: {error.strerror}", "Free space, or set HOTPIN_HOME"
        ) from error
