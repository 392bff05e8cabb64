"""The loudspeaker's side of the path: a real one through PortAudio, or one made of software."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from hotpin.audio import hotplug
from hotpin.audio.devices import cannot_open, portaudio
from hotpin.audio.frame import Frame, Samples
from hotpin.audio.playback import CAPACITY_SECONDS, Playback
from hotpin.audio.resample import Resampler
from hotpin.cancel import Generation, Ticket
from hotpin.clock import Clock, RealClock
from hotpin.errors import AudioError

BLOCK_SECONDS = 0.01
"""s that a software loudspeaker plays at a time; sound cards use about as much."""

DEVICE_LATENCY_SECONDS = 0.06
"""s asked of PortAudio: with its own default the first callback came up to 2 s late on PulseAudio. With less, up to
0.04 s, a processor that was busy with the model's work let the device run dry, from which a sound server of software
needs 2 s to recover."""

Fill = Callable[[Samples, float], object]
"""Writes what is to be played into an array of shape (n,), whose first sample is heard at a moment in s."""

Sink = Callable[[Samples], None]
"""Takes what was played, such as a WAV file's writer."""


class Speaker(Protocol):
    """Plays what is written to its ``playback``."""

    playback: Playback

    def close(self) -> None:
        """Stop playing and free the device."""
        ...


class OutputStream:
    """One open PortAudio stream, mono.

    Args:
        device: PortAudio's index or name (part of it) of the device; ``None`` means the system's default.
        rate: Hz; see ``output_rate``.
        fill: called for all that is played, silence too.
        clock: whose time ``fill`` is told.

    Raises:
        AudioError: if PortAudio is missing, or the device cannot be opened.
    """

    def __init__(self, device: int | str | None, rate: int, fill: Fill, clock: Clock) -> None:
        sounddevice = _portaudio()
        self._fill = fill
        self._clock = clock
        self._stream: Any = None
        self.closed = False
        """Whether it is over."""
        self.calls = 0
        """How often the device has asked for more: if that no longer grows, it is gone."""
        self.underflows = 0
        """How often it had to play silence because it was not given more in time."""
        with hotplug.PORTAUDIO:
            try:
                self._stream = sounddevice.OutputStream(
                    samplerate=rate,
                    channels=1,
                    dtype="int16",
                    device=device,
                    latency=DEVICE_LATENCY_SECONDS,
                    blocksize=round(rate * BLOCK_SECONDS),
                    callback=self._callback,
                )
                self._stream.start()
            except (sounddevice.PortAudioError, ValueError) as error:
                if self._stream is not None:
                    self._stream.close(ignore_errors=True)
                raise _cannot_open(device, error) from error

    @property
    def dead(self) -> bool:
        """Whether PortAudio has ended it."""
        try:
            return not self._stream.active
        except Exception:  # PortAudioError, whose class cannot be named without the library
            return True

    def close(self) -> None:
        """Stop playing and free the device."""
        with hotplug.PORTAUDIO:
            self._stream.close(ignore_errors=True)
            self.closed = True

    def _callback(self, out: Samples, frames: int, time: Any, status: Any) -> None:  # noqa: ANN401
        self.calls += 1
        self.underflows += bool(status and status.output_underflow)
        # The sample written now is heard after the device's latency.
        latency = time.outputBufferDacTime - time.currentTime
        self._fill(out[:, 0], self._clock.now() + min(max(latency, 0.0), 1.0))


def output_rate(device: int | str | None, rate: int) -> int:
    """Return ``rate`` if a loudspeaker takes it, else its own, in Hz.

    Raises:
        AudioError: if PortAudio is missing, or there is no such device.
    """
    sounddevice = _portaudio()
    with hotplug.PORTAUDIO:
        try:
            try:
                sounddevice.check_output_settings(device, channels=1, dtype="int16", samplerate=rate)
            except sounddevice.PortAudioError:
                return int(sounddevice.query_devices(device, "output")["default_samplerate"])
        except (sounddevice.PortAudioError, ValueError) as error:
            raise _cannot_open(device, error) from error
        return rate


def _cannot_open(device: int | str | None, error: Exception) -> AudioError:
    name = "default" if device is None else str(device)
    fix = "Check the device and the setting audio.output, or write the reply to a file with --out"
    return cannot_open("output", name, error, fix)


class DeviceSpeaker:
    """A real loudspeaker: one PortAudio stream as long as it lives.

    Args:
        rate: Hz of the voice; where the device refuses it, the device's own rate is taken.
        clock: whose time ``first_audible`` is told in.
        device: PortAudio's index or name (part of it) of the device; empty means the system's default.

    Raises:
        AudioError: if PortAudio is missing, or there is no such device, or it cannot be opened.
    """

    def __init__(self, rate: int, clock: Clock, device: str = "") -> None:
        chosen: int | str | None = int(device) if device.isdigit() else device or None
        rate = output_rate(chosen, rate)
        self.playback = Playback(rate)
        self._clock = clock
        self._heard_until = 0.0  # s: when the end of what was played so far is heard
        with hotplug.PORTAUDIO:
            self._stream = OutputStream(chosen, rate, self._fill, clock)
            hotplug.in_use(self._stream)

    def close(self) -> None:
        """Stop playing and free the device, once it has played what it was given."""
        self._clock.wait_until(self._heard_until)
        self._stream.close()

    def _fill(self, out: Samples, heard: float) -> None:
        filled = self.playback.read_into(out, heard)
        if filled:
            self._heard_until = heard + filled / self.playback.rate


class VirtualSpeaker:
    """A loudspeaker made of software: plays at the pace of a clock, or as fast as audio comes.

    Args:
        rate: Hz.
        clock: whose pace it plays at and whose time ``first_audible`` is told in.
        paced: whether it takes the time that playing takes; otherwise everything counts as played when written.
        sink: gets what was played, without the silence before, between and after replies.
        capacity_seconds: s of audio that may wait to be played.
    """

    def __init__(
        self,
        rate: int,
        clock: Clock,
        *,
        paced: bool,
        sink: Sink | None = None,
        capacity_seconds: float = CAPACITY_SECONDS,
    ) -> None:
        self.playback = Playback(rate, capacity_seconds)
        self._clock = clock
        self._paced = paced
        self._sink = sink
        self._block = np.zeros(int(rate * BLOCK_SECONDS), np.int16)
        self._failure: AudioError | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotpin-speaker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop playing.

        Raises:
            AudioError: if the sink could not take everything, as on a full disk.
        """
        self._closed.set()
        self._thread.join(timeout=1.0)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        due = self._clock.now()
        while not self._closed.is_set():
            if self._paced:
                self._clock.wait_until(due)
                due = max(due + BLOCK_SECONDS, self._clock.now() - BLOCK_SECONDS)
            elif not self.playback.wait(timeout=0.1):
                continue
            filled = self.playback.read_into(self._block, self._clock.now())
            if filled and self._sink is not None and self._failure is None:
                self._give(self._sink, self._block[:filled].copy())

    def _give(self, sink: Sink, samples: Samples) -> None:
        try:
            sink(samples)
        except AudioError as error:
            # The reply is played to its end all the same, or its turn would never end.
            self._failure = error


def has_output() -> bool:
    """Whether this machine has a sound output that PortAudio can see."""
    try:
        sounddevice = _portaudio()
        return sounddevice.query_devices(kind="output") is not None
    except (AudioError, ValueError):
        return False
    except Exception:  # PortAudioError, whose class cannot be named without the library
        return False


def _portaudio() -> Any:  # noqa: ANN401 - sounddevice has no type stubs
    try:
        return portaudio()
    except AudioError as error:
        raise AudioError(
            "the PortAudio library is missing, so there is no sound", f"Install it: {error.fix}"
        ) from error


def play_all(frames: Sequence[Frame], device: str = "") -> None:
    """Play frames of one rate, in turn, and return when they have been heard.

    Raises:
        AudioError: if the device cannot be opened.
    """
    counter = Generation()
    ticket = Ticket("play", 1, counter.number, counter)
    speaker = DeviceSpeaker(frames[0].rate, RealClock(), device)
    try:
        speaker.playback.begin(ticket)
        resampler = Resampler(frames[0].rate, speaker.playback.rate)
        for frame in frames:
            speaker.playback.write(ticket, 0, resampler.push(frame.samples))
        speaker.playback.write(ticket, 0, resampler.flush())
        speaker.playback.end(ticket)
        speaker.playback.wait_finished()
    finally:
        speaker.close()
