"""The keys, on a screen of its own."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

TEXT = """\
Hotpin, a call by keyboard and voice

Enter          send what is typed; over a reply, it interrupts
Esc            interrupt the reply
Tab            leave the input line and come back
Up, Down       scroll, outside the input line
Ctrl-T         dark or light
Ctrl-P         all commands
F1 or ?        this help (? outside the input line)
Ctrl-Q, Ctrl-C leave

You may type while the models load: it is answered
as soon as they are there.

Esc closes this help."""


class Help(ModalScreen[None]):
    """Every key and what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,question_mark,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Show the text; on a small screen it scrolls."""
        with VerticalScroll():
            yield Static(TEXT, markup=False)
