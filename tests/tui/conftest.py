"""The full-screen interface without a terminal, over engines that only pretend."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest
from textual.pilot import Pilot

from hotpin.app import VOICE_RATE, App
from hotpin.audio.mic import NoMicrophone
from hotpin.audio.speaker import VirtualSpeaker
from hotpin.bus import Bus
from hotpin.clock import RealClock
from hotpin.conversation import Conversation
from hotpin.engines import ALL_KINDS, Engines
from hotpin.errors import TtsError
from hotpin.events import DeviceChanged, Event
from hotpin.registry import Kind
from hotpin.setting_layers import with_values
from hotpin.settings import Settings
from hotpin.tui.app import Interface
from hotpin.tui.call import Plan
from hotpin.tui.widgets.message_input import MessageInput
from hotpin.tui.widgets.status import Status
from hotpin.tui.widgets.transcript import Transcript
from tests.fakes.engines import FakeLlm, FakeStt, FakeTts, fake_engines
from tests.fakes.sound import ManualClock, ManualMicrophone

TIMEOUT_SECONDS = 5.0
NO_VALUES: Mapping[str, str] = {}


class FakeApp(App):
    """The real composition over fake engines; they are loaded once ``gate`` is open."""

    def __init__(self, settings: Settings, engines: Engines, gate: threading.Event) -> None:
        super().__init__(settings)
        self.engines.close()
        self.engines = engines
        self._gate = gate

    def load(self, kinds: Iterable[Kind] = ALL_KINDS, loaded: Callable[[Kind], None] = lambda _: None) -> None:
        self._gate.wait(TIMEOUT_SECONDS)
        super().load(kinds, loaded)


class FakeLive:
    """A call with the real conversation over a microphone that is worked by hand."""

    def __init__(self, app: FakeApp, session_id: str, agent: str, *, listens: bool, paced: bool) -> None:
        self.app = app
        self.session_id, self.agent = session_id, agent
        self.mic: ManualMicrophone | None = None
        self._listens, self._paced = listens, paced
        self.bus = Bus()
        self.serving = ""
        self.gaps: dict[str, int] = {}
        self.conversation: Conversation | None = None
        self.freed = False

    def open(self, loaded: Callable[[Kind], None]) -> bool:
        options = self.app.session_options(self.session_id, agent=self.agent, live=True)
        self.app.load(loaded=loaded)
        clock = RealClock()
        if self._listens:
            self.mic = ManualMicrophone(cast("ManualClock", clock))
            self.mic._said = clock.now()
        else:
            self.bus.publish(DeviceChanged(self.session_id, 0, "microphone", "", False, ""))
        speaker = VirtualSpeaker(VOICE_RATE, clock, paced=self._paced)
        mic = self.mic or NoMicrophone()
        self.conversation = Conversation(self.app.engines, mic, speaker.playback, self.bus, options, clock)
        self.conversation.start()
        return True

    def close(self, timeout: float) -> None:
        if self.conversation is not None:
            self.conversation.close(timeout)

    def free(self) -> None:
        self.freed = True  # the engines are those of the next call too


@dataclass
class Desk:
    """An interface and what is behind it."""

    interface: Interface
    engines: Engines
    loading: threading.Event
    """Set where the engines may be loaded."""
    held: list[FakeLive] = field(default_factory=list)
    """The calls so far, the present one last."""

    @property
    def mic(self) -> ManualMicrophone:
        mic = self.held[-1].mic
        assert mic is not None
        return mic

    @property
    def conversation(self) -> Conversation:
        conversation = self.held[-1].conversation
        assert conversation is not None
        return conversation

    @property
    def settings(self) -> Settings:
        """What the present call is held with."""
        return self.interface.call.plan.settings

    def tell(self, event: Event) -> None:
        """Let something happen in the call."""
        self.held[-1].bus.publish(event)

    @property
    def llm(self) -> FakeLlm:
        return cast("FakeLlm", self.engines.llm)

    @property
    def stt(self) -> FakeStt:
        return cast("FakeStt", self.engines.stt)

    @property
    def tts(self) -> FakeTts:
        return cast("FakeTts", self.engines.tts)

    @property
    def text(self) -> str:
        """The conversation as it is shown, an entry a line."""
        entries = self.interface.screen_stack[0].query_one(Transcript).children
        return "\n".join(str(entry.render()) for entry in entries)

    @property
    def state(self) -> str:
        return self.interface.screen_stack[0].query_one(Status).words

    @property
    def toasts(self) -> list[str]:
        return [toast.message for toast in self.interface._notifications]


async def until(pilot: Pilot[None], wanted: Callable[[], bool]) -> None:
    """Wait for something to be shown."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not wanted():
        assert time.monotonic() < deadline, "it is never shown"
        await pilot.pause(0.01)


async def say(pilot: Pilot[None], text: str) -> None:
    """Type a line and press Enter; all of it at once, since the pilot takes a while for each key."""
    line = pilot.app.query_one(MessageInput)
    line.insert_text_at_cursor(text)
    await line.action_submit()
    await pilot.pause(0)


@pytest.fixture
def make_desk(settings: Settings, request: pytest.FixtureRequest) -> Callable[..., Desk]:
    """Make an interface; ``listens`` for one with a microphone, ``paced`` for replies that take their time,
    ``values`` for other settings.

    A call with the voice engine ``broken`` cannot be opened.
    """

    def make(
        *, listens: bool = False, paced: bool = False, load: bool = True, values: Mapping[str, str] = NO_VALUES
    ) -> Desk:
        engines, loading = fake_engines(), threading.Event()
        if load:
            loading.set()
        held: list[FakeLive] = []

        def hold(settings: Settings, session_id: str, agent: str) -> FakeLive:
            if settings.tts.engine == "broken":
                raise TtsError("the voice is broken", "Choose another")
            app = FakeApp(settings, engines, loading)
            held.append(FakeLive(app, session_id, agent, listens=listens, paced=paced))
            return held[-1]

        kept = with_values(settings, {"sessions.store": "memory", **values})
        desk = Desk(Interface(Plan(kept, "kitchen", hold=hold)), engines, loading, held)
        request.addfinalizer(engines.close)
        request.addfinalizer(desk.interface.call.close)
        return desk

    return make
