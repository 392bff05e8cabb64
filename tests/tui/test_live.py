"""What the interface shows and does of a live call: talking, muting, hands-free, levels, spoken words, devices."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hotpin.events import (
    Attention,
    AttentionChanged,
    DeviceChanged,
    Heard,
    Interrupted,
    Level,
    ReplyText,
    ReplyWritten,
    Spoken,
    State,
    TurnDone,
)
from hotpin.timing import Timing
from hotpin.tui.talk_key import REPEAT_SECONDS
from hotpin.tui.widgets.level import LevelMeter
from hotpin.tui.widgets.message_input import MessageInput
from hotpin.tui.widgets.status import LOADING, Glance
from hotpin.tui.widgets.transcript import Entry, Transcript, heard_up_to
from tests.fakes.engines import speech
from tests.fakes.sound import ManualClock
from tests.tui.conftest import Desk, say, until
from tests.tui.test_interface import REPLY

MakeDesk = Callable[..., Desk]

LISTENING = Glance(state=State.LISTENING)


@pytest.mark.parametrize(
    ("glance", "words", "hint"),
    [
        (Glance(), "loading", ""),
        (Glance(LOADING, "loading 2/5", Attention.MUTED), "loading 2/5, muted", ""),
        (LISTENING, "listening", ""),
        (replace(LISTENING, attention=Attention.MUTED), "muted", "F2 listens again"),
        (replace(LISTENING, attention=Attention.ASLEEP, wake_word="hey_jarvis"), "asleep", "hey jarvis"),
        (replace(LISTENING, hands_free=False, attention=Attention.ASLEEP), "push to talk", "space talks"),
        (replace(LISTENING, microphone=False), "ready", "no microphone"),
        (Glance(state=State.SPEAKING, attention=Attention.MUTED), "speaking, muted", ""),
        (Glance(state=State.HEARING, hands_free=False), "hearing you", ""),
    ],
)
def test_the_state_is_told_in_a_word_or_two(glance: Glance, words: str, hint: str) -> None:
    assert glance.words == words
    assert hint in glance.hint
    assert bool(hint) == bool(glance.hint)


@pytest.mark.parametrize(
    ("spoken", "heard"),
    [("", ""), ("It is", "It is"), ("It is two", "It is *2*"), ("It is two degrees now and more", "It is *2* °C")],
)
def test_what_was_heard_is_found_in_a_reply_that_is_written_otherwise(spoken: str, heard: str) -> None:
    written = "It is *2* °C"
    assert written[: heard_up_to(written, spoken)] == heard


@pytest.fixture
def strokes(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The clock that strokes of the talk key are timed with: the pilot's own take as long as the process is busy."""
    clock = ManualClock()
    monkeypatch.setattr("hotpin.tui.app.monotonic", clock.now)
    return clock


@pytest.mark.asyncio
@pytest.mark.slow
async def test_space_talks_and_sends_where_nothing_is_typed(make_desk: MakeDesk, strokes: ManualClock) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("space")
        await until(pilot, lambda: desk.state == "hearing you")
        desk.mic.hear(speech(1.5))
        strokes.time += 1.0  # sooner than this it might be the key repeating
        await pilot.press("space")
        await until(pilot, lambda: desk.text == f"You: how are you\n{REPLY}")
        await pilot.press("a", "space", "b")
        assert desk.interface.query_one(MessageInput).value == "a b"


@pytest.mark.asyncio
@pytest.mark.slow
async def test_a_held_space_is_sent_when_it_is_let_go(
    make_desk: MakeDesk, strokes: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotpin.tui.app.REPEAT_SECONDS", 3600.0)  # nobody lets it go yet, however long a stroke takes
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("space")
        await until(pilot, lambda: desk.state == "hearing you")
        desk.mic.hear(speech(1.0))
        for _ in range(10):
            strokes.time += 0.1
            await pilot.press("space")
            assert desk.state == "hearing you"
        monkeypatch.setattr("hotpin.tui.app.REPEAT_SECONDS", REPEAT_SECONDS)
        strokes.time += 0.1
        await pilot.press("space")
        await until(pilot, lambda: REPLY in desk.text)


@pytest.mark.asyncio
@pytest.mark.slow
async def test_without_a_microphone_space_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk()
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await pilot.press("space")
        await until(pilot, lambda: desk.toasts == ["There is no microphone. Connect one, or type"])


@pytest.mark.asyncio
@pytest.mark.slow
async def test_the_microphone_is_muted_and_heard_again_by_a_key(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("f2")
        await until(pilot, lambda: desk.state == "muted")
        await say(pilot, "hello")
        await until(pilot, lambda: REPLY in desk.text)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: desk.state == "listening")


@pytest.mark.asyncio
@pytest.mark.slow
async def test_muted_before_the_call_is_open_it_hears_nothing_from_the_start(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True, load=False)
    async with desk.interface.run_test() as pilot:
        await pilot.press("f2")
        await until(pilot, lambda: desk.state.endswith(", muted"))
        desk.loading.set()
        await until(pilot, lambda: desk.state == "muted" and desk.conversation.attention is Attention.MUTED)


@pytest.mark.asyncio
@pytest.mark.slow
async def test_hands_free_is_left_and_entered_by_a_key(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("f3")
        await until(pilot, lambda: desk.state == "push to talk")
        await pilot.press("f3")
        await until(pilot, lambda: desk.state == "listening")


@pytest.mark.asyncio
async def test_what_is_heard_of_a_reply_stands_out_from_what_is_not_yet(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        desk.tell(Heard("kitchen", 1, "hello"))
        desk.tell(ReplyText("kitchen", 1, "One two three."))
        desk.tell(ReplyWritten("kitchen", 1, "One two three."))
        await until(pilot, lambda: desk.text.endswith("three."))
        reply = desk.interface.query_one(Transcript).query(Entry).last()
        assert reply.heard == 0
        desk.tell(Spoken("kitchen", 1, "One"))
        desk.tell(Spoken("kitchen", 1, "One two"))
        await until(pilot, lambda: reply.heard == len("One two"))
        desk.tell(TurnDone("kitchen", 1, "hello", "One two three.", "One two three.", Timing()))
        await until(pilot, lambda: reply.heard == len("One two three."))


@pytest.mark.asyncio
@pytest.mark.slow
async def test_an_interrupted_reply_stays_as_far_as_it_was_heard(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        desk.tell(ReplyWritten("kitchen", 1, "One two three."))
        desk.tell(Interrupted("kitchen", 1, "One two"))
        desk.tell(TurnDone("kitchen", 1, "hello", "One two three.", "One two", Timing()))
        await until(pilot, lambda: desk.text == "Hotpin: One two three. (interrupted)")
        assert desk.interface.query_one(Transcript).query(Entry).last().heard == len("One two")


@pytest.mark.asyncio
@pytest.mark.slow
async def test_the_meter_shows_the_level_with_the_threshold_of_the_settings(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        meter = desk.interface.query_one(LevelMeter)
        assert not meter.display or meter.region.width == 0
        desk.tell(Level("kitchen", 1, -30.0, 0.9))
        await until(pilot, lambda: str(meter.render()).endswith("yes"))
        assert meter.threshold == desk.settings.turn.start_threshold
        desk.tell(AttentionChanged("kitchen", 1, Attention.MUTED))
        await until(pilot, lambda: "█" not in str(meter.render()))


@pytest.mark.asyncio
@pytest.mark.slow
async def test_a_microphone_that_goes_and_comes_is_told(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "listening")
        desk.tell(DeviceChanged("kitchen", 1, "microphone", "USB [1]", False, "USB [1] is unplugged. Type, meanwhile"))
        await until(pilot, lambda: desk.state == "ready")
        assert desk.toasts == ["USB [1] is unplugged. Type, meanwhile"]
        desk.tell(DeviceChanged("kitchen", 1, "microphone", "USB [1]", True, ""))
        await until(pilot, lambda: desk.state == "listening")


@pytest.mark.asyncio
@pytest.mark.slow
async def test_the_wake_word_is_named_while_it_sleeps(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        desk.tell(AttentionChanged("kitchen", 1, Attention.ASLEEP))
        await until(pilot, lambda: desk.state == "asleep")


@pytest.mark.asyncio
@pytest.mark.slow
async def test_messages_typed_before_can_be_had_again(make_desk: MakeDesk) -> None:
    desk = make_desk()
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        line = desk.interface.query_one(MessageInput)
        for text in ("one", "two", "two"):
            await say(pilot, text)
        line.insert_text_at_cursor("three")
        seen = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(line.value)
        assert seen == ["two", "one", "one", "two", "three", "three"]
