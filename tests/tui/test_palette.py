"""The command palette: another call is held with what is chosen, and what was said stays."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input

from hotpin import personas
from hotpin.events import Attention
from hotpin.setting_layers import with_values
from hotpin.settings import Settings
from hotpin.tui import choices, palette
from hotpin.tui.call import Plan
from tests.tui.conftest import Desk, say, until
from tests.tui.test_interface import REPLY

pytestmark = pytest.mark.slow

MakeDesk = Callable[..., Desk]


def _voice(desk: Desk, name: str) -> Plan:
    """The present call with another voice engine."""
    plan = desk.interface.call.plan
    return replace(plan, settings=with_values(plan.settings, {"tts.engine": name}))


def _offered(pilot: Pilot[None]) -> int:
    return pilot.app.screen.query_one(CommandList).option_count


async def take(pilot: Pilot[None], command: str, choice: str) -> None:
    """Run a command of the palette, and choose from what it lists."""
    await pilot.press("ctrl+p")
    for typed in (command, choice):
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        shown = pilot.app.screen
        await pilot.press(*typed)
        await until(pilot, lambda: _offered(pilot) > 0)
        while pilot.app.screen is shown:  # the first Enter may only mark what was found
            await pilot.press("enter")


@pytest.mark.asyncio
async def test_another_persona_answers_from_then_on_and_what_was_said_stays(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await say(pilot, "hello")
        await until(pilot, lambda: REPLY in desk.text)
        await take(pilot, "Persona", "Receptionist")
        await until(pilot, lambda: len(desk.held) == 2 and desk.state == "listening")
        assert desk.conversation.options.agent == "receptionist"
        assert desk.text == f"You: hello\n{REPLY}\nPersona: {personas.find('receptionist').name}"
        await say(pilot, "hello again")
        await until(pilot, lambda: desk.text.count("I am fine") == 2)


@pytest.mark.asyncio
async def test_a_call_that_cannot_be_opened_gives_way_to_the_one_before(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test(notifications=True) as pilot:
        await until(pilot, lambda: desk.state == "listening")
        before = desk.interface.call.plan
        desk.interface.reopen(_voice(desk, "broken"), "Voice: broken")
        await until(pilot, lambda: len(desk.held) == 2 and desk.state == "listening")
        assert desk.interface.call.plan is before
        assert desk.toasts == ["the voice is broken. Choose another"]
        assert desk.text == "the voice is broken. Choose another\nIt goes on as before"
        await say(pilot, "hello")
        await until(pilot, lambda: REPLY in desk.text)


@pytest.mark.asyncio
async def test_a_muted_microphone_stays_muted_in_the_next_call(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("f2")
        desk.interface.reopen(_voice(desk, "hibari"), "Voice: hibari")
        await until(pilot, lambda: len(desk.held) == 2 and desk.state == "muted")
        await until(pilot, lambda: desk.conversation.attention is Attention.MUTED)
        assert desk.held[0].freed


@pytest.mark.asyncio
async def test_what_is_typed_while_another_call_is_opened_is_answered_by_it(make_desk: MakeDesk) -> None:
    desk = make_desk()
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "ready")
        desk.loading.clear()
        desk.interface.reopen(_voice(desk, "hibari"), "Voice: hibari")
        await until(pilot, lambda: desk.state.startswith("loading"))
        await say(pilot, "hello")
        await until(pilot, lambda: desk.text == "You: hello (waiting)")
        desk.loading.set()
        await until(pilot, lambda: REPLY in desk.text)


@pytest.mark.asyncio
async def test_every_command_has_a_name_and_says_what_it_does(make_desk: MakeDesk) -> None:
    commands = list(palette.commands(make_desk().interface))
    named = {command.title for command in commands}
    assert len(named) == len(commands)
    assert {"Microphone", "Loudspeaker", "Voice", "Persona", "Session", "Theme", "Mute", "Hands-free"} <= named
    assert all(command.help for command in commands)


def test_engines_models_and_voices_are_offered_with_what_belongs_to_them(settings: Settings) -> None:
    plan = Plan(with_values(settings, {"tts.voice": "one"}), "kitchen")
    engines = {choice.label: choice for choice in choices.engines("tts", plan)}
    assert "in use" in engines["hibari"].detail
    assert engines["hibari"].plan.settings.tts.voice == "one"
    assert engines["kokoro"].plan.settings.tts.voice == ""
    assert {choice.label for choice in choices.models_of("stt", plan)} >= {"whisper-base", "whisper-small"}
    assert choices.voices(Plan(settings, "kitchen"))[0].plan.settings.tts.voice == ""


def test_a_model_that_is_not_installed_is_refused_with_what_to_do(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = with_values(settings, {"models.dir": str(tmp_path_factory.mktemp("models"))})
    assert all("F4" in choice.refused for choice in choices.models_of("llm", Plan(empty, "kitchen")))


@pytest.mark.asyncio
async def test_enter_pressed_twice_runs_a_command_once(make_desk: MakeDesk) -> None:
    desk = make_desk(listens=True)
    async with desk.interface.run_test() as pilot:
        await until(pilot, lambda: desk.state == "listening")
        await pilot.press("ctrl+p", *"mute")
        await until(pilot, lambda: _offered(pilot) > 0)
        line = pilot.app.screen.query_one(Input)
        for _ in range(4):  # the first only marks what was found
            line.post_message(Input.Submitted(line, line.value))
        await until(pilot, lambda: desk.state == "muted")
        await pilot.pause(0.1)
        assert desk.state == "muted"
        assert len(pilot.app.screen_stack) == 1
