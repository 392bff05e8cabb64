"""A stage for whole conversations: fake engines, a clock and a microphone in the test's hands."""

import time
from collections.abc import Callable
from typing import TypeVar, cast

from hotpin.audio.playback import Playback
from hotpin.bus import Bus
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.engines import Engines
from hotpin.events import Event, ReplyWritten, TurnDone
from tests.fakes.engines import VOICE_RATE, FakeLlm, FakeStt, FakeTts, fake_engines, silence, speech
from tests.fakes.sound import ManualClock, ManualMicrophone, play

Kind = TypeVar("Kind", bound=Event)
TIMEOUT = 5.0


class Stage:
    """A conversation with everything around it in the test's hands."""

    def __init__(self, options: ConversationOptions, bus: Bus | None = None) -> None:
        self.engines: Engines = fake_engines()
        self.clock = ManualClock()
        self.mic = ManualMicrophone(self.clock)
        self.playback = Playback(VOICE_RATE, capacity_seconds=60.0)
        bus = bus or Bus()
        self.events = bus.subscribe()
        self.seen: list[Event] = []
        self.conversation = Conversation(self.engines, self.mic, self.playback, bus, options, self.clock)
        self.conversation.start()

    @property
    def stt(self) -> FakeStt:
        return cast("FakeStt", self.engines.stt)

    @property
    def llm(self) -> FakeLlm:
        return cast("FakeLlm", self.engines.llm)

    @property
    def tts(self) -> FakeTts:
        return cast("FakeTts", self.engines.tts)

    def ask(self) -> None:
        """Say a question and be silent."""
        self.mic.hear(speech(1.0))
        self.mic.hear(silence(0.6))

    def until(self, kind: type[Kind], wanted: Callable[[Kind], bool] = lambda _: True) -> Kind:
        """Wait for an event."""
        while True:
            event = self.events.get(TIMEOUT)
            assert event is not None, f"no {kind.__name__} came; before it: {self.seen}"
            self.seen.append(event)
            if isinstance(event, kind) and wanted(event):
                return event

    def hear_reply(self) -> TurnDone:
        """Let the whole reply be played."""
        self.until(ReplyWritten)
        deadline = time.monotonic() + TIMEOUT
        while not self.playback.progress().finished:
            assert time.monotonic() < deadline, "the reply is never over"
            play(self.playback, self.clock, 0.1)
        return self.until(TurnDone)

    def close(self) -> None:
        self.conversation.close()
        self.engines.close()


Make = Callable[..., Stage]
