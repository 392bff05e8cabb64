"""A call in the terminal that this process is started in, with engines that only pretend; the model writes slowly."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hotpin.audio.speaker import VirtualSpeaker
from hotpin.clock import RealClock
from hotpin.commands.call import Call, converse
from hotpin.commands.start_call import Plan
from hotpin.conversation_options import ConversationOptions
from hotpin.engines import Engines
from tests.fakes.engines import VOICE_RATE, FakeLlm, FakeStt, FakeTts, FakeVad

WORD_SECONDS = 0.05


class EchoLlm(FakeLlm):
    """Says what it was asked, a word at a time."""

    def reply(self, *arguments: Any, **options: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the fake takes
        self.text = f"You asked me: {arguments[1][-1].content} And that was all."
        for word in super().reply(*arguments, **options):
            time.sleep(WORD_SECONDS)
            yield word


def main() -> None:
    """Hold the call; Ctrl-C ends it."""
    engines = Engines(FakeVad(), FakeStt(), EchoLlm(), FakeTts())
    options = ConversationOptions(agent="hotpin")
    clock = RealClock()
    plan = Plan(
        "kitchen", "", None, [], microphone=False, real_time=False, timing="--timing" in sys.argv, as_json=False
    )
    conversation = converse(engines, options, (VirtualSpeaker(VOICE_RATE, clock, paced=True), clock), [])
    with suppress(KeyboardInterrupt), conversation.bus.subscribe() as events:
        conversation.start()
        Call(plan).hold(conversation, events)
    print("Over.")


if __name__ == "__main__":
    main()
