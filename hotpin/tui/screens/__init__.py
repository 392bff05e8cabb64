"""The screens beside the conversation, a module each."""

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from hotpin.tui.app import Interface


def make(interface: "Interface", name: str) -> Screen[None]:
    """Make the screen ``models``, ``sessions`` or ``settings``; each is only imported when it is wanted."""
    match name:
        case "models":
            from hotpin.tui.screens.models import ModelsScreen

            return ModelsScreen(interface)
        case "sessions":
            from hotpin.tui.screens.sessions import SessionsScreen

            return SessionsScreen(interface)
        case "settings":
            from hotpin.tui.screens.settings import SettingsScreen

            return SettingsScreen(interface)
        case _:
            raise ValueError(f"there is no screen {name!r}")
