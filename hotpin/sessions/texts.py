"""A session as people and programs read it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unicodedata import category

from hotpin.sessions.base import Session, StoredTurn

_JOINERS = "\u200c\u200d"
"""Invisible, but Persian, Hindi and emoji are spelt with them."""

_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))


def as_dict(session: Session) -> dict[str, Any]:
    """Give the session with its turns, as the JSON outputs carry it; moments in ISO 8601, UTC."""
    return {
        **summary(session),
        "turns": [
            {
                "number": turn.number,
                "heard": turn.heard,
                "reply": turn.reply,
                "spoken": turn.spoken,
                "at": iso(turn.at),
                "timing": dict(turn.timing),
            }
            for turn in session.turns
        ],
    }


def summary(session: Session) -> dict[str, Any]:
    """Give what the list of sessions says of one."""
    return {
        "id": session.id,
        "agent": session.agent,
        "last_activity": iso(session.last_activity),
        "turn_count": session.turn_count,
    }


def dialogue(session: Session, now: float) -> Iterator[str]:
    """Give the session in lines for a terminal; ``now`` in s since 1970."""
    used = f"used last on {local(session.last_activity)} ({age(now - session.last_activity)})"
    yield f"{session.id}: {turns(session.turn_count)} with {readable(session.agent)}, {used}"
    for turn in session.turns:
        yield ""
        yield local(turn.at)
        yield f"You: {readable(turn.heard)}"
        yield f"Hotpin: {_reply(turn)}"


def markdown(session: Session) -> str:
    """Give the session as a Markdown document."""
    lines = [
        f"# Session {session.id}",
        "",
        f"{turns(session.turn_count).capitalize()} with {readable(session.agent)}, used last on "
        f"{local(session.last_activity)}.",
    ]
    for turn in session.turns:
        lines += ["", f"## {local(turn.at)}", "", f"**You:** {readable(turn.heard)}", "", f"**Hotpin:** {_reply(turn)}"]
    return "\n".join(lines) + "\n"


def local(moment: float) -> str:
    """Write a moment, s since 1970, in local time."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def iso(moment: float) -> str:
    """Write a moment, s since 1970, in ISO 8601, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def age(seconds: float) -> str:
    """Say how long ago something was, in the largest unit that fits."""
    for unit, length in _UNITS:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def turns(count: int) -> str:
    """Count turns."""
    return f"{count} turn{'' if count == 1 else 's'}"


def readable(text: str) -> str:
    """Give a text as a terminal may show it, without the space around it."""
    return harmless(text).strip()


def harmless(text: str) -> str:
    """Leave out what would command a terminal instead of being shown."""
    return "".join(character for character in text if _is_shown(character))


def _is_shown(character: str) -> bool:
    # To Python no space is printable but the common one.
    return character.isprintable() or character in f"\n\t{_JOINERS}" or category(character) == "Zs"


def _reply(turn: StoredTurn) -> str:
    written, spoken = readable(turn.reply), readable(turn.spoken)
    if spoken == written:
        return written
    if not spoken:
        return f"(not heard) {written}"
    return f"{spoken} (interrupted)"
