"""What changes while sound devices are in use: they come and go, and a sound server moves streams between them."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from hotpin.audio.devices import portaudio
from hotpin.errors import AudioError

PORTAUDIO = threading.RLock()
"""Held while a stream is opened or closed: PortAudio is not made for several threads at once."""

_NO_SINK = 0xFFFFFFFF  # PulseAudio's "no such index"
_CARDS = Path("/dev/snd")

_open_streams: "WeakSet[Any]" = WeakSet()


def in_use(stream: Any) -> None:  # noqa: ANN401 - sounddevice has no type stubs
    """Protect a stream from ``refresh`` for as long as it is open."""
    _open_streams.add(stream)


def refresh() -> bool:
    """Have PortAudio look for devices anew, and return whether it did.

    Its list is made once, when it is initialised; to do so again ends all streams, so it is refused while one is open.

    Raises:
        AudioError: if PortAudio is missing, or does not start again.
    """
    sounddevice = portaudio()
    with PORTAUDIO:
        if not all(stream.closed for stream in _open_streams):
            return False
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


def cards() -> frozenset[str] | None:
    """Return the names of the sound cards' device files, which tells cheaply whether any came or went.

    ``None`` where the system does not show them.
    """
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError):
        return frozenset(os.listdir(_CARDS))  # noqa: PTH208 - names are all that is needed
    return frozenset()


class SoundServer:
    """A PulseAudio server, or PipeWire in its place.

    When a microphone is unplugged, the server silently moves its stream to whatever is left: a loudspeaker's monitor.
    Only the server can tell. To be used by one thread at a time.
    """

    def __init__(self, connection: Any, errors: tuple[type[Exception], ...]) -> None:  # noqa: ANN401 - pulsectl has no type stubs
        self._connection = connection
        self._errors = errors
        self._changed = False

    @classmethod
    def connect(cls) -> Self | None:
        """Connect; ``None`` if there is no server, or the package ``pulsectl`` is not installed."""
        try:
            import pulsectl
        except (ImportError, OSError):  # the module, or the library that it loads
            return None
        connection = pulsectl.Pulse("hotpin", connect=False)
        server = cls(connection, (pulsectl.PulseError, pulsectl.PulseDisconnected))

        def changed(event: Any) -> None:  # noqa: ANN401
            server._changed = True
            raise pulsectl.PulseLoopStop

        try:
            connection.connect(autospawn=False)
            connection.event_callback_set(changed)
            connection.event_mask_set("source", "source_output", "server")
        except pulsectl.PulseError:
            connection.close()
            return None
        return server

    def wait(self, timeout: float) -> bool:
        """Return as soon as anything about microphones changes, and whether it did within ``timeout`` s.

        Raises:
            ConnectionError: if the server has gone.
        """
        if not self._changed:
            with self._heeding_its_end():
                self._connection.event_listen(timeout)
        changed, self._changed = self._changed, False
        return changed

    def has_microphone(self) -> bool:
        """Whether there is a source that is no monitor.

        Raises:
            ConnectionError: if the server has gone.
        """
        with self._heeding_its_end():
            return any(source.monitor_of_sink == _NO_SINK for source in self._connection.source_list())

    def records_monitor(self) -> bool:
        """Whether a stream of this process records a monitor.

        Raises:
            ConnectionError: if the server has gone.
        """
        with self._heeding_its_end():
            ours = {
                stream.source
                for stream in self._connection.source_output_list()
                if stream.proplist.get("application.process.id") == str(os.getpid())
            }
            return any(
                source.index in ours and source.monitor_of_sink != _NO_SINK for source in self._connection.source_list()
            )

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    @contextmanager
    def _heeding_its_end(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise ConnectionError("the sound server has gone") from error
