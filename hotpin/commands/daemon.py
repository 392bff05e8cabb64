"""``hotpin daemon``: Hotpin without a screen."""

from typing import Annotated

import typer

from hotpin.commands import common

DEFAULT_SESSION = "daemon"


def daemon(
    session_id: Annotated[
        str, typer.Option(help="The session to go on with, or a new one.", callback=common.session_id)
    ] = DEFAULT_SESSION,
    agent: common.AgentOption = None,
    push_to_talk: Annotated[
        bool, typer.Option("--push-to-talk", help="Listen only when told to: hotpin listen.")
    ] = False,
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
    hands_free = False if push_to_talk else None
    settings = common.load_settings(turn__hands_free=hands_free, dialog__agent=agent)
    personas.find(settings.dialog.agent)  # a slip is told before any model is loaded
    from hotpin.engines import ALL_KINDS

    common.ensure_models(settings, ALL_KINDS)
    if install:
        _install(session_id, agent, push_to_talk=push_to_talk)
        return
    from hotpin import logs
    from hotpin.daemon import Daemon, Plan, heed_signals
    from hotpin.live import Live
    from hotpin.setting_layers import examine

    options = {"turn.hands_free": hands_free, "dialog.agent": agent}
    # A service tells what it does, unless a person has chosen otherwise.
    logs.configure_service(settings.log.level if "log.level" in examine(options).origins else "INFO")
    running = Daemon(Plan(settings, options, session_id), Live(settings, session_id, agent or ""))
    heed_signals(running)
    running.run()


def _install(session_id: str, agent: str | None, *, push_to_talk: bool) -> None:
    from hotpin import service_unit

    options = ["--session-id", session_id] if session_id != DEFAULT_SESSION else []
    options += ["--agent", agent] if agent else []
    options += ["--push-to-talk"] if push_to_talk else []
    for line in service_unit.install(options):
        typer.echo(line)


def _uninstall() -> None:
    from hotpin import service_unit

    for line in service_unit.uninstall():
        typer.echo(line)
