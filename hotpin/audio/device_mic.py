"""A real microphone, through PortAudio; it may be unplugged and plugged in again."""

import threading
from contextlib import suppress
from typing import Any

from hotpin.audio import hotplug
from hotpin.audio.devices import Device, DeviceInUseError, cannot_open, portaudio
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.audio.ring import Framer, Ring
from hotpin.audio.sound_server import SoundServer
from hotpin.clock import Clock
from hotpin.errors import AudioError

LATENCY_SECONDS = 0.02
"""s asked of PortAudio: with its own default the first callback came up to 2 s late on PulseAudio."""

LOST_SECONDS = 1.0
"""s without a sample after which a microphone counts as unplugged."""

PATIENT_LOST_SECONDS = 2.0
"""s for the same where a sound server tells at once when one is unplugged: on a busy machine samples come late."""

RETRY_SECONDS = 0.5
"""s between attempts to take a lost microphone back."""

_FIRST_SAMPLE_SECONDS = 3.0  # a sound server that wakes its card takes its time
_TICK_SECONDS = 0.25
_BLOCK_SECONDS = 0.02  # with 10 ms, frames came a little sooner, but a silent room took twice the processor time
_PREFERRED_RATES = (48_000, CAPTURE_RATE)  # what most cards run at, and divides evenly; then the device's own
_CLOSE_SECONDS = 1.0


class _Stream:
    """One open PortAudio stream that writes into a ring, from ``begin`` on.

    Raises:
        AudioError: if the device cannot be opened.
    """

    def __init__(self, device: Device, ring: Ring, clock: Clock) -> None:
        sounddevice = portaudio()
        self._ring = ring
        self._clock = clock
        self._live = False
        self.overflows = 0
        with hotplug.PORTAUDIO:
            rate, channels = _format(sounddevice, device)
            self.rate = rate
            self._stream: Any = None
            try:
                self._stream = sounddevice.InputStream(
                    samplerate=rate,
                    channels=channels,
                    dtype="int16",
                    device=device.index,
                    latency=LATENCY_SECONDS,
                    blocksize=round(rate * _BLOCK_SECONDS),
                    callback=self._callback,
                )
                self._stream.start()
            except sounddevice.PortAudioError as error:
                if self._stream is not None:
                    self._stream.close(ignore_errors=True)
                raise cannot_open("input", device.name, error) from error

    def begin(self) -> None:
        """Let audio through: it was made sure where it comes from."""
        self._ring.restart(self.rate)
        self._live = True

    @property
    def dead(self) -> bool:
        """Whether PortAudio has ended it."""
        try:
            return not self._stream.active
        except Exception:  # PortAudioError, whose class cannot be named without the library
            return True

    def close(self) -> None:
        """Let nothing through any more, and free the device."""
        self._live = False
        with hotplug.PORTAUDIO:
            self._stream.close(ignore_errors=True)

    def _callback(self, samples: Samples, frames: int, time: Any, status: Any) -> None:  # noqa: ANN401
        # PortAudio's own times were off by up to 0.8 s on a sound server: only the moment of the call counts.
        if self._live:
            self.overflows += bool(status.input_overflow)
            self._ring.write(samples[:, 0], self._clock.now())


def _format(sounddevice: Any, device: Device) -> tuple[int, int]:  # noqa: ANN401
    """Find a rate and a number of channels that a device takes: cards themselves often have neither 16 kHz nor mono."""
    refusal: Exception | None = None
    for channels in dict.fromkeys((1, min(2, device.inputs), device.inputs)):
        for rate in (*_PREFERRED_RATES, device.rate):
            try:
                sounddevice.check_input_settings(device.index, channels, "int16", samplerate=rate)
            except (sounddevice.PortAudioError, ValueError) as error:
                refusal = error
            else:
                return rate, channels
    raise cannot_open("input", device.name, refusal) from refusal


def _only_monitors() -> AudioError:
    return AudioError(
        "the sound server offers no microphone, only what a loudspeaker plays",
        "Connect a microphone, or choose one in the system's sound settings",
        retryable=True,
    )


class DeviceMicrophone:
    """A microphone of this machine.

    A thread of its own watches it: when it is unplugged, ``lost`` becomes true, and ``read`` gives nothing until it is
    back. Nothing is ever taken from a loudspeaker's monitor, which a sound server puts in its place.

    Args:
        clock: whose time the frames are stamped with; it must pass as real time does.
        device: index, name or part of the name; empty means the system's default.

    Raises:
        AudioError: if PortAudio is missing, there is no such device or more than one, or it cannot be opened.
    """

    def __init__(self, clock: Clock, device: str = "") -> None:
        self._clock = clock
        self._finder = hotplug.Finder("input", device)
        self._ring = Ring()
        self._framer = Framer()
        self._overflows = 0
        self._closed = threading.Event()
        self._server = SoundServer.connect()
        self._stream: _Stream | None = None
        self.in_use: DeviceInUseError | None = None
        """Why a lost one could not be taken back, if another program holds it."""
        self._doubtful = False
        self._lent = False
        try:
            self._open()
        except (AudioError, ConnectionError) as error:
            self._disconnect()
            if isinstance(error, AudioError):
                raise
            raise AudioError(str(error), "Restart the sound server", retryable=True) from error
        hotplug.lend(self)
        self._thread = threading.Thread(target=self._watch, name="hotpin-microphone", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it was closed; a lost microphone may come back."""
        return self._closed.is_set()

    @property
    def lost(self) -> bool:
        """Whether it is unplugged, or gave nothing for so long that it must be; until it can be opened again.

        If it gave nothing then either, it must give samples before it counts as back.
        """
        if self._stream is None:
            return not self._lent
        return self._doubtful and not self._ring.written

    @property
    def silent(self) -> bool:
        """Whether it gave nothing but zeros for 5 s, and no sound since: muted, or no access to it."""
        return self._framer.silent

    @property
    def overruns(self) -> int:
        """How often audio was lost because nobody read it in time."""
        return self._ring.overruns

    @property
    def overflows(self) -> int:
        """How often PortAudio says that it lost audio itself."""
        stream = self._stream
        return self._overflows + (stream.overflows if stream is not None else 0)

    @property
    def streaming(self) -> bool:
        """Whether it has a stream open."""
        return self._stream is not None

    @property
    def busy(self) -> bool:
        """Whether it cannot be lent now: it always can, and what is said in that moment is lost."""
        return False

    def lend(self) -> None:
        """Close the stream for a moment, see ``hotplug.Lender``; it does not count as lost."""
        with hotplug.PORTAUDIO:
            if self._stream is not None:
                self._lent = True
                self._let_go()

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, or ``None`` if there is none within about ``timeout`` seconds."""
        deadline = self._clock.now() + timeout
        while (frame := self._framer.pop()) is None:
            piece = self._ring.read(max(0.0, deadline - self._clock.now()), self._framer.missing)
            if piece is None:
                return None
            self._framer.push(piece)
        return frame

    def close(self) -> None:
        """Stop; a reader that waits is woken."""
        self._closed.set()
        self._ring.close()
        self._thread.join(_CLOSE_SECONDS)

    def _open(self) -> None:
        device = self._finder.find()
        if self._server is not None and not device.monitor and not self._server.has_microphone():
            raise _only_monitors()
        with hotplug.PORTAUDIO:  # or it might be lent before it is here
            stream = _Stream(device, self._ring, self._clock)
            if self._on_monitor() and not device.monitor:
                stream.close()
                raise _only_monitors()
            self.device = device
            self._finder.keep(device)
            stream.begin()
            self._stream = stream
            self._lent = False

    def _watch(self) -> None:
        written, quiet, retry_at = 0, 0.0, 0.0
        while not self._closed.is_set():
            changed = self._pause()
            stream = self._stream
            if stream is None:
                if self._lent or self._clock.now() >= retry_at:
                    self._take_back()
                    retry_at = self._clock.now() + RETRY_SECONDS
                    written, quiet = 0, 0.0
                continue
            # Ticks are counted, not time: a machine that stands still delays the callback as it delays this thread.
            quiet = 0.0 if self._ring.written != written else quiet + (0.0 if changed else _TICK_SECONDS)
            written = self._ring.written
            if quiet >= self._patience(written) or stream.dead or (changed and self._on_monitor()):
                self._lose()
                retry_at = self._clock.now() + RETRY_SECONDS  # long enough to be seen by who polls
        self._lose()
        self._disconnect()

    def _patience(self, written: int) -> float:
        """Return for how many s nothing may come from a stream that gave so many samples."""
        if not written:
            return _FIRST_SAMPLE_SECONDS
        return LOST_SECONDS if self._server is None else PATIENT_LOST_SECONDS

    def _pause(self) -> bool:
        """Wait for a tick; return at once and true if the sound server has something new."""
        if self._server is not None:
            try:
                return self._server.wait(_TICK_SECONDS)
            except ConnectionError:
                self._disconnect()
        self._closed.wait(_TICK_SECONDS)
        return False

    def _on_monitor(self) -> bool:
        if self._server is not None:
            with suppress(ConnectionError):
                return self._server.records_monitor()
        return False

    def _lose(self) -> None:
        with hotplug.PORTAUDIO:
            if self._stream is not None:
                self._doubtful = not self._ring.written
                self._let_go()

    def _let_go(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self._ring.restart(stream.rate)  # what nobody has read yet may be the loudspeaker's
            self._overflows += stream.overflows

    def _take_back(self) -> None:
        if self._server is None:
            self._server = SoundServer.connect()
        try:
            self._open()
        except (AudioError, ConnectionError) as error:
            self._lent = False
            self.in_use = error if isinstance(error, DeviceInUseError) else None
        else:
            self.in_use = None

    def _disconnect(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
