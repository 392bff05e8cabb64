"""A live conversation put together by hand, for as long as Hotpin has none of its own."""

from collections.abc import Callable

from hotpin.app import App
from hotpin.audio.device_mic import DeviceMicrophone
from hotpin.audio.echo import EchoCanceller
from hotpin.audio.frame import Frame, Samples
from hotpin.audio.speaker import DeviceSpeaker
from hotpin.bus import Bus
from hotpin.clock import RealClock
from hotpin.conversation import Conversation
from hotpin.registry import Kind
from hotpin.settings import Settings


class _CleanMicrophone(DeviceMicrophone):
    echo: EchoCanceller

    @property
    def hears_itself(self) -> bool:
        return not self.echo.converged

    def read(self, timeout: float) -> Frame | None:
        frame = super().read(timeout)
        return None if frame is None else self.echo.clean(frame)


class Live:
    def __init__(self, settings: Settings, session_id: str, agent: str = "") -> None:
        self._settings, self._session = settings, session_id
        self._app = App(settings)
        bus = Bus()
        self.events = bus.subscribe()
        self._bus = bus

    def open(self, loaded: Callable[[Kind], None]) -> None:
        self._app.load(loaded=loaded)
        clock, echo = RealClock(), EchoCanceller()
        self._speaker = DeviceSpeaker(24_000, clock, self._settings.audio.output)
        playback = self._speaker.playback
        read = playback.read_into

        def read_into(out: Samples, now: float) -> int:
            filled = read(out, now)
            echo.play(Frame(out, playback.rate, now))
            return filled

        playback.read_into = read_into  # type: ignore[method-assign]
        mic = _CleanMicrophone(clock, self._settings.audio.input)
        mic.echo = echo
        options = self._app.session_options(self._session)
        self.conversation = Conversation(self._app.engines, mic, playback, self._bus, options, clock)
        self.conversation.start()

    def close(self, timeout: float) -> None:
        self.conversation.close(timeout)
        self._speaker.close()
        self._app.close()
