"""A stand-in for the module ``sounddevice``: loudspeakers that play into lists."""

import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from hotpin.audio.frame import Samples

TIMEOUT = 5.0


class FakeStream:
    """Plays on a thread of its own, into a list, and is in a hurry."""

    def __init__(self, callback: Callable[..., None], options: dict[str, object]) -> None:
        self.options = options
        self.played: list[int] = []
        self._callback = callback
        self.active = True
        """Whether the device still asks for sound."""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self, *, ignore_errors: bool) -> None:
        self._closed.set()
        self._thread.join(TIMEOUT)

    def ask(self, frames: int, latency: float = 0.0) -> Samples:
        """Let the device ask for samples that will be heard after ``latency``."""
        out = np.full((frames, 1), 77, np.int16)
        self._callback(out, frames, SimpleNamespace(outputBufferDacTime=5.0 + latency, currentTime=5.0), None)
        return out[:, 0]

    def _run(self) -> None:
        while not self._closed.wait(0.001) and self.active:
            self.played += self.ask(160).tolist()


class FakePortAudio(ModuleType):
    """A machine with the outputs of ``rates``: Hz that each one takes, its own first."""

    class PortAudioError(Exception): ...

    def __init__(self, **rates: list[int]) -> None:
        super().__init__("sounddevice")
        self.streams: list[FakeStream] = []
        self.rates = rates
        self.initialised = 1

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> Any:  # noqa: ANN401
        if device is None and kind is None:
            return [self._described(name) for name in self.rates]
        return {"default_samplerate": float(self._output(device)[0])}

    def query_hostapis(self) -> list[dict[str, str]]:
        return [{"name": "ALSA"}]

    def get_portaudio_version(self) -> tuple[int, str]:
        return 19, "PortAudio V19, none at all"

    @property
    def default(self) -> SimpleNamespace:
        return SimpleNamespace(device=(-1, 0 if self.rates else -1))

    def _terminate(self) -> None:
        assert all(stream.closed for stream in self.streams), "a stream was ended without notice"

    def _initialize(self) -> None:
        self.initialised += 1

    def check_output_settings(self, device: int | str | None, channels: int, dtype: str, samplerate: int) -> None:
        if samplerate not in self._output(device):
            raise self.PortAudioError("Invalid sample rate")

    def OutputStream(self, *, callback: Callable[..., None], **options: object) -> FakeStream:  # noqa: N802
        if "busy" in self.rates:
            raise self.PortAudioError("Error opening OutputStream: Device unavailable", -9985)
        self.streams.append(FakeStream(callback, options))
        return self.streams[-1]

    def _described(self, name: str) -> dict[str, Any]:
        rate = float(self.rates[name][0])
        return {
            "name": name,
            "default_samplerate": rate,
            "hostapi": 0,
            "max_input_channels": 0,
            "max_output_channels": 1,
        }

    def _output(self, device: int | str | None) -> list[int]:
        if isinstance(device, str):
            for name, rates in self.rates.items():
                if device in name:
                    return rates
            raise ValueError(f"No output device matching {device!r}")
        try:
            return list(self.rates.values())[device or 0]
        except IndexError:
            raise self.PortAudioError(f"Error querying device {device}") from None
