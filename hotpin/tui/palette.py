"""The command palette; imported when it is opened first."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import SystemCommand
from textual.command import CommandListItem, CommandPalette, SimpleProvider
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input, OptionList

from hotpin.registry import Kind
from hotpin.sessions.texts import harmless
from hotpin.tui import choices
from hotpin.tui.background import in_background
from hotpin.tui.choices import Choice, Listing
from hotpin.tui.screens.closing import is_on_top
from hotpin.tui.toasts import toast, toast_error

if TYPE_CHECKING:
    from hotpin.tui.app import Interface

_NAMES: dict[Kind, str] = {
    "stt": "Speech recognition",
    "llm": "Language model",
    "tts": "Voice",
    "vad": "Voice activity detection",
}

Described = tuple[str, str, Listing]
"""A command's name, what it does, and what it lets choose from."""


class Palette(CommandPalette):
    """Textual's command palette, in which a second Enter would run the command again and close another screen.

    It looks for its style in its first base class only, so it is no ``ClosesOnce``.
    """

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _run_once(self, event: Message) -> None:
        if not is_on_top(self):
            event.stop()
            event.prevent_default()


def commands(app: "Interface") -> Iterator[SystemCommand]:
    """Give everything that can be done by name."""
    for name, what, listing in _chosen_from_lists():
        yield SystemCommand(name, what, partial(choose, app, name, listing))
    yield SystemCommand("Mute", "Stop listening, or listen again (F2)", app.action_mute)
    yield SystemCommand("Hands-free", "Hear what is said with or without a key (F3)", app.action_hands_free)
    yield SystemCommand("Interrupt", "Stop the reply (Esc)", app.action_interrupt)
    yield SystemCommand("Models", "See, fetch and remove models (F4)", partial(app.action_show, "models"))
    yield SystemCommand("Sessions", "Resume, export and delete sessions (F5)", partial(app.action_show, "sessions"))
    yield SystemCommand("Settings", "See and change the settings (F6)", partial(app.action_show, "settings"))
    yield SystemCommand("Theme", "Change the colours", app.action_change_theme)
    yield SystemCommand("Help", "Show the keys (F1)", app.action_help)
    yield SystemCommand("Leave", "End the call (Ctrl-Q)", app.exit)


def _chosen_from_lists() -> Iterator[Described]:
    yield "Microphone", "Choose the microphone", partial(choices.devices, "input")
    yield "Loudspeaker", "Choose the loudspeaker", partial(choices.devices, "output")
    for kind in choices.ENGINES:
        yield f"{_NAMES[kind]}: engine", "Choose the engine", partial(choices.engines, kind)
    for kind in choices.MODELS:
        yield f"{_NAMES[kind]}: model", "Choose the engine's model", partial(choices.models_of, kind)
    yield "Voice", "Choose who it sounds like", choices.voices
    yield "Persona", "Choose who answers", choices.agents
    yield "Session", "Go on with another conversation", choices.sessions


def choose(app: "Interface", name: str, listing: Listing) -> None:
    """Let the person choose from a list, and hold the call with what they choose."""

    def show(found: list[Choice]) -> None:
        if not found:
            toast(app, f"{name}: there is nothing to choose from", "warning")
            return
        items = SimpleProvider(app.screen, [_item(app, name, choice) for choice in found])
        # Textual calls what makes a provider; one that is made already returns itself.
        app.push_screen(Palette(providers=[items], placeholder=f"{name} …"))  # type: ignore[list-item]

    in_background(app, partial(listing, app.call.plan), show, lambda error: toast_error(app, error, name))


def _item(app: "Interface", name: str, choice: Choice) -> CommandListItem:
    def take() -> None:
        if choice.refused:
            toast(app, choice.refused, "warning")
        else:
            app.reopen(choice.plan, f"{name}: {choice.label}")

    return escape(harmless(choice.label)), take, escape(harmless(choice.detail))
