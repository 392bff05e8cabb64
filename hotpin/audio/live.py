"""Microphone, echo canceller and loudspeaker of this machine as one, for a conversation that is held live."""

from hotpin.audio.device_news import DeviceNews, Tell
from hotpin.audio.echo_guard import EchoGuard
from hotpin.audio.echo_quality import EchoQuality
from hotpin.audio.live_mic import LiveMicrophone
from hotpin.audio.live_speaker import LiveSpeaker
from hotpin.audio.mic import Microphone, NoMicrophone
from hotpin.clock import Clock
from hotpin.settings import AudioSettings

__all__ = ["DeviceNews", "LiveSound"]


class LiveSound:
    """A microphone and a loudspeaker that may be missing, come and go; the echo of one is taken out of the other.

    Nothing is raised for a device that is not there: it is told, and the device is taken when it comes.

    Args:
        settings: which devices, and what is done about the echo.
        clock: whose time frames and replies are stamped with; it must pass as real time does.
        rate: Hz of the voice.
        tell: gets the news about the devices; called from their own threads, which it must not hold up.
        listens: whether the microphone is wanted.
    """

    def __init__(self, settings: AudioSettings, clock: Clock, rate: int, tell: Tell, *, listens: bool = True) -> None:
        self._guard = EchoGuard(settings)

        def told(news: DeviceNews) -> None:
            if news.kind == "loudspeaker" and news.present:
                self._guard.path_changed()
            tell(news)

        self.speaker = LiveSpeaker(settings.output, rate, clock, self._guard.play, told)
        self.microphone: Microphone = NoMicrophone()
        if listens:
            self.microphone = LiveMicrophone(settings.input, clock, self._guard, tell)

    @property
    def echo_quality(self) -> EchoQuality | None:
        """How well the echo was removed lately; ``None`` before anything is known, or where it is not removed."""
        return self._guard.quality

    @property
    def gaps(self) -> dict[str, int]:
        """How often sound was lost: read too late, by the microphone itself, or not played in time."""
        found = {"overruns": 0, "overflows": 0, "underflows": self.speaker.underflows}
        if isinstance(self.microphone, LiveMicrophone):
            found |= {"overruns": self.microphone.overruns, "overflows": self.microphone.overflows}
        return found

    def close(self) -> None:
        """Free both devices."""
        self.microphone.close()
        self.speaker.close()
