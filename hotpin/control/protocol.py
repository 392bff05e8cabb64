"""What goes over the control socket: one JSON object a line, a request each way an answer. No I/O here.

A request is ``{"command": "say", "text": "Hello", "wait": true}``; an answer ``{"ok": true, ...}``, or
``{"ok": false, "error": "what happened", "fix": "what to do"}``.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hotpin.errors import HotpinError

MAX_LINE_BYTES = 65_536
"""A longer line is refused, and its sender cut off."""

MAX_TEXT_CHARACTERS = 4000
"""Of ``say``: about five minutes of speech."""


class ControlError(HotpinError):
    """A command could not be given, or was not understood."""


class Command(StrEnum):
    """What the daemon can be told."""

    STATUS = "status"
    MUTE = "mute"
    UNMUTE = "unmute"
    LISTEN = "listen"
    SAY = "say"
    INTERRUPT = "interrupt"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Request:
    """One command."""

    command: Command

    text: str = ""
    """What is to be said; for ``say`` alone."""

    wait: bool = False
    """Whether the answer is to come when it has been heard; for ``say`` alone."""


def encode(message: dict[str, Any]) -> bytes:
    """Give a message as a line."""
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def encode_request(request: Request) -> bytes:
    """Give a request as a line.

    Raises:
        ControlError: if it has no text to say, or too much.
    """
    _check(request)
    message: dict[str, Any] = {"command": request.command}
    if request.command is Command.SAY:
        message |= {"text": request.text, "wait": request.wait}
    return encode(message)


def decode_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        ControlError: if it is none.
    """
    fields = _object(line)
    known = ", ".join(Command)
    name = fields.pop("command", None)
    if not isinstance(name, str) or name not in list(Command):
        raise ControlError(f"there is no command {_short(name)}", f"Commands are: {known}")
    allowed: dict[str, type] = {"text": str, "wait": bool} if name == Command.SAY else {}
    for key, value in fields.items():
        if key not in allowed:
            raise ControlError(f"{name} has no field {_short(key)}")
        if not isinstance(value, allowed[key]):
            raise ControlError(f"{key} of {name} is no {allowed[key].__name__}")
    request = Request(Command(name), **fields)
    _check(request)
    return request


def decode_answer(line: bytes) -> dict[str, Any]:
    """Read an answer, without its ``ok``.

    Raises:
        ControlError: as the daemon says, or if this is no answer.
    """
    fields = _object(line)
    if fields.pop("ok", None) is True:
        return fields
    error, fix = fields.get("error"), fields.get("fix")
    if not isinstance(error, str) or not isinstance(fix, str):
        raise ControlError("the daemon's answer is not understood", "Restart it, if Hotpin was updated meanwhile")
    raise ControlError(error, fix)


def done(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can carry
    """Answer that it is done."""
    return {"ok": True, **fields}


def refused(error: Exception) -> dict[str, Any]:
    """Answer that it is not done, and why."""
    if isinstance(error, HotpinError):
        return {"ok": False, "error": error.message, "fix": error.fix}
    return {"ok": False, "error": str(error) or type(error).__name__, "fix": ""}


def _check(request: Request) -> None:
    if request.command is not Command.SAY:
        return
    if not request.text.strip():
        raise ControlError("there is nothing to say", 'Give a text: hotpin say "Dinner is ready"')
    if len(request.text) > MAX_TEXT_CHARACTERS:
        raise ControlError(f"the text has {len(request.text)} characters", f"{MAX_TEXT_CHARACTERS} are allowed")


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # no UTF-8 is a ValueError too
        raise ControlError("that is not JSON") from None
    if not isinstance(found, dict):
        raise ControlError(f"that is a {type(found).__name__}, not a JSON object")
    return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - a glance is enough
