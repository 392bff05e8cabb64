"""Commands to the running daemon: ``hotpin status``, ``mute``, ``listen``, ``say`` and their like."""

from typing import Annotated, Any

import typer

from hotpin.commands import common, options


def status(as_json: options.JsonOption = False) -> None:
    """Show what the daemon does."""
    found = _send("status")
    if as_json:
        common.print_json(found)
        return
    for line in _lines(found):
        typer.echo(line)


def mute() -> None:
    """Have the daemon listen to nobody."""
    _send("mute")


def unmute() -> None:
    """Have the daemon listen again."""
    _send("unmute")


def listen() -> None:
    """Wake the daemon up. As the wake word does; with push-to-talk, it then hears one utterance."""
    _send("listen")


def say(
    text: Annotated[str, typer.Argument(help="What it is to say.")],
    wait: Annotated[bool, typer.Option("--wait", help="Return when it has been heard.")] = False,
) -> None:
    """Have the daemon say a text. It ends what it says now; the text is not kept in the session.

    Returns when the daemon has accepted it; with --wait when it has been heard, and fails if it was interrupted.
    """
    if not _send("say", text=text, wait=wait).get("heard", True):
        common.say("hotpin: it was interrupted")
        raise typer.Exit(1)


def interrupt() -> None:
    """Have the daemon stop talking."""
    _send("interrupt")


def stop() -> None:
    """End the daemon. Returns when it has ended."""
    _send("stop")


def _send(command: str, text: str = "", *, wait: bool = False) -> dict[str, Any]:
    from hotpin.control.client import send
    from hotpin.control.protocol import Command, Request

    return send(Request(Command(command), text, wait))


def _lines(found: dict[str, Any]) -> list[str]:
    from hotpin.sessions.texts import harmless

    how = found["attention"] if found["state"] == "listening" and found["attention"] != "awake" else found["state"]
    latency = found["voice_to_voice_ms"]
    rows = {
        "Hotpin is": f"{how} (process {found['pid']}, for {_duration(found['uptime_seconds'])})",
        "session": found["session"],
        "microphone": _device(found["microphone"]),
        "loudspeaker": _device(found["loudspeaker"]),
        "server": found["server"] or "none",
        **({"sound lost": gaps} if (gaps := _gaps(found["gaps"])) else {}),
        "engines": ", ".join(found["engines"].values()),
        "turns": f"{found['turns']}{'' if latency is None else f', the last reply began after {latency} ms'}",
        "memory": "unknown" if found["memory_mb"] is None else f"{found['memory_mb']:.0f} MB",
    }
    return [harmless(f"{name:<12} {value}") for name, value in rows.items()]


def _gaps(found: dict[str, int]) -> str:
    names = {
        "overruns": "heard too late",
        "overflows": "not heard in time",
        "underflows": "not played in time",
    }
    return ", ".join(f"{names.get(name, name)} {count} times" for name, count in found.items() if count)


def _device(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not known yet"
    if not found["present"]:
        return f"{found['name'] or 'none'}: {found['detail'] or 'not there'}"
    return f"{found['name']} ({found['detail']})" if found["detail"] else str(found["name"])


def _duration(seconds: float) -> str:
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
