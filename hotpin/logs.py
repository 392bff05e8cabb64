"""Logging to standard error. Words that were said or written never go there."""

import logging
import os


def configure(level: str) -> None:
    """Send log records from ``level`` on to standard error: as notices for people, unless details are asked for."""
    detailed = logging.getLevelNamesMapping()[level] < logging.WARNING
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s" if detailed else "hotpin: %(message)s"
    logging.basicConfig(level=level, format=form, force=True)


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
