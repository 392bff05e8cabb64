"""Logging to standard error. Words that were said or written never go there."""

import json
import logging
import os
from pathlib import Path

_TIME = "%Y-%m-%dT%H:%M:%S%z"

_JOURNAL_LEVELS = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
"""The journal's priority of each level (sd-daemon(3))."""


def configure(level: str) -> None:
    """Send log records from ``level`` on to standard error: as notices for people, unless details are asked for."""
    detailed = logging.getLevelNamesMapping()[level] < logging.WARNING
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s" if detailed else "hotpin: %(message)s"
    logging.basicConfig(level=level, format=form, force=True)


def configure_service(level: str) -> None:
    """Send Hotpin's log records from ``level`` on to standard error, as ``key=value`` lines that programs can read."""
    # A copy of it: while PortAudio looks for devices, sounddevice sends descriptor 2 nowhere.
    stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ServiceFormatter(for_journal=_is_journal(stream.fileno())))
    logging.basicConfig(handlers=[handler], force=True)
    set_service_level(level)


def set_service_level(level: str) -> None:
    """Log from ``level`` on; libraries from WARNING on, since they know nothing of words that must not be logged."""
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger("hotpin").setLevel(level)


def _is_journal(descriptor: int) -> bool:
    """Whether what is written there goes to the journal (systemd.exec(5))."""
    found = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class ServiceFormatter(logging.Formatter):
    """One line a record: ``event=turn turn=3 voice_to_voice_ms=812``.

    The fields are those of ``extra={"fields": {...}}``; a record without them gives its message. Of an exception only
    the kind and the place are told: its text may hold words that were said.

    Args:
        for_journal: whether the journal reads it, which knows the time and takes the level as a prefix.
    """

    def __init__(self, *, for_journal: bool) -> None:
        super().__init__()
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        fields = getattr(record, "fields", None)
        event = record.getMessage() if fields is not None else "log"
        told = {"event": event, **(fields or {"logger": record.name, "message": record.getMessage()})}
        if record.exc_info and record.exc_info[0]:
            told["raised"] = _kind_and_place(record)
        line = " ".join(f"{name}={_value(value)}" for name, value in told.items() if value is not None)
        if self._for_journal:
            return f"<{_JOURNAL_LEVELS.get(record.levelname, 6)}>{line}"
        return f"time={self.formatTime(record, _TIME)} level={record.levelname.lower()} {line}"


def _kind_and_place(record: logging.LogRecord) -> str:
    kind, _, trace = record.exc_info or (None, None, None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{kind.__name__ if kind else 'nothing'}{place}"


def _value(value: object) -> str:
    """Write a value so that its end can be found."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = text and text.isprintable() and not any(character in text for character in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)


def is_on(text: str) -> bool:
    """Whether an environment variable is switched on: it is anything but 0, false, no, off or nothing."""
    return text.strip().lower() not in ("", "0", "false", "no", "off")


def show_tracebacks() -> bool:
    """Whether errors are to be shown with their tracebacks: the setting ``log.debug``, wherever it is set."""
    try:
        # Imported late: there may be no settings to be had, and that may be the very error that is to be shown.
        from hotpin.setting_layers import examine

        return examine().settings.log.debug
    except Exception:
        return is_on(os.environ.get("DEBUG", ""))
