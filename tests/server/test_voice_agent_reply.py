"""The order of a voice agent's messages, whatever the order of what happens."""

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest

from hotpin.cancel import Generation, Ticket
from hotpin.server.socket_playback import Sound
from hotpin.server.voice_agent_reply import AgentReply

TICKET = Ticket("kitchen", 1, 0, Generation())
AUDIO = Sound(TICKET, b"a" * 5000, 100)
END = Sound(TICKET, b"b", 0, last=True)
ORDER = ["processing", "transcription", "llm_response", "generating_audio", *["audio"] * 3, "idle"]


class Told:
    """What was told, in order."""

    def __init__(self, *, streamed: bool = False) -> None:
        self.kinds: list[str] = []
        self.samples = 0
        self.reply = AgentReply(self._tell, self._audio, streamed=streamed)

    def _tell(self, message: Mapping[str, Any]) -> None:
        self.kinds.append(message.get("status", message["type"]))

    def _audio(self, sound: Sound, data: bytes, samples: int) -> None:
        self.samples += samples
        if data:
            assert len(data) <= 4096
            self.kinds.append("audio")


def test_audio_that_is_there_before_the_text_waits_for_it() -> None:
    steps: dict[str, Callable[[AgentReply], None]] = {
        "written": lambda reply: reply.written("text"),
        "audio": lambda reply: reply.sounded(AUDIO),
        "end": lambda reply: reply.sounded(END),
    }
    for order in permutations(steps):
        if order.index("audio") > order.index("end"):
            continue
        told = Told()
        told.reply.expect()
        told.reply.heard("words")
        for step in order:
            steps[step](told.reply)
        assert told.kinds == ORDER, order
        assert told.samples == 100


def test_streamed_audio_does_not_wait() -> None:
    told = Told(streamed=True)
    told.reply.expect()
    told.reply.heard("words")
    told.reply.sounded(AUDIO)
    told.reply.written("text")
    told.reply.sounded(END)
    assert told.kinds == [
        "processing",
        "transcription",
        "generating_audio",
        "audio",
        "audio",
        "llm_response",
        "audio",
        "idle",
    ]


def test_a_failed_turn_ends_idle_and_without_half_a_reply() -> None:
    told = Told()
    told.reply.expect()
    told.reply.heard("words")
    told.reply.sounded(AUDIO)
    told.reply.failed()
    told.reply.sounded(END)
    assert told.kinds == ["processing", "transcription", "idle"]


def test_a_cancelled_turn_ends_idle() -> None:
    told = Told()
    told.reply.expect()
    told.reply.heard("words")
    told.reply.sounded(AUDIO)
    told.reply.sounded(Sound(TICKET, b"", 0, last=True, dropped=True))
    told.reply.expect()
    told.reply.written("late")  # it was on its way
    assert told.kinds == ["processing", "transcription", "idle", "processing"]


def test_nothing_understood_is_idle() -> None:
    told = Told()
    told.reply.expect()
    told.reply.heard("")
    told.reply.sounded(END)
    assert told.kinds == ["processing", "idle"]


def test_a_noise_that_nobody_asked_about_is_not_told() -> None:
    told = Told()
    told.reply.heard("")
    told.reply.sounded(END)
    assert told.kinds == []


def test_a_turn_whose_end_the_server_found_is_told_from_its_words_on() -> None:
    told = Told()
    told.reply.heard("words")
    told.reply.written("text")
    told.reply.sounded(AUDIO)
    told.reply.sounded(END)
    assert told.kinds == ORDER


@pytest.mark.parametrize("streamed", [False, True])
def test_a_turn_asked_for_during_another_is_told_after_it(streamed: bool) -> None:
    told = Told(streamed=streamed)
    told.reply.expect()
    told.reply.expect()
    for _ in range(2):
        told.reply.heard("words")
        told.reply.written("text")
        told.reply.sounded(AUDIO)
        told.reply.sounded(END)
    assert told.kinds == [*ORDER, *ORDER]
