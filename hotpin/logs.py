"""Logging to standard error. Words that were said or written never go there."""

import logging
import os


def configure(level: str) -> None:
    """Send log records from ``level`` on to standard error."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)


def show_tracebacks() -> bool:
    """Whether errors are to be shown with their tracebacks: ``DEBUG`` is set to anything but 0, false or nothing."""
    return os.environ.get("DEBUG", "").strip().lower() not in ("", "0", "false", "no", "off")
