"""Whether the microphone may be listened to while the loudspeaker plays: decided by what the canceller achieves."""

from hotpin.audio.echo import EchoCanceller, EchoPath, NoEcho
from hotpin.audio.echo_quality import EchoQuality
from hotpin.audio.frame import Frame
from hotpin.errors import AudioError
from hotpin.settings import AudioSettings

ASK_SECONDS = 1.0
"""s between two looks at how well the echo is removed: it changes slowly."""


class EchoGuard:
    """The echo path of the settings, and whether an echo may be taken for a person.

    ``play`` may be called by the loudspeaker's callback, ``clean`` by the listener, all else by any thread.
    """

    def __init__(self, settings: AudioSettings) -> None:
        self._mode = settings.echo
        self.missing = ""
        """Why no echo can be removed, for a person; empty where it can, or need not."""
        self._canceller: EchoCanceller | None = None
        if settings.echo == "auto" or settings.noise_suppression:
            try:
                self._canceller = EchoCanceller(noise_suppression=settings.noise_suppression)
            except AudioError as error:
                self.missing = str(error)
        self._path: EchoPath = self._canceller or NoEcho()
        self._quality: EchoQuality | None = None
        self._trusted = False
        self._ask_at = 0.0
        self._changed = False

    @property
    def hears_itself(self) -> bool:
        """Whether the microphone may hear the loudspeaker in a way that cannot be told from a person.

        While nothing is known yet, it may: it must have been shown that there is no echo, or that it is removed.
        """
        return self._mode == "half-duplex" or (self._mode == "auto" and not self._trusted)

    @property
    def quality(self) -> EchoQuality | None:
        """How well the echo was removed, as of a second ago at most; ``None`` where it is not measured."""
        return self._quality if self._mode == "auto" else None

    def play(self, frame: Frame) -> None:
        """Take what the loudspeaker plays."""
        if self._mode == "auto":
            self._path.play(frame)

    def clean(self, frame: Frame) -> Frame:
        """Return a capture frame without the echo."""
        cleaned = self._path.clean(frame)
        if self._mode == "auto" and self._canceller is not None:
            self._judge(self._canceller, frame.end)
        return cleaned

    def path_changed(self) -> None:
        """Tell that the echo takes another way from now on: another device, or the same one opened anew."""
        self._trusted = False
        self._changed = True

    def _judge(self, canceller: EchoCanceller, now: float) -> None:
        if self._changed:
            self._changed = False
            canceller.measure_anew()
            self._ask_at = now + ASK_SECONDS
            self._trusted = False
        elif now >= self._ask_at:
            self._ask_at = now + ASK_SECONDS
            self._quality = canceller.quality
            # Once it was removed, it need not be all the time, as long as who talks is told from it.
            removed = canceller.tells_people and (self._quality.converged or self._trusted)
            self._trusted = removed or self._quality.inaudible
