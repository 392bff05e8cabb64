"""The screen of sessions: going on with one, writing it to a file, deleting it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input

from hotpin.sessions.base import StoredTurn
from hotpin.sessions.sqlite import SqliteStore
from hotpin.sessions.stores import open_store
from hotpin.tui.screens.dialogs import Ask, Confirm
from hotpin.tui.screens.sessions import SessionsScreen
from tests.tui.conftest import Desk, say, until
from tests.tui.test_interface import REPLY

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(make_desk: MakeDesk, tmp_path: Path) -> Desk:
    """An interface in the session ``kitchen``; there is one called ``garden`` too."""
    made = make_desk(values={"sessions.store": f"sqlite:///{tmp_path / 'sessions.sqlite'}"})
    with closing(open_store(made.settings)) as store:
        store.add("garden", "hotpin", StoredTurn("is it raining", "It is.", "It is.", 1e9))
    return made


async def opened(pilot: Pilot[None], rows: int = 1) -> SessionsScreen:
    """Open the screen, with the cursor on the last session."""
    await pilot.press("f5")
    screen = pilot.app.screen
    assert isinstance(screen, SessionsScreen)
    table = screen.query_one(DataTable)
    await until(pilot, lambda: table.row_count == rows)
    table.move_cursor(row=rows - 1)
    return screen


def kept(desk: Desk) -> list[str]:
    with closing(open_store(desk.settings)) as store:
        return [session.id for session in store.sessions()]


async def test_another_session_is_resumed_with_its_turns_and_the_call_goes_on_in_it(desk: Desk) -> None:
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "hello")
        await until(pilot, lambda: REPLY in desk.text)
        await until(pilot, lambda: "kitchen" in kept(desk))
        await opened(pilot, 2)
        await pilot.press("r")
        await until(pilot, lambda: desk.text == "You: is it raining\nHotpin: It is.\nSession: garden")
        assert desk.conversation.options.name == "garden"
        assert desk.llm.prepared[-1][1].content == "is it raining"


async def test_a_new_session_begins_empty_and_a_name_that_cannot_be_is_refused(desk: Desk) -> None:
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        for name in ("no/name", "attic"):
            if not isinstance(pilot.app.screen, SessionsScreen):
                await opened(pilot)
            await pilot.press("n")
            await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
            pilot.app.screen.query_one(Input).value = name
            await pilot.press("enter")
        assert "cannot be a session id" in desk.toasts[0]
        await until(pilot, lambda: desk.text == "Session: attic")


@pytest.mark.parametrize(("suffix", "begins"), [("md", "# Session garden"), ("json", "{")])
async def test_a_session_is_written_to_a_file_that_is_only_replaced_when_that_is_meant(
    desk: Desk, tmp_path: Path, suffix: str, begins: str
) -> None:
    path = tmp_path / f"out.{suffix}"
    async with desk.interface.run_test() as pilot:
        await opened(pilot)
        for _ in range(2):
            await pilot.press("e")
            await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
            pilot.app.screen.query_one(Input).value = str(path)
            await pilot.press("enter")
            await until(pilot, path.exists)
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        assert path.read_text().startswith(begins)
        path.write_text("mine")
        await pilot.press("n")
        assert path.read_text() == "mine"


async def test_a_file_that_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    async with desk.interface.run_test(notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "nowhere" / "out.md")
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be written" in "".join(desk.toasts))


async def test_a_session_is_deleted_when_that_is_meant_unless_it_is_in_use(desk: Desk) -> None:
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        await say(pilot, "hello")
        await until(pilot, lambda: "kitchen" in kept(desk))
        screen = await opened(pilot, 2)
        for key in ("d", "n", "d", "y"):
            await pilot.press(key)
            await pilot.pause()
        await until(pilot, lambda: kept(desk) == ["kitchen"])
        await until(pilot, lambda: screen.query_one(DataTable).row_count == 1)
        await pilot.press("d")
        assert "kitchen is in use" in desk.toasts[-1]


async def test_a_store_that_cannot_be_read_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "ready")

        def fail(self: SqliteStore) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(SqliteStore, "sessions", fail)
        await pilot.press("f5")
        await until(pilot, lambda: "the disk is gone" in "".join(desk.toasts))
