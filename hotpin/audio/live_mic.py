"""The microphone of a conversation: it may be missing, be unplugged, come back; the loudspeaker's echo is taken out."""

import threading
from dataclasses import replace

from hotpin.audio.device_mic import DeviceMicrophone
from hotpin.audio.device_news import DeviceNews, Tell, as_sentence
from hotpin.audio.echo_guard import EchoGuard
from hotpin.audio.frame import Frame
from hotpin.clock import Clock
from hotpin.errors import AudioError

RETRY_SECONDS = 1.0
"""s between attempts to open a microphone that was never there; once there, it is watched for more closely."""

_TICK_SECONDS = 0.1
_CLOSE_SECONDS = 1.0

_LOST = "The microphone was unplugged. Plug it in again, or type meanwhile"
_SILENT = (
    "The microphone gives only digital silence. Unmute it, or allow this program to use it in the system's privacy "
    "settings"
)


class LiveMicrophone:
    """A microphone of this machine that need not be there.

    Args:
        device: index, name or part of the name; empty means the system's default.
        clock: whose time the frames are stamped with; it must pass as real time does.
        guard: takes the echo out of each frame, on the thread that reads.
        tell: gets the news: that the microphone is there, is lost, is back, is silent.
    """

    def __init__(self, device: str, clock: Clock, guard: EchoGuard, tell: Tell) -> None:
        self._wanted = device
        self._clock = clock
        self._guard = guard
        self._tell = tell
        self._told: DeviceNews | None = None
        self._silence_told = False  # until a sound is heard, however often it is opened anew
        self._microphone: DeviceMicrophone | None = None
        self._closed = threading.Event()
        self._there = threading.Event()  # or closed
        self._thread = threading.Thread(target=self._watch, name="hotpin-microphone-news", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it was closed; a lost microphone may come back."""
        return self._closed.is_set()

    @property
    def hears_itself(self) -> bool:
        """Whether it may hear the loudspeaker in a way that cannot be told from a person."""
        return self._guard.hears_itself

    @property
    def overruns(self) -> int:
        """How often audio was lost because nobody read it in time."""
        return self._microphone.overruns if self._microphone is not None else 0

    @property
    def overflows(self) -> int:
        """How often PortAudio says that it lost audio itself."""
        return self._microphone.overflows if self._microphone is not None else 0

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, without echo, or ``None`` if there is none within about ``timeout`` seconds."""
        microphone = self._microphone
        if microphone is None:
            self._there.wait(timeout)
            return None
        frame = microphone.read(timeout)
        return None if frame is None else self._guard.clean(frame)

    def close(self) -> None:
        """Stop; a reader that waits is woken."""
        self._closed.set()
        self._there.set()
        if self._microphone is not None:
            self._microphone.close()
        self._thread.join(_CLOSE_SECONDS)

    def _watch(self) -> None:
        while not self._closed.is_set():
            if self._microphone is None:
                self._open()
            if self._microphone is not None:
                self._news(self._look(self._microphone))
            self._closed.wait(RETRY_SECONDS if self._microphone is None else _TICK_SECONDS)
        if self._microphone is not None:
            self._microphone.close()  # it may have been opened while it was closed

    def _open(self) -> None:
        try:
            self._microphone = DeviceMicrophone(self._clock, self._wanted)
        except AudioError as error:
            self._news(DeviceNews("microphone", self._wanted, present=False, detail=as_sentence(error)))
        else:
            self._there.set()

    def _look(self, microphone: DeviceMicrophone) -> DeviceNews:
        name = microphone.device.name
        in_use = microphone.in_use  # asked first: it may be taken back meanwhile
        if microphone.lost:
            detail = as_sentence(in_use) if in_use is not None else _LOST
            return DeviceNews("microphone", name, present=False, detail=detail)
        there = DeviceNews("microphone", name, present=True, detail=self._guard.missing)
        silent = replace(there, detail=_SILENT)
        tells = microphone.silent and (not self._silence_told or self._told == silent)
        self._silence_told = microphone.silent
        return silent if tells else there

    def _news(self, news: DeviceNews) -> None:
        if news == self._told:
            return
        if news.present and (self._told is None or not self._told.present):
            self._guard.path_changed()
        self._told = news
        self._tell(news)
