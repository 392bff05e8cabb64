"""Screens that close once, however quickly the key that closes them is pressed again."""

from typing import Generic

from textual import on
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.message import Message
from textual.screen import Screen, ScreenResultType
from textual.widgets import Input, OptionList


class ClosesOnce(Screen[ScreenResultType], Generic[ScreenResultType]):
    """Textual hands a second stroke of a key to the screen that the first one closed: it would close another one."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close, unless it is closed already."""
        return super().dismiss(result) if is_on_top(self) else AwaitComplete()


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


def is_on_top(screen: Screen[ScreenResultType]) -> bool:
    """Whether the screen is the one that is used."""
    return screen.app.screen_stack[-1] is screen
