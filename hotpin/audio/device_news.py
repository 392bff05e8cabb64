"""What a person is told about sound devices that come and go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """Something changed about a device."""

    kind: Literal["microphone", "loudspeaker"]
    """Which one."""

    name: str
    """As PortAudio calls it; before it was ever found, what the settings call it, which may be empty."""

    present: bool
    """Whether it can be used now."""

    detail: str = ""
    """A sentence for the person; may be empty."""


Tell = Callable[[DeviceNews], None]
"""Takes the news; called from a device's own thread, which it must not hold up."""


def as_sentence(error: Exception) -> str:
    """Say an error to a person who did not ask for anything."""
    text = str(error)
    return text[:1].upper() + text[1:]
