"""The check of the room: how much of the loudspeaker the microphone hears, and whether that can be taken out again."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotpin.audio.device_mic import DeviceMicrophone
from hotpin.audio.echo import EchoCanceller
from hotpin.audio.echo_quality import EchoQuality
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples, to_float, to_int16
from hotpin.audio.hotplug import Finder
from hotpin.audio.resample import Resampler
from hotpin.audio.speaker import OutputStream, output_rate
from hotpin.clock import Clock, RealClock
from hotpin.doctor.check import Check
from hotpin.errors import AudioError
from hotpin.settings import AudioSettings, Settings

PLAY_SECONDS = 8.0
"""s that the test sound lasts at most; it ends as soon as enough is known."""

ROOM_SECONDS = 1.0
"""s of the room's own noise that are listened to before."""

WAKING_SECONDS = 6.0
"""s after which a device that does nothing is given up; a sound server that wakes its card takes about 2."""

MAX_DELAY_SECONDS = 0.6
"""s within which the echo is looked for."""

_RATE = 24_000
_LEVEL = 0.3  # of full scale: as loud as a reply
_READ_SECONDS = 0.1
_CLEAR_PEAK = 8.0  # how far the echo's peak must stand out of what is found at other delays, in standard deviations

_HALF_DUPLEX = "Until then speech is ignored while Hotpin speaks; a key interrupts it"
_UNMUTE = "Unmute it, or allow this program to use it in the system's privacy settings"


@dataclass(frozen=True, slots=True)
class Room:
    """What was measured."""

    delay: float | None
    """s from a sample's way into the loudspeaker's buffer to its way out of the microphone's; ``None``: not found."""

    quality: EchoQuality
    """How loud the echo is, and how much of it was removed."""

    known_after: float | None
    """s of the sound after which it was certain that a person can be told from the echo; ``None``: it was not."""

    muted: bool
    """Whether the microphone gave nothing but zeros."""


def echo(chosen: Settings) -> Iterator[Check]:
    """Play a test sound, and tell whether a person can interrupt Hotpin by speaking. It takes up to 15 s."""
    try:
        room = measure_room(chosen.audio, RealClock())
    except AudioError as error:
        yield Check("echo", ok=False, detail=f"not measured: {error.message}", fix=error.fix, required=False)
        return
    yield judge(room, chosen)


def judge(room: Room, chosen: Settings) -> Check:
    """Say plainly what the room means for who wants to interrupt."""
    quality = room.quality
    if room.muted:
        detail = "not measured: the microphone gives only digital silence"
        return Check("echo", ok=False, detail=detail, fix=_UNMUTE, required=False)
    if quality.inaudible:
        detail = "the microphone hears nothing of the loudspeaker: you can interrupt Hotpin by speaking"
        fix = "If you did not hear the test sound either, turn the loudspeaker up and try again"
        return Check("echo", ok=True, detail=detail, fix=_switched_on(chosen) or fix, required=False)
    delay = "" if room.delay is None else f"comes {room.delay * 1000:.0f} ms late, "
    over = quality.echo_dbfs - quality.noise_dbfs
    loud = f"at {quality.echo_dbfs:.0f} dBFS" + (
        f", {over:.0f} dB over the room's noise" if math.isfinite(over) else ""
    )
    removed = f"the echo {delay}{loud}; {quality.erle_db:.0f} dB of it are removed"
    if room.known_after is None:
        detail = f"{removed}, which is not enough: you cannot interrupt Hotpin by speaking on open loudspeakers here"
        fix = "Turn the loudspeaker down, move it away from the microphone, or use headphones (with audio.echo = off)"
        return Check("echo", ok=False, detail=detail, fix=f"{fix}. {_HALF_DUPLEX}", required=False)
    detail = f"{removed}: you can interrupt Hotpin by speaking, {room.known_after:.1f} s into its first reply and later"
    fix = _switched_on(chosen)
    if chosen.audio.echo == "off":
        fix = "The setting audio.echo is off, which is for headphones: Hotpin would hear itself. Set it to auto"
    return Check("echo", ok=chosen.audio.echo != "off", detail=detail, fix=fix, required=False)


def _switched_on(chosen: Settings) -> str:
    if chosen.audio.echo == "half-duplex":
        return "It is switched off: set audio.echo to auto"
    return "" if chosen.turn.barge_in else "It is switched off: set turn.barge_in to true"


def measure_room(settings: AudioSettings, clock: Clock) -> Room:
    """Play a sound and listen to it, with the canceller that conversations use.

    Raises:
        AudioError: if a device is missing or cannot be opened, gives nothing, or the canceller's package is missing.
    """
    microphone = DeviceMicrophone(clock, settings.input)
    try:
        measurement = _Measurement(microphone, clock, settings)
        stream = measurement.open()
        try:
            measurement.listen()
            measurement.play()
        finally:
            stream.close()
        return measurement.room()
    finally:
        microphone.close()


class _Measurement:
    """A sound on its way through the room."""

    def __init__(self, microphone: DeviceMicrophone, clock: Clock, settings: AudioSettings) -> None:
        self._microphone = microphone
        self._clock = clock
        self._device = Finder("output", settings.output).find()
        self._rate = output_rate(self._device.index, _RATE)
        self._canceller = EchoCanceller(noise_suppression=settings.noise_suppression)
        self._sound = _syllables(self._rate, PLAY_SECONDS)
        self._playing = False
        self._silence = 0.0  # s of it played before the sound
        self._position = 0  # in the sound
        self._began: list[float] = []  # when the sound began, as each callback shows it
        self._heard: list[Frame] = []  # while it was played
        self._known_after: float | None = None

    def open(self) -> OutputStream:
        """Open the loudspeaker, which is silent at first.

        Raises:
            AudioError: if it cannot be opened.
        """
        return OutputStream(self._device.index, self._rate, self._fill, self._clock)

    def listen(self) -> None:
        """Wait for both devices to run, and learn the room's own noise.

        Raises:
            AudioError: if one of them does nothing.
        """
        limit = self._clock.now() + WAKING_SECONDS
        while self._clock.now() < limit and (not self._heard or self._silence < ROOM_SECONDS):
            self._listen(_READ_SECONDS)
        if not self._heard:
            name = self._microphone.device.name
            raise AudioError(f"the microphone {name!r} gives no sound", "Plug it in again, or choose another")
        if self._silence < ROOM_SECONDS:
            name = self._device.name
            raise AudioError(f"the loudspeaker {name!r} takes no sound", "Connect it again, or choose another")
        self._listen(ROOM_SECONDS)
        self._heard.clear()

    def play(self) -> None:
        """Play until it is known whether the echo is removed."""
        limit = self._clock.now() + PLAY_SECONDS + WAKING_SECONDS
        self._playing = True
        while self._clock.now() < limit and self._position < len(self._sound):
            self._listen(_READ_SECONDS)
            quality = self._canceller.quality
            if quality.converged or quality.inaudible:
                self._known_after = self._position / self._rate
                return

    def room(self) -> Room:
        """Tell what was found out."""
        muted = not any(frame.samples.any() for frame in self._heard)
        return Room(self._delay(), self._canceller.quality, self._known_after, muted)

    def _fill(self, out: Samples, heard: float) -> None:
        out[:] = 0
        if self._playing:
            piece = self._sound[self._position : self._position + len(out)]
            out[: len(piece)] = piece
            self._began.append(self._clock.now() - self._position / self._rate)
            self._position += len(piece)
        else:
            self._silence += len(out) / self._rate
        self._canceller.play(Frame(out, self._rate, heard))

    def _listen(self, seconds: float) -> None:
        moment = self._clock.now() + seconds
        while self._clock.now() < moment:
            frame = self._microphone.read(_READ_SECONDS)
            if frame is not None:
                self._heard.append(frame)
                self._canceller.clean(frame)

    def _delay(self) -> float | None:
        if not self._heard or not self._began:
            return None
        resampler = Resampler(self._rate, CAPTURE_RATE)
        played = np.concatenate((resampler.push(self._sound[: self._position]), resampler.flush()))
        heard = np.concatenate([frame.samples for frame in self._heard])
        found = lag(to_float(played), to_float(heard), self._heard[0].start - float(np.median(self._began)))
        return None if found is None else max(0.0, found)


def lag(
    played: npt.NDArray[np.floating], heard: npt.NDArray[np.floating], offset: float, rate: int = CAPTURE_RATE
) -> float | None:
    """Find how much later a sound was heard than it was played, by cross-correlation; ``None`` if it is not in it.

    Args:
        played: shape (n,).
        heard: shape (m,).
        offset: s from the first sample played to the first one heard, on one clock.
        rate: Hz of both.
    """
    size = 1 << (len(played) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size))
    # Whitened, so that the peak is a single one although the sound has a tone of its own.
    found = np.abs(np.fft.irfft(spectrum / (np.abs(spectrum) + 1e-12), size))
    first = -round(offset * rate)  # the place in the correlation of no delay at all
    likely = np.take(found, np.arange(first, first + round(MAX_DELAY_SECONDS * rate)), mode="wrap")
    best = int(np.argmax(likely))
    return best / rate if likely[best] > _CLEAR_PEAK * float(np.std(found)) else None


def _syllables(rate: int, seconds: float) -> Samples:
    """Make noise of the spectrum that speech has, in syllables: a canceller learns from it as from a voice."""
    noise = np.random.default_rng(0).standard_normal(int(rate * seconds))
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(len(noise), 1 / rate)
    coloured = np.fft.irfft(spectrum / (1 + (hertz / 500) ** 2), len(noise))
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * np.arange(len(noise)) / rate)
    sound = coloured * syllables
    return to_int16(_LEVEL * sound / np.abs(sound).max())
