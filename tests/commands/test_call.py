"""A call in a terminal, with engines that do nothing: what is shown, and when it ends."""

import os
import sys
from pathlib import Path

import pytest

from hotpin.audio.speaker import VirtualSpeaker
from hotpin.clock import SkippingClock
from hotpin.commands.call import Call, converse
from hotpin.commands.start_call import Plan
from hotpin.commands.turns import Recording
from hotpin.conversation_options import ConversationOptions
from hotpin.endpoint import EndpointPolicy
from hotpin.engines import Engines
from hotpin.errors import HotpinError
from hotpin.turn_policy import TurnPolicy
from tests.commands.conftest import MakeWav
from tests.fakes.engines import VOICE_RATE, FakeLlm, FakeStt, FakeTts, FakeVad, speech


def hold(said: list[Recording], options: ConversationOptions, reply: str = "I am fine, thank you.") -> Call:
    """Hold a call to its end."""
    engines = Engines(FakeVad(), FakeStt(), FakeLlm(reply), FakeTts())
    clock = SkippingClock()
    speaker = VirtualSpeaker(VOICE_RATE, clock, paced=False)
    call = Call(Plan("kitchen", "", None, said, microphone=False, real_time=False, timing=False, as_json=False))
    conversation = converse(engines, options, (speaker, clock), said)
    try:
        with conversation.bus.subscribe() as events:
            conversation.start()
            call.hold(conversation, events)
    finally:
        speaker.close()
        engines.close()
    return call


def test_a_recording_is_answered_even_if_its_end_comes_before_the_end_of_the_turn(make_wav: MakeWav) -> None:
    recording = Recording(make_wav("question.wav", speech(1.0)))
    patient = ConversationOptions(agent="hotpin", policy=TurnPolicy(endpoint=EndpointPolicy(9.0, 9.0, 9.0, 9.0)))
    assert [turn.reply for turn in hold([recording], patient).turns] == ["I am fine, thank you."]


def test_a_reply_cannot_command_the_terminal(make_wav: MakeWav, capsys: pytest.CaptureFixture[str]) -> None:
    recording = Recording(make_wav("question.wav", speech(1.0)))
    hold([recording], ConversationOptions(agent="hotpin"), "Look: \x1b]0;owned\x07 \x9b2J here.")
    out = capsys.readouterr().out
    assert "Hotpin: Look: ]0;owned 2J here." in out


def test_standard_input_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with os.fdopen(os.open(tmp_path / "nohup.out", os.O_WRONLY | os.O_CREAT)) as unreadable:
        monkeypatch.setattr(sys, "stdin", unreadable)
        with pytest.raises(HotpinError, match="standard input cannot be read: Bad file descriptor"):
            hold([], ConversationOptions(agent="hotpin"))
