"""``hotpin daemon``: Hotpin without a screen."""

from typing import TYPE_CHECKING, Annotated

import typer

from hotpin.commands import common, options
from hotpin.commands import serve as serving

if TYPE_CHECKING:
    from hotpin.live import Live
    from hotpin.settings import Settings

DEFAULT_SESSION = "daemon"


def daemon(  # noqa: PLR0913, PLR0917 - one argument per option
    session_id: Annotated[
        str, typer.Option(help="The session to go on with, or a new one.", callback=options.session_id)
    ] = DEFAULT_SESSION,
    agent: options.AgentOption = None,
    push_to_talk: Annotated[
        bool, typer.Option("--push-to-talk", help="Listen only when told to: hotpin listen.")
    ] = False,
    serve: serving.ServeOption = False,
    host: serving.HostOption = None,
    port: serving.PortOption = None,
    insecure: serving.InsecureOption = False,
    install: Annotated[
        bool, typer.Option("--install", help="Make it a service of your systemd, and start it.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Stop that service and remove it.")] = False,
) -> None:
    """Listen without a screen. Until hotpin stop, Ctrl-C or SIGTERM; SIGHUP reads the settings anew.

    Commands to it: hotpin status, mute, unmute, listen, say, interrupt, stop. Its log goes to standard error: key=value
    lines, never with a word that was said.
    """
    from hotpin import personas

    if install and uninstall:
        raise typer.BadParameter("--install and --uninstall contradict")
    if uninstall:
        _uninstall()
        return
    if not serve:
        serving.refuse_without_serve(host=host, port=port, insecure=insecure)
    options = {
        "turn.hands_free": False if push_to_talk else None,
        "dialog.agent": agent,
        "server.host": host,
        "server.port": port,
        "server.insecure": insecure or None,
    }
    settings = common.load_settings(**options)
    personas.find(settings.dialog.agent)  # a slip is told before any model is loaded
    if serve:
        serving.check(settings.server)
    from hotpin.engines import ALL_KINDS

    common.ensure_models(settings, ALL_KINDS)
    if install:
        flags = {"--push-to-talk": push_to_talk, "--serve": serve, "--insecure": insecure}
        session = None if session_id == DEFAULT_SESSION else session_id
        _install(flags, {"--session-id": session, "--agent": agent, "--host": host, "--port": port})
        return
    from hotpin import logs
    from hotpin.daemon import Daemon, Plan, heed_signals
    from hotpin.setting_layers import examine

    # A service tells what it does, unless a person has chosen otherwise.
    logs.configure_service(settings.log.level if "log.level" in examine(options).origins else "INFO")
    running = Daemon(Plan(settings, options, session_id), _live(settings, session_id, agent or "", serve=serve))
    heed_signals(running)
    running.run()


def _live(settings: "Settings", session_id: str, agent: str, *, serve: bool) -> "Live":
    from hotpin.live import Live

    if not serve:
        return Live(settings, session_id, agent, service=True)
    from hotpin.server.beside import ServedLive
    from hotpin.server.run import listening_socket

    return ServedLive(settings, session_id, lambda: listening_socket(settings.server), agent, service=True)


def _install(flags: "dict[str, bool]", values: "dict[str, str | int | None]") -> None:
    """Make a service that is started with these options."""
    from hotpin import service_unit

    options = [part for name, value in values.items() if value is not None for part in (name, str(value))]
    for line in service_unit.install([*options, *(name for name, on in flags.items() if on)]):
        typer.echo(line)


def _uninstall() -> None:
    from hotpin import service_unit

    for line in service_unit.uninstall():
        typer.echo(line)
