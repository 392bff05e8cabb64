"""The sound server, which knows more about streams and devices than PortAudio tells."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

_NO_SINK = 0xFFFFFFFF  # PulseAudio's "no such index"


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

    def has_loudspeaker(self) -> bool:
        """Whether there is a sink.

        Raises:
            ConnectionError: if the server has gone.
        """
        with self._heeding_its_end():
            return bool(self._connection.sink_list())

    def names(self) -> frozenset[str]:
        """Name all sources and sinks.

        Raises:
            ConnectionError: if the server has gone.
        """
        with self._heeding_its_end():
            return frozenset(one.name for one in [*self._connection.source_list(), *self._connection.sink_list()])

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
