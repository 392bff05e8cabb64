"""Screens that close once, however quickly the key that closes them is pressed again."""

from typing import Generic

from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType


class ClosesOnce(Screen[ScreenResultType], Generic[ScreenResultType]):
    """Textual hands a second stroke of a key to the screen that the first one closed: it would close another one."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close, unless it is closed already."""
        return super().dismiss(result) if is_on_top(self) else AwaitComplete()


def is_on_top(screen: Screen[ScreenResultType]) -> bool:
    """Whether the screen is the one that is used."""
    return screen.app.screen_stack[-1] is screen
