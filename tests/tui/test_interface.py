"""The full-screen interface, driven by keys."""

import threading
from collections.abc import Callable, Iterator

import pytest
from textual.widgets import Input

from hotpin.errors import LlmError
from hotpin.events import ReplyText
from hotpin.tui.messages import coalesced
from hotpin.tui.typed import MAX_WAITING
from hotpin.tui.widgets.help import Help
from hotpin.tui.widgets.message_input import MessageInput
from hotpin.tui.widgets.waterfall import Waterfall
from tests.fakes.engines import silence, speech
from tests.tui.conftest import TIMEOUT_SECONDS, Desk, say, until

pytestmark = pytest.mark.asyncio

MakeDesk = Callable[..., Desk]
REPLY = "Hotpin: I am fine, thank you. And how are you today?"


async def test_what_is_typed_is_answered_and_its_stages_are_shown(make_desk: MakeDesk) -> None:
    desk = make_desk()
    async with desk.interface.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await pilot.press("h", "i", "enter")
        waterfall = desk.interface.query_one(Waterfall)
        await until(pilot, lambda: waterfall.has_class("-fed"))
        assert desk.text == f"You: hi\n{REPLY}"
        assert desk.llm.prompts[0][-1].content == "hi"
        shown = str(waterfall.render())
        assert "Enter to voice" in shown
        assert "first token" in shown
        assert desk.state == "ready"


async def test_what_is_typed_before_the_engines_are_loaded_is_answered_line_by_line(make_desk: MakeDesk) -> None:
    desk = make_desk(load=False)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state.startswith("loading"))
        await say(pilot, "one")
        await say(pilot, "two")
        await until(pilot, lambda: desk.text == "You: one (waiting)\nYou: two (waiting)")
        desk.loading.set()
        await until(pilot, lambda: desk.text == f"You: one\n{REPLY}\nYou: two\n{REPLY}")
        assert "interrupted" not in desk.text


@pytest.mark.slow
async def test_a_message_too_many_stays_in_the_input_line(make_desk: MakeDesk) -> None:
    desk = make_desk(load=False)
    async with desk.interface.run_test(notifications=True) as pilot:
        for _ in range(MAX_WAITING):
            await say(pilot, "a")
        await say(pilot, "z")
        await until(pilot, lambda: bool(desk.toasts))
        assert "Wait for the next answer" in desk.toasts[0]
        assert desk.interface.query_one(MessageInput).value == "z"
        desk.loading.set()


@pytest.mark.slow
async def test_the_reply_appears_as_it_is_written(make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, more = make_desk(), threading.Event()

    def reply(*_: object) -> Iterator[str]:
        yield "One "
        more.wait(TIMEOUT_SECONDS)
        yield "two."

    monkeypatch.setattr(desk.llm, "reply", reply)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "hello")
        await until(pilot, lambda: desk.text.endswith("\nHotpin: One "))
        assert desk.state == "thinking"
        more.set()
        await until(pilot, lambda: desk.text.endswith("\nHotpin: One two."))


@pytest.mark.slow
async def test_partial_words_are_shown_until_the_final_ones_replace_them(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    desk.stt.words_so_far = "how are"
    desk.stt.gate.clear()
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        desk.mic.hear(speech(1.0))
        await until(pilot, lambda: "You: how are …" in desk.text)
        assert desk.state == "hearing you"
        desk.mic.hear(silence(3.0))
        desk.stt.gate.set()
        await until(pilot, lambda: desk.text == f"You: how are you\n{REPLY}")


async def test_escape_interrupts_the_reply_and_marks_it(make_desk: MakeDesk) -> None:
    desk = make_desk(paced=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "hello")
        await until(pilot, lambda: desk.state == "speaking")
        await pilot.press("escape")
        await until(pilot, lambda: "(interrupted)" in desk.text)
        await until(pilot, lambda: desk.state == "ready")


@pytest.mark.slow
async def test_a_line_typed_over_a_reply_interrupts_it_and_stands_below(make_desk: MakeDesk) -> None:
    desk = make_desk(paced=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "one")
        await until(pilot, lambda: desk.state == "speaking")
        await say(pilot, "two")
        await until(pilot, lambda: desk.text.count(REPLY[:12]) == 2)
        first, reply, second, _ = desk.text.split("\n")
        assert (first, second) == ("You: one", "You: two")
        assert reply.endswith("(interrupted)")


async def test_an_error_is_a_toast_that_says_what_to_do(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.llm.error = LlmError("the model [broke]", "Try: hotpin doctor")
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "hello")
        await until(pilot, lambda: desk.toasts == ["the model [broke]. Try: hotpin doctor"])
        await until(pilot, lambda: desk.state == "ready")


@pytest.mark.slow
async def test_engines_that_cannot_be_loaded_are_told_and_what_is_typed_is_kept(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk()

    def fail() -> None:
        raise LlmError("there is no model", "Run: hotpin models pull")

    monkeypatch.setattr(desk.llm, "load", fail)
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "stopped")
        assert "there is no model. Run: hotpin models pull" in desk.text
        await say(pilot, "hi")
        assert desk.interface.query_one(Input).value == "hi"


@pytest.mark.slow
async def test_a_question_mark_is_typed_in_the_input_line_and_opens_the_help_elsewhere(make_desk: MakeDesk) -> None:
    desk = make_desk()
    async with desk.interface.run_test() as pilot:
        await pilot.press("question_mark")
        assert desk.interface.query_one(Input).value == "?"
        await pilot.press("tab", "question_mark")
        assert isinstance(desk.interface.screen, Help)
        await pilot.press("escape")
        assert not isinstance(desk.interface.screen, Help)
        await pilot.press("tab", "f1")
        assert isinstance(desk.interface.screen, Help)
        await until(pilot, lambda: desk.state == "ready")  # shown beneath the help


@pytest.mark.slow
async def test_pasted_lines_become_one_message(make_desk: MakeDesk) -> None:
    from textual.events import Paste

    desk = make_desk()
    async with desk.interface.run_test() as pilot:
        line = desk.interface.query_one(MessageInput)
        line.post_message(Paste("one\ntwo\r\n three\n"))
        await until(pilot, lambda: line.value == "one two three")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (200, 60), (20, 5), (3, 1)])
async def test_every_size_shows_what_fits(make_desk: MakeDesk, size: tuple[int, int]) -> None:
    desk = make_desk()
    async with desk.interface.run_test(size=size) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "hello")
        await until(pilot, lambda: REPLY in desk.text)
        await pilot.press("f1", "escape")
        seen = desk.interface.query_one(Waterfall).region.width > 0
        assert seen == (size[1] >= 24)
        assert desk.interface.query_one(MessageInput).region.height == 1


@pytest.mark.slow
async def test_both_themes_can_be_had(make_desk: MakeDesk) -> None:
    desk = make_desk()
    async with desk.interface.run_test() as pilot:
        assert desk.interface.current_theme.dark
        await pilot.press("ctrl+t")
        assert not desk.interface.current_theme.dark
        await pilot.press("ctrl+t")
        assert desk.interface.current_theme.dark


@pytest.mark.slow
async def test_no_colour_is_drawn_where_none_is_wanted(make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    desk = make_desk()
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        drawn = desk.interface.export_screenshot()
        colours = {f"#{word[:6]}" for word in drawn.split("fill: #")[1:]}
        colours -= {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}  # of the window that frames the picture
        assert all(colour[1:3] == colour[3:5] == colour[5:7] for colour in colours), colours


@pytest.mark.slow
@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_leaving_does_not_wait_for_what_is_loading(make_desk: MakeDesk, key: str) -> None:
    desk = make_desk(load=False)
    async with desk.interface.run_test() as pilot:
        await pilot.press(key)
        await until(pilot, lambda: not desk.interface.is_running)
    desk.interface.call.close()
    desk.loading.set()


async def test_words_of_one_reply_are_joined_and_those_of_others_are_not() -> None:
    events = [ReplyText("c", 1, "a "), ReplyText("c", 1, "b "), ReplyText("c", 2, "c ")]
    assert coalesced(events) == [ReplyText("c", 1, "a b "), ReplyText("c", 2, "c ")]
