"""The application: its routes, its middlewares, and engines that are loaded once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.middleware.cors import CORSMiddleware

from hotpin import __version__, personas
from hotpin.app import App
from hotpin.errors import HotpinError
from hotpin.server import auth, bytes_ws, hotpin_stream, voice_agent
from hotpin.server.guard import Guard
from hotpin.server.services import Services
from hotpin.server.web import PREFIX, WebFile, web_files
from hotpin.settings import Settings

log = logging.getLogger(__name__)

RETRY_SECONDS = 3.0
"""s between two attempts to open what is away."""


def server_app(settings: Settings, app: App | None = None) -> FastAPI:
    """Make the server.

    Args:
        settings: its own, and the engines'.
        app: engines that are loaded already and belong to somebody else; without them it loads its own.

    Raises:
        SettingsError: if other machines could reach it and no token keeps them out.
    """
    auth.check_exposed(settings.server)

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        services = Services.of(app or App(settings))
        api.state.services = services
        loading = asyncio.create_task(_load(services, load=app is None))
        if app is not None:  # there is next to nothing to wait for
            await loading
        try:
            yield
        finally:
            loading.cancel()
            if app is None:
                await services.in_thread(services.app.close)
            services.pool.shutdown(wait=False, cancel_futures=True)

    # Nobody needs pages that describe the routes, and a private server should not offer them.
    api = FastAPI(title=settings.server.name, version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
                  openapi_url=None)  # fmt: skip
    api.add_middleware(Guard, server=settings.server, open_prefix=PREFIX)
    api.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(auth.shown_origins(settings.server.frontend_url)),
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
    _add_pages(api)
    _add_sockets(api)
    return api


async def _load(services: Services, *, load: bool) -> None:
    """Open and load everything; what may pass, such as a session store that is away, is tried again."""
    while True:
        try:
            await services.in_thread(lambda: services.app.store)  # opened once, before many threads ask for it
            if load:
                await services.in_thread(services.app.load)
        except Exception as error:
            log.error("the engines could not be loaded: %s", error)
            services.health.loaded(error)
            if not (isinstance(error, HotpinError) and error.retryable):
                return
            await asyncio.sleep(RETRY_SECONDS)
        else:
            services.health.loaded()
            return


def _add_pages(api: FastAPI) -> None:
    @api.get("/")
    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return _file(request, web_files()["/"])
        services: Services = request.app.state.services
        return JSONResponse(
            {"name": services.limits.name, "version": __version__, "status": "healthy"}, headers={"Vary": "Accept"}
        )

    @api.get(PREFIX + "{name}")
    async def web(request: Request, name: str) -> Response:
        file = web_files().get(PREFIX + name)
        return JSONResponse({"detail": "there is no such file"}, 404) if file is None else _file(request, file)

    @api.get("/health")
    async def health(request: Request) -> Response:
        reason = request.app.state.services.health.reason
        if reason:
            return JSONResponse({"status": "unhealthy", "reason": reason}, 503)
        return JSONResponse({"status": "healthy"})

    @api.get("/ready")
    async def ready(request: Request) -> Response:
        state = request.app.state.services.health
        return JSONResponse({"ready": state.ready}, 200 if state.ready else 503)

    @api.get("/agents")
    async def agents(request: Request) -> Response:
        services: Services = request.app.state.services
        found = await services.in_thread(personas.all_personas)
        voices = await services.in_thread(_voices, services.app)
        return JSONResponse([_described(persona) | {"voices": voices} for persona in found.values()])

    @api.get("/metrics")
    async def metrics(request: Request) -> Response:
        text = request.app.state.services.metrics.text()
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _file(request: Request, file: WebFile) -> Response:
    known = file.known_to(request.headers.get("if-none-match", ""))
    return Response(b"" if known else file.body, 304 if known else 200, {**file.headers, "Vary": "Accept"})


def _described(persona: personas.Persona) -> dict[str, Any]:
    return {"id": persona.id, "name": persona.name, "description": persona.description, "voice": dict(persona.voice)}


def _voices(app: App) -> list[str]:
    """Name the voices that can be asked for, the default first; none where they cannot be listed."""
    try:
        return [voice.name for voice in app.engines.tts.voices]
    except HotpinError:
        return []


def _add_sockets(api: FastAPI) -> None:
    """Add the sockets; whole paths, so that whatever cannot be a name is told so rather than not found."""

    @api.websocket("/ws")
    async def stream(socket: WebSocket) -> None:
        await hotpin_stream.serve(socket, socket.app.state.services)

    @api.websocket("/ws/voice-agent/{agent_id:path}")
    async def agent(socket: WebSocket, agent_id: str) -> None:
        await voice_agent.serve(socket, socket.app.state.services, agent_id)

    @api.websocket("/ws/{session_id:path}")
    async def whole(socket: WebSocket, session_id: str) -> None:
        await bytes_ws.serve(socket, socket.app.state.services, session_id)
