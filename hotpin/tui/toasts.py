"""What happened and what to do about it, for a while in a corner of the screen."""

from typing import Any

from textual.app import App
from textual.notifications import SeverityLevel

from hotpin.errors import HotpinError
from hotpin.sessions.texts import harmless

SECONDS = 12.0
"""s that a toast is shown: time to read what happened and what to do."""


def toast(app: App[Any], text: str, severity: SeverityLevel = "information") -> None:
    """Show a text as it is."""
    app.notify(harmless(text), severity=severity, timeout=SECONDS, markup=False)


def toast_error(app: App[Any], error: Exception, stage: str) -> None:
    """Show what went wrong."""
    toast(app, explained(error, stage), "error")


def explained(error: Exception, stage: str) -> str:
    """Say what happened and what to do."""
    if isinstance(error, HotpinError):
        return str(error)
    return f"{stage} failed: {type(error).__name__}: {error}. Try: hotpin doctor"
