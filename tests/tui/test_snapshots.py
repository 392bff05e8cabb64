"""What the screen looks like, in terminals small and large, dark, light and without colours."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from hotpin.events import Heard, Level, ReplyWritten, Spoken, State, StateChanged, TurnDone
from hotpin.timing import Timing
from hotpin.tui.screens.dialogs import Confirm
from hotpin.tui.widgets.message_input import MessageInput
from tests.tui import svg
from tests.tui.conftest import Desk, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

MakeDesk = Callable[..., Desk]
TIMING = Timing(10.0, 10.2, 10.4, 10.5, 10.6, 10.7, 10.75)
ANSWER = "It is on the Seine, in the north of France."


async def converse(desk: Desk, pilot: Pilot[None]) -> None:
    """Show the middle of the second reply."""
    await until(pilot, lambda: desk.state == "listening")
    desk.interface.query_one(MessageInput).cursor_blink = False
    for event in (
        Heard("kitchen", 1, "What is the capital of France?"),
        ReplyWritten("kitchen", 1, "It is Paris."),
        TurnDone("kitchen", 1, "What is the capital of France?", "It is Paris.", "It is Paris.", TIMING),
        Heard("kitchen", 2, "And where is that?"),
        ReplyWritten("kitchen", 2, ANSWER),
        StateChanged("kitchen", 2, State.SPEAKING),
        Level("kitchen", 2, -30.0, 0.1),
        Spoken("kitchen", 2, "It is on the Seine,"),
    ):
        desk.tell(event)
    await until(pilot, lambda: ANSWER in desk.text and desk.state == "speaking")
    await pilot.pause(0.1)


@pytest.mark.parametrize(
    ("name", "size", "theme"),
    [
        ("small", (80, 24), "textual-dark"),
        ("large-light", (200, 60), "textual-light"),
        ("tiny", (20, 5), "textual-dark"),
        ("no-color", (80, 24), "textual-dark"),
    ],
)
async def test_a_conversation_looks_as_it_did(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch, name: str, size: tuple[int, int], theme: str
) -> None:
    if name == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    desk = make_desk(listens=True)
    async with desk.interface.run_test(size=size) as pilot:
        desk.interface.theme = theme
        await converse(desk, pilot)
        svg.check(name, desk.interface.export_screenshot())


@pytest.mark.parametrize(("name", "size"), [("help", (80, 24)), ("help-tiny", (20, 5))])
async def test_the_help_looks_as_it_did(make_desk: MakeDesk, name: str, size: tuple[int, int]) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test(size=size) as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("f1")
        await pilot.pause(0.1)
        svg.check(name, desk.interface.export_screenshot())


async def test_a_question_looks_as_it_did(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: desk.state == "listening")
        desk.interface.push_screen(Confirm("Delete the session kitchen for good?"))
        await pilot.pause(0.1)
        svg.check("question", desk.interface.export_screenshot())


async def test_another_layout_fails_with_the_rows_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(svg.NEW, raising=False)
    drawn = (svg.FOLDER / "small.svg").read_text(encoding="utf-8")
    moved = drawn.replace("speaking", "silent", 1)
    assert moved != drawn
    with pytest.raises(pytest.fail.Exception, match=r"-00  ● speaking[^+]*\+00  ● silent"):
        svg.check("small", moved)
