"""The screen of settings: what holds and why, changing it, and what is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from hotpin import paths
from hotpin.tui.screens.dialogs import Confirm
from hotpin.tui.screens.settings import Field, SettingsScreen
from tests.tui.conftest import Desk, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

MakeDesk = Callable[..., Desk]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's own settings, which say how many turns the model is told of."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = paths.config_file()
    path.parent.mkdir(parents=True)
    path.write_text("# mine\n[dialog]\nmax_turns = 8\n")
    return path


async def opened(pilot: Pilot[None], section: str) -> SettingsScreen:
    """Open a section."""
    await pilot.press("f6")
    screen = pilot.app.screen
    assert isinstance(screen, SettingsScreen)
    sections = screen.query_one(OptionList)
    await until(pilot, lambda: bool(list(screen.query(Field))))
    names = [str(option.prompt) for option in sections.options]
    sections.highlighted = names.index(section)
    await until(pilot, lambda: [one for one in fields(screen) if one.setting.name.startswith(f"{section}.")] != [])
    return screen


def fields(screen: SettingsScreen) -> list[Field]:
    return list(screen.query(Field))


def field(screen: SettingsScreen, name: str) -> Field:
    return next(one for one in fields(screen) if one.setting.name == name)


def shown(one: Field) -> str:
    return "\n".join(str(child.render()) for child in one.children if not isinstance(child, Input))


def change(screen: SettingsScreen, name: str, text: str) -> None:
    line = field(screen, name).input
    line.focus()
    line.value = text


async def test_a_setting_is_shown_with_default_origin_and_reason_and_written_into_the_file(
    make_desk: MakeDesk, file: Path
) -> None:
    desk = make_desk()
    async with desk.interface.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "ready")
        screen = await opened(pilot, "dialog")
        turns = field(screen, "dialog.max_turns")
        assert turns.input.value == "8"
        assert "default: 10" in shown(turns)
        assert str(file) in shown(turns)
        assert "Question-and-answer pairs of history" in shown(turns)
        change(screen, "dialog.max_turns", "7")
        await pilot.press("enter")
        await until(pilot, lambda: len(desk.held) == 2 and desk.state == "ready")
        assert file.read_text() == "# mine\n[dialog]\nmax_turns = 7\n"
        assert desk.conversation.options.max_turns == 7
        assert "Saved in" in desk.toasts[0]


async def test_a_wrong_value_is_told_at_its_field_and_not_written(make_desk: MakeDesk, file: Path) -> None:
    desk, before = make_desk(), file.read_text()
    async with desk.interface.run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, "dialog")
        change(screen, "dialog.max_turns", "many")
        await pilot.press("enter")
        await until(pilot, lambda: "a whole number" in shown(field(screen, "dialog.max_turns")))
        assert file.read_text() == before
        assert field(screen, "dialog.max_turns").input.value == "many"


async def test_all_that_was_changed_in_any_section_is_saved_at_once(make_desk: MakeDesk, file: Path) -> None:
    desk = make_desk()
    async with desk.interface.run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, "dialog")
        change(screen, "dialog.keep_turns", "3")
        screen.query_one(OptionList).focus()
        await pilot.press("down")
        await until(pilot, lambda: fields(screen) != [] and fields(screen)[0].setting.name.startswith("turn."))
        change(screen, "turn.barge_in", "false")
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "barge_in = false" in file.read_text() and "keep_turns = 3" in file.read_text())


async def test_the_default_holds_again_by_a_key(make_desk: MakeDesk, file: Path) -> None:
    desk = make_desk()
    async with desk.interface.run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, "dialog")
        field(screen, "dialog.max_turns").input.focus()
        await pilot.press("f8")
        await until(pilot, lambda: "max_turns" not in file.read_text())
        await until(pilot, lambda: field(screen, "dialog.max_turns").input.value == "10")


async def test_leaving_asks_before_changes_are_lost(make_desk: MakeDesk, file: Path) -> None:
    desk, before = make_desk(), file.read_text()
    async with desk.interface.run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, "dialog")
        change(screen, "dialog.max_turns", "7")
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert file.read_text() == before


async def test_a_file_that_is_broken_by_hand_is_told_with_its_line(make_desk: MakeDesk, file: Path) -> None:
    desk = make_desk()
    file.write_text("[dialog]\nmax_turns = \n")
    async with desk.interface.run_test(size=(200, 40)) as pilot:
        screen = await opened(pilot, "dialog")
        assert "is not valid TOML" in str(screen.query_one(".title").render())
        change(screen, "dialog.max_turns", "7")
        await pilot.press("enter")
        await until(pilot, lambda: "line 2" in shown(field(screen, "dialog.max_turns")))
        assert file.read_text() == "[dialog]\nmax_turns = \n"


async def test_a_secret_is_never_shown(make_desk: MakeDesk, file: Path) -> None:
    file.write_text('[cloud]\nopenai_api_key = "sk-123"\n')
    desk = make_desk()
    async with desk.interface.run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, "cloud")
        assert field(screen, "cloud.openai_api_key").input.placeholder == "set"
        assert "sk-123" not in desk.interface.export_screenshot()
