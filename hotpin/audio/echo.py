"""Takes what the loudspeaker plays out of what the microphone hears.

WebRTC's AEC3 finds by itself how late the echo comes, up to about half a second, and follows clocks that drift apart.
It compares the two signals step by step, so its one need is that both come at the same pace and the loudspeaker's
first; ``Reference`` sees to that, whatever blocks the devices deliver, and when.
"""

from typing import Any, Protocol

import numpy as np

from hotpin.audio.blocks import require_capture_rate
from hotpin.audio.double_talk import DoubleTalk
from hotpin.audio.echo_quality import EchoMeter, EchoQuality
from hotpin.audio.echo_reference import Reference
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.errors import AudioError

MIN_RATE, MAX_RATE = 8_000, 192_000
"""Hz. What sound devices play at."""

REST_SECONDS = 5.0
"""s of the loudspeaker's silence after which frames pass as they are, to spare the processor. Longer than any echo, so
that AEC3 finds everything as it left it."""

_MUTED = np.int16(32)
"""What is left of an echo that nobody talks over is taken down by as much again: 30 dB."""


class EchoPath(Protocol):
    """What stands between loudspeaker and microphone."""

    def play(self, frame: Frame) -> None:
        """Take what the loudspeaker plays next; may be called from its callback."""
        ...

    def clean(self, frame: Frame) -> Frame:
        """Return a capture frame without the echo; called by the listener."""
        ...

    @property
    def converged(self) -> bool:
        """Whether what is left of the echo can be told from a person."""
        ...


class NoEcho:
    """For headphones, or where nothing is played: everything passes."""

    converged = True

    def play(self, frame: Frame) -> None:
        """Do nothing: nobody but the person hears it."""

    def clean(self, frame: Frame) -> Frame:
        """Return the frame itself."""
        return frame


class EchoCanceller:
    """WebRTC's AEC3. ``play`` may be called by one thread and ``clean`` by another.

    The cleaned sound comes 8 ms late within its frame, 14 ms with noise suppression; AEC3's high-pass filter is part of
    it. Unless noise is suppressed, it rests while the loudspeaker is silent.

    Args:
        noise_suppression: whether steady noise is removed as well, by up to 12 dB.

    Raises:
        AudioError: if the package with AEC3 is missing.
    """

    def __init__(self, *, noise_suppression: bool = False) -> None:
        self._processor = _audio_processing(noise_suppression)
        self._reference = Reference()
        self._meter = EchoMeter()
        self._double_talk = DoubleTalk()
        self._may_rest = not noise_suppression
        self._silent_seconds = 0.0  # for how long the loudspeaker has been silent

    def play(self, frame: Frame) -> None:
        """Take what the loudspeaker plays next, at any rate and of any length. It only copies; it never waits long.

        Its start is when it is heard, on the clock of the frames that ``clean`` gets.

        Raises:
            AudioError: if the frame is empty or its rate is not usable.
        """
        _require_samples(frame)
        if not MIN_RATE <= frame.rate <= MAX_RATE:
            raise AudioError(
                f"the echo canceller cannot follow a loudspeaker at {frame.rate} Hz",
                f"Its rate must be from {MIN_RATE} to {MAX_RATE} Hz",
            )
        self._reference.push(frame)

    def clean(self, frame: Frame) -> Frame:
        """Return a capture frame without the echo: as long, with the same start; and tell if somebody talks over it.

        AEC3 takes blocks of 10 ms: a frame that is no whole number of them is filled up with silence, so only the last
        of a recording should be such a one.

        Raises:
            AudioError: if the frame is empty or not at 16 kHz.
        """
        require_capture_rate(frame, "the echo canceller")
        _require_samples(frame)
        far = self._reference.pull(frame)
        self._silent_seconds = 0.0 if far.any() else self._silent_seconds + frame.seconds
        if self._may_rest and self._silent_seconds > REST_SECONDS:
            self._meter.push(frame.samples, frame.samples, far)
            return frame
        # The package reads a strided view, such as one channel of two, as if it had no strides.
        cleaned: Samples = self._processor.process(np.ascontiguousarray(frame.samples), far)
        self._meter.push(frame.samples, cleaned, far)
        self._double_talk.push(frame.samples, far)
        no_echo = self._double_talk.certain and self._double_talk.known and self._reference.steady
        return Frame(self._choose(frame.samples, cleaned), frame.rate, frame.start, no_echo)

    def measure_anew(self) -> None:
        """Forget how well the echo was removed: it takes another way now. Call it from the thread of ``clean``."""
        self._meter.restart()
        self._double_talk.restart()

    def _choose(self, heard: Samples, cleaned: Samples) -> Samples:
        """Give a person who talks over the echo as they are, and an echo alone hardly at all.

        AEC3 would take both down alike at first; where its filter does not fit, it leaves both.
        """
        if not self._double_talk.known:
            return cleaned
        if self._double_talk.talk and (self._reference.steady or self._double_talk.fading):
            return heard
        return cleaned // _MUTED if self._double_talk.masked else cleaned

    @property
    def quality(self) -> EchoQuality:
        """How well the echo is removed; ask the thread that calls ``clean``."""
        return self._meter.quality()

    @property
    def converged(self) -> bool:
        """Whether what is left of the echo can be told from a person; ask the thread that calls ``clean``."""
        return self.quality.converged

    @property
    def tells_people(self) -> bool:
        """Whether a person who talks over the echo is told from it, however well it is removed."""
        return self._double_talk.reliable

    @property
    def dropped_seconds(self) -> float:
        """How much of the loudspeaker's signal was dropped because too much of it waited, in s."""
        return self._reference.dropped_seconds

    @property
    def missing_seconds(self) -> float:
        """For how long the loudspeaker's signal came too late for the microphone's, in s."""
        return self._reference.missing_seconds

    @property
    def slips(self) -> int:
        """How often the two signals were moved against each other; ask the thread that calls ``clean``."""
        return self._reference.slips


def _require_samples(frame: Frame) -> None:
    if not len(frame.samples):
        raise AudioError("the echo canceller got an empty frame: 0 samples")


def _audio_processing(noise_suppression: bool) -> Any:  # noqa: ANN401 - the package is imported when it is needed
    try:
        from pywebrtc_audio import AudioProcessor
    except ImportError as error:
        raise AudioError(
            "the package pywebrtc-audio is missing, so the echo cannot be removed",
            "Install it: pip install pywebrtc-audio",
        ) from error
    return AudioProcessor(
        sample_rate=CAPTURE_RATE,
        echo_cancellation=True,
        high_pass_filter=True,
        noise_suppression=noise_suppression,
    )
