"""The full-screen interface without a terminal, over engines that only pretend."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest
from textual.pilot import Pilot

from hotpin.app import VOICE_RATE, App
from hotpin.audio.speaker import VirtualSpeaker
from hotpin.clock import Clock
from hotpin.engines import ALL_KINDS, Engines
from hotpin.registry import Kind
from hotpin.settings import Settings
from hotpin.tui.app import Interface
from hotpin.tui.call import Plan
from hotpin.tui.widgets.message_input import MessageInput
from hotpin.tui.widgets.status import Status
from hotpin.tui.widgets.transcript import Transcript
from tests.conftest import choosing
from tests.fakes.engines import FakeLlm, FakeStt, FakeTts, fake_engines
from tests.fakes.sound import ManualClock, ManualMicrophone

TIMEOUT_SECONDS = 5.0


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


@dataclass
class Desk:
    """An interface and what is behind it."""

    interface: Interface
    engines: Engines
    loading: threading.Event
    """Set where the engines may be loaded."""
    mic: list[ManualMicrophone] = field(default_factory=list)

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
    """Make an interface; ``listens`` for one with a microphone, ``paced`` for replies that take their time."""
    kept = choosing(settings, "sessions", store="memory")

    def make(*, listens: bool = False, paced: bool = False, load: bool = True) -> Desk:
        engines, loading = fake_engines(), threading.Event()
        if load:
            loading.set()
        mics: list[ManualMicrophone] = []

        def open_microphone(settings: Settings, clock: Clock) -> ManualMicrophone:
            mics.append(ManualMicrophone(cast("ManualClock", clock)))
            mics[-1]._said = clock.now()
            return mics[-1]

        plan = Plan(
            kept,
            "kitchen",
            build_app=lambda settings: FakeApp(settings, engines, loading),
            open_microphone=open_microphone if listens else None,
            open_speaker=lambda settings, clock: VirtualSpeaker(VOICE_RATE, clock, paced=paced),
        )
        desk = Desk(Interface(plan), engines, loading, mics)
        request.addfinalizer(engines.close)
        request.addfinalizer(desk.interface.call.close)
        return desk

    return make
