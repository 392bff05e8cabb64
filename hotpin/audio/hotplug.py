"""What changes while sound devices are in use: they come and go.

Who holds ``PORTAUDIO`` and when: the thread that opens or closes a stream, for that long; the thread that refreshes
PortAudio's list, from when the first stream is let go until the list is made. Nobody holds another lock while waiting
for it, and no callback of a stream takes it, so nothing can wait in a circle: closing a stream waits for its callback,
which only waits for the locks of a ring, a playback or a canceller, held for a copy at the most.
"""

import math
import os
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

from hotpin.audio.devices import Device, Direction, portaudio, portaudio_listing
from hotpin.audio.sound_server import SoundServer
from hotpin.errors import AudioError

PORTAUDIO = threading.RLock()
"""Held while a stream is opened or closed: PortAudio is not made for several threads at once."""

_CARDS = Path("/dev/snd")

LEND_SECONDS = 2.0
"""s between two times that open streams are let go, where the system does not show whether anything changed."""

PATIENCE_SECONDS = 1.0
"""s for which a refresh waits for a reply's pause or end; then it is let in between, which is a gap of about 0.1 s."""

_BOUND_WHEN_OPENED = frozenset({"default", "sysdefault", "pulse", "pipewire"})
"""ALSA's names that stand for whatever device there is when they are opened: no list of devices is needed for them."""


class Lender(Protocol):
    """Has a stream open, but can do without it for a moment, so that PortAudio's list is made anew."""

    @property
    def streaming(self) -> bool:
        """Whether it has a stream open."""
        ...

    @property
    def busy(self) -> bool:
        """Whether somebody would notice."""
        ...

    def lend(self) -> None:
        """Close the stream; it is called by a thread that holds ``PORTAUDIO``. A thread of its own opens it again."""
        ...


@dataclass(slots=True)
class _Known:
    """What ``PORTAUDIO`` guards besides PortAudio itself."""

    cards: frozenset[str] | None = None
    """The sound cards there were when PortAudio's list was made, as far as known."""

    present: frozenset[str] | None = None
    """The devices there were then, as the sound server shows them."""

    lent: float = -math.inf
    """s: when streams were last let go for a refresh."""

    asked: float = -math.inf
    """s: since when a refresh waits for a reply's end."""


_known = _Known()
_open_streams: "WeakSet[Any]" = WeakSet()
_lenders: "WeakSet[Any]" = WeakSet()


def in_use(stream: Any) -> None:  # noqa: ANN401 - anything that can be closed
    """Protect a stream from ``refresh`` for as long as it is not ``closed``."""
    _open_streams.add(stream)


def lend(lender: Lender) -> None:
    """Let ``refresh`` ask for a stream that is open, from now on."""
    _lenders.add(lender)


def refresh() -> bool:
    """Have PortAudio look for devices anew, and return whether it did.

    Its list is made once, when it is initialised; to do so again ends all streams. So it is refused while one is open,
    except those that are lent: they are let go for the moment if anything has changed, and not while a reply is played
    before it has waited for ``PATIENCE_SECONDS``.

    Raises:
        AudioError: if PortAudio is missing, or does not start again.
    """
    sounddevice = portaudio()
    with PORTAUDIO:
        if not all(stream.closed for stream in _open_streams) or not _borrow(time.monotonic()):
            return False
        _known.cards, _known.present = cards(), _present()
        # They have no public names, but are the known way. After a failure there is nothing to terminate.
        with suppress(sounddevice.PortAudioError):
            sounddevice._terminate()
        try:
            sounddevice._initialize()
        except sounddevice.PortAudioError as error:
            raise AudioError(
                f"PortAudio does not start: {error}", "Restart the sound server", retryable=True
            ) from error
        return True


def _borrow(now: float) -> bool:
    """Have the streams let go that are lent, if it is worth it and time for it; return whether none is open now."""
    streaming = [lender for lender in _lenders if lender.streaming]
    if not streaming:
        return True
    there = _present()
    unchanged = there is not None and there == _known.present
    if unchanged or now < _known.lent + LEND_SECONDS:
        return False
    if any(lender.busy for lender in streaming):
        if now > _known.asked + 2 * PATIENCE_SECONDS:  # never asked, or so long ago that it was about something else
            _known.asked = now
        if now < _known.asked + PATIENCE_SECONDS:
            return False
    _known.lent, _known.asked = now, -math.inf
    for lender in streaming:
        lender.lend()
    return True


def _present() -> frozenset[str] | None:
    """Name the devices there are now, for comparison only; ``None`` where the system does not show them."""
    found = cards()
    if found is None:
        return None
    server = SoundServer.connect()
    if server is None:
        return found
    with closing(server), suppress(ConnectionError):
        return found | server.names()
    return found


def can_play(device: Device) -> bool:
    """Whether there is anything behind a loudspeaker's name: PortAudio complains on standard error where not.

    A sound server without any loudspeaker still has its name in the list.
    """
    server = SoundServer.connect() if device.name in _BOUND_WHEN_OPENED else None
    if server is None:
        return True
    with closing(server), suppress(ConnectionError):
        return server.has_loudspeaker()
    return True


class Finder:
    """Finds one device again and again, while devices come and go.

    Args:
        direction: whether it is a microphone or a loudspeaker.
        wanted: index, name or part of the name; empty means the system's default.
    """

    def __init__(self, direction: Direction, wanted: str) -> None:
        self._direction: Direction = direction
        self._wanted = wanted

    def find(self) -> Device:
        """Return the device as PortAudio knows it now.

        Raises:
            AudioError: if PortAudio is missing, or there is no such device or more than one.
        """
        with suppress(AudioError):
            device = self._choose()
            if device.name in _BOUND_WHEN_OPENED or not self._outdated():
                return device
        refresh()
        return self._choose()

    def keep(self, device: Device) -> None:
        """Find this one from now on: an index means another device once one has come or gone; so does ALSA's number."""
        if self._wanted.isdecimal():
            self._wanted = device.name.partition(" (hw:")[0]

    def _choose(self) -> Device:
        with PORTAUDIO:
            return portaudio_listing().choose(self._direction, self._wanted)

    @staticmethod
    def _outdated() -> bool:
        with PORTAUDIO:
            now = cards()
            if _known.cards is None and now is not None:
                _known.cards = now  # PortAudio was initialised a moment ago
            return now is None or now != _known.cards


def cards() -> frozenset[str] | None:
    """Return the names of the sound cards' device files, which tells cheaply whether any came or went.

    ``None`` where the system does not show them.
    """
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError):
        return frozenset(os.listdir(_CARDS))  # noqa: PTH208 - names are all that is needed
    return frozenset()
