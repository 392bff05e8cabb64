"""Reading what clients send: JSON objects whose fields are checked one by one."""

import json
from collections.abc import Mapping
from typing import Any

from hotpin.errors import HotpinError
from hotpin.sessions.base import check_session_id

MAX_TEXT = 200
"""Characters of a name that a client may send."""


class ProtocolError(HotpinError):
    """A message is none of the protocol's; the message says why, and may be told to the client."""


def read_object(text: str | bytes) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        ProtocolError: if the message is none.
    """
    if isinstance(text, bytes):
        raise ProtocolError("a text message with a JSON object is needed, not bytes")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("this is not JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError(f"a JSON object is needed, not {_kind(value)}")
    return value


def text_field(message: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Give a field that holds a short text.

    Raises:
        ProtocolError: if it is missing and has no default, or is none.
    """
    value = message.get(name, default)
    if not isinstance(value, str):
        raise ProtocolError(f"{name} must be a text" if name in message else f"{name} is missing")
    if len(value) > MAX_TEXT:
        raise ProtocolError(f"{name} may have {MAX_TEXT} characters")
    return value


def flag_field(message: Mapping[str, Any], name: str) -> bool:
    """Give a field that holds true or false; false if it is missing.

    Raises:
        ProtocolError: if it holds something else.
    """
    value = message.get(name, False)
    if not isinstance(value, bool):
        raise ProtocolError(f"{name} must be true or false")
    return value


def session_id(value: str) -> str:
    """Check a session id.

    Raises:
        ProtocolError: with the rule.
    """
    try:
        return check_session_id(value)
    except ValueError as error:
        raise ProtocolError(str(error)) from error


def _kind(value: object) -> str:
    kinds = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
