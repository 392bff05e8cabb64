"""A room with a microphone and a loudspeaker, made of a sound server of its own.

The echo goes the way that ``module-loopback`` gives it, inside the server; its level and delay are those asked for.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail
from tests.e2e.rig import Rig, sound_server

SETTLE_SECONDS = 3.0
_OVERDRIVE_DB = 12.0
"""dB by which a clipped loudspeaker is overdriven: peaks above -12 dBFS are cut off."""


@dataclass(frozen=True)
class Echo:
    """How the microphone hears the loudspeaker."""

    db: float
    """Level at the microphone, over that at the loudspeaker."""

    delay_ms: int
    clipped: bool = False
    """Whether the loudspeaker distorts."""

    @property
    def name(self) -> str:
        return f"{self.db:g} dB, {self.delay_ms} ms{', clipped' if self.clipped else ''}"


class Room:
    """A running room. To be used by one thread."""

    def __init__(self, rig: Rig, pulse: Any, echo: Echo | None) -> None:  # noqa: ANN401 - pulsectl has no type stubs
        self.environment = rig.environment
        self.echo = echo
        self._pulse = pulse
        self._modules: list[int] = []
        self.plug()

    def plug(self) -> None:
        """Connect the microphone, with its echo path."""
        self._load("module-null-sink", "sink_name=mic_in rate=48000 channels=1")
        self._load("module-remap-source", "master=mic_in.monitor source_name=mic")
        self._pulse.source_default_set("mic")
        if self.echo is None:
            return
        if not self.echo.clipped:
            self._connect("speaker", "mic_in", self.echo.delay_ms, self.echo.db)
            return
        self._load("module-null-sink", "sink_name=cone rate=48000 channels=1")
        half = self.echo.delay_ms // 2
        self._connect("speaker", "cone", half, _OVERDRIVE_DB)
        self._connect("cone", "mic_in", self.echo.delay_ms - half, self.echo.db - _OVERDRIVE_DB)

    def unplug(self) -> None:
        """Take the microphone away."""
        while self._modules:
            self._pulse.module_unload(self._modules.pop())

    def records_microphone(self, pid: int) -> bool:
        """Whether a process has a stream from the microphone, and from nothing else."""
        sources = {source.index: source.name for source in self._pulse.source_list()}
        ours = [
            sources.get(stream.source, "")
            for stream in self._pulse.source_output_list()
            if stream.proplist.get("application.process.id") == str(pid)
        ]
        return ours == ["mic"]

    def records_monitor(self, pid: int) -> bool:
        """Whether a process has a stream from a loudspeaker's monitor."""
        monitors = {source.index for source in self._pulse.source_list() if source.name.endswith(".monitor")}
        return any(
            stream.source in monitors and stream.proplist.get("application.process.id") == str(pid)
            for stream in self._pulse.source_output_list()
        )

    def stream_of(self, pid: int) -> int:
        """Return the index of the stream that a process plays."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            for stream in self._pulse.sink_input_list():
                if stream.proplist.get("application.process.id") == str(pid):
                    return int(stream.index)
            time.sleep(0.02)  # the server tells nobody when the stream is there
        raise AssertionError(f"process {pid} plays nothing")

    def _load(self, name: str, arguments: str) -> int:
        self._modules.append(self._pulse.module_load(name, arguments))
        return self._modules[-1]

    def _connect(self, sink: str, other: str, latency_ms: int, db: float) -> None:
        arguments = (
            f"source={sink}.monitor sink={other} latency_msec={latency_ms} source_dont_move=true sink_dont_move=true"
        )
        module = self._load("module-loopback", arguments)
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            found = [stream for stream in self._pulse.sink_input_list() if stream.owner_module == module]
            if found:
                self._pulse.volume_set_all_chans(found[0], 10 ** (db / 60))  # PulseAudio's volumes are cubic
                return
            time.sleep(0.02)
        raise AssertionError("the echo path did not start")


@contextmanager
def room(folder: Path, echo: Echo | None = None) -> Iterator[Room]:
    """Run a room whose files are all in ``folder``; it is ended afterwards."""
    try:
        import pulsectl
    except ImportError:
        skip_or_fail("not installed: pulsectl")
    with ExitStack() as stack:
        rig = stack.enter_context(sound_server(folder))
        pulse = stack.enter_context(pulsectl.Pulse("hotpin-room", server=rig.environment["PULSE_SERVER"]))
        pulse.sink_default_set("speaker")
        here = Room(rig, pulse, echo)
        yield here
        with suppress(pulsectl.PulseError):
            here.unplug()
