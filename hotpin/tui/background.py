"""Slow work beside the screen."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from textual.app import App

T = TypeVar("T")


def in_background(
    app: App[Any], work: Callable[[], T], done: Callable[[T], object], failed: Callable[[Exception], object]
) -> None:
    """Do ``work`` on a daemon thread, then call ``done`` or ``failed`` on the screen's.

    Textual's own thread workers belong to asyncio's pool, which is waited for when the person leaves.
    """

    def run() -> None:
        try:
            then = partial(done, work())
        except Exception as error:
            then = partial(failed, error)
        tell(app, then)

    threading.Thread(target=run, name="hotpin-screen-work", daemon=True).start()


def tell(app: App[Any], then: Callable[[], object]) -> None:
    """Call ``then`` on the screen's thread, without waiting for it; if the screen is gone, not at all."""
    with suppress(RuntimeError):
        app.call_later(then)
