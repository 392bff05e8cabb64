"""``hotpin serve``: the server alone, for other devices and browsers."""

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from hotpin.commands import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotpin.registry import Kind
    from hotpin.settings import ServerSettings, Settings
    from hotpin.tui.call import Held, Hold

_KINDS: "tuple[Kind, ...]" = ("vad", "stt", "prosody", "llm", "tts")


HostOption = Annotated[str | None, typer.Option("--host", help="Address to serve at; 0.0.0.0 is every one.")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65_535, help="Port to serve at; 0 is any free one.")
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Let every machine that can reach this one in, without a token.")
]
ServeOption = Annotated[bool, typer.Option("--serve", help="Serve other devices and browsers, too: see hotpin serve.")]


def serve(
    host: HostOption = None,
    port: PortOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes, each with engines of its own.")] = 1,
    insecure: InsecureOption = False,
) -> None:
    """Serve other devices and browsers, until Ctrl-C."""
    settings = common.load_settings(server__host=host, server__port=port, server__insecure=insecure or None)
    check(settings.server)
    with suppress(KeyboardInterrupt):  # the usual way to end it
        if workers == 1:
            _serve_here(settings)
        else:
            _serve_with_workers(settings, workers)


def _serve_here(settings: "Settings") -> None:
    from hotpin.server import run

    with run.listening_socket(settings.server) as listener, common.loaded_app(settings, _KINDS) as app:
        common.say(f"Listening on {run.url_of(listener, settings.server)} (Ctrl-C ends it)")
        run.serve(settings, app, listener)


def _serve_with_workers(settings: "Settings", workers: int) -> None:
    from hotpin.server import run

    common.ensure_models(settings, _KINDS)
    # The workers read the settings themselves; what was given on the command line reaches them so.
    os.environ["HOTPIN_SERVER__HOST"] = settings.server.host
    os.environ["HOTPIN_SERVER__PORT"] = str(settings.server.port)
    os.environ["HOTPIN_SERVER__INSECURE"] = str(settings.server.insecure).lower()
    common.say(f"Starting {workers} processes on {settings.server.host} port {settings.server.port} (Ctrl-C ends them)")
    run.serve_with_workers(settings, workers)


def check(server: "ServerSettings") -> None:
    """Refuse, before anything is loaded, a server that lacks packages, a token, or its TLS files.

    Raises:
        HotpinError: with what to type.
    """
    _require_extra()
    from hotpin.server.auth import check_exposed
    from hotpin.server.run import check_tls

    check_exposed(server)
    check_tls(server)


def refuse_without_serve(**given: object) -> None:
    """Refuse options of a server where none is wanted.

    Raises:
        BadParameter: naming the option.
    """
    for name, value in given.items():
        if value is not None and value is not False:
            raise typer.BadParameter("it needs --serve", param_hint=f"--{name}")


@contextmanager
def beside(settings: "Settings") -> "Iterator[Hold]":
    """Give what holds a call with the server beside it.

    The port stays taken while one call makes room for the next, and so the server's settings stay as they are.

    Raises:
        HotpinError: if the server cannot listen.
    """
    from hotpin.server.run import listening_socket

    with listening_socket(settings.server) as listener:

        def hold(changed: "Settings", session_id: str, agent: str) -> "Held":
            from hotpin.server.beside import ServedLive

            held = changed.model_copy(update={"server": settings.server})
            return ServedLive(held, session_id, listener.dup, agent)

        yield hold


def _require_extra() -> None:
    """Refuse early, with what to type, where the server's packages are not installed."""
    from importlib.util import find_spec

    from hotpin.errors import HotpinError

    missing = [name for name in ("fastapi", "uvicorn", "websockets", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise HotpinError(f"the server needs {', '.join(missing)}", "Install it: pip install 'hotpin[server]'")
