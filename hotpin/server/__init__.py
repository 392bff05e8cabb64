"""The embedded server: three WebSocket protocols over the one conversation pipeline."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app() -> "FastAPI":
    """Make the server of the settings: the factory that ``uvicorn --factory hotpin.server:create_app`` calls."""
    from hotpin import logs, settings
    from hotpin.server.app import server_app

    chosen = settings.load()
    logs.configure(chosen.log.level)
    return server_app(chosen)
