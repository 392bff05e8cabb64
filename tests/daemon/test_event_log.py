"""What the log tells of a conversation, and what it must not."""

import logging

import pytest

from hotpin.errors import HotpinError
from hotpin.event_log import EventLog
from hotpin.events import (
    Attention,
    AttentionChanged,
    DeviceChanged,
    Event,
    Failed,
    Heard,
    Interrupted,
    Level,
    Noticed,
    Partial,
    ReplyText,
    ReplyWritten,
    Speaking,
    Spoken,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.logs import ServiceFormatter
from hotpin.timing import Timing

PRIVATE = "pineapple"
TIMING = Timing(speech_end=1.0, endpoint=1.4, stt_final=1.5, llm_first_token=1.6, tts_first_audio=1.7, first_audio=1.8)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """Log lines as the journal gets them."""
    caplog.set_level(logging.DEBUG, "hotpin")
    monkeypatch.setattr(caplog.handler, "formatter", ServiceFormatter(for_journal=True))
    return caplog


def wrapped() -> HotpinError:
    try:
        raise HotpinError("the voice failed") from ValueError(PRIVATE)
    except HotpinError as error:
        return error


def test_no_word_that_was_said_or_written_is_logged(told: pytest.LogCaptureFixture) -> None:
    events: list[Event] = [
        Partial("d", 1, PRIVATE),
        Heard("d", 1, PRIVATE),
        ReplyText("d", 1, PRIVATE),
        ReplyWritten("d", 1, PRIVATE),
        Speaking("d", 1),
        Spoken("d", 1, PRIVATE),
        Interrupted("d", 1, PRIVATE),
        TurnDone("d", 1, PRIVATE, PRIVATE, PRIVATE, TIMING),
        Failed("d", 1, "llm", ValueError(PRIVATE)),
        Failed("d", 1, "tts", wrapped()),
    ]
    log = EventLog()
    for event in events:
        log.take(event)
    assert PRIVATE not in told.text
    assert "event=failed turn=1 stage=llm error=ValueError" in told.text


def test_a_turn_is_logged_with_its_stages_times(told: pytest.LogCaptureFixture) -> None:
    EventLog().take(TurnDone("d", 3, "hello", "hi there", "hi", TIMING))
    assert "<6>event=turn turn=3 understood=true interrupted=true end_of_turn_ms=400" in told.text
    assert "voice_to_voice_ms=800" in told.text


def test_what_did_not_happen_is_left_out(told: pytest.LogCaptureFixture) -> None:
    EventLog().take(TurnDone("d", 3, "hello", "hi", "hi", Timing()))
    assert "_ms=" not in told.text


def test_devices_states_and_notices_are_logged(told: pytest.LogCaptureFixture) -> None:
    log = EventLog()
    log.take(DeviceChanged("d", 0, "microphone", 'USB "mic"', False, "It was unplugged"))
    log.take(StateChanged("d", 1, State.THINKING))
    log.take(AttentionChanged("d", 1, Attention.MUTED))
    log.take(Noticed("d", 0, "another voice speaks"))
    assert r'<4>event=device kind=microphone name="USB \"mic\"" present=false detail="It was unplugged"' in told.text
    assert "event=state turn=1 state=thinking" in told.text
    assert "event=attention turn=1 attention=muted" in told.text
    assert '<4>event=notice text="another voice speaks"' in told.text


def test_the_level_is_not_worth_a_line(told: pytest.LogCaptureFixture) -> None:
    EventLog().take(Level("d", 0, -40.0, 0.5))
    assert told.text == ""


def test_only_answered_questions_count_as_turns() -> None:
    log = EventLog()
    log.take(TurnDone("d", 1, "", "an announcement", "an announcement", Timing()))
    assert log.turns == 0
    log.take(TurnDone("d", 2, "hello", "hi", "hi", TIMING))
    log.take(TurnDone("d", 3, "typed", "hi", "hi", Timing()))
    assert log.turns == 2
    assert log.voice_to_voice == pytest.approx(0.8)


def test_it_says_in_a_word_what_goes_on() -> None:
    log = EventLog()
    assert log.in_words() == "listening"
    assert log.take(AttentionChanged("d", 0, Attention.ASLEEP))
    assert log.in_words() == "asleep"
    assert log.take(StateChanged("d", 1, State.SPEAKING))
    assert log.in_words() == "speaking"
    assert not log.take(AttentionChanged("d", 1, Attention.MUTED))
    assert log.take(StateChanged("d", 1, State.LISTENING))
    assert log.in_words() == "muted"
