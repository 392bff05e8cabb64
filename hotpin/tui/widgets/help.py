"""The keys, on a screen of its own."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from hotpin.tui.screens.closing import ClosesOnce

TEXT = """\
Hotpin, a call by voice and keyboard

Space          talk, then send; or hold it while you talk
               (in the empty input line)
Enter          send what is typed; over a reply, it interrupts
Esc            interrupt the reply
Up, Down       messages typed before
PgUp, PgDn     scroll

F2 or Ctrl-O   mute the microphone, and listen again
F3 or Ctrl-G   hands-free, or push to talk
F4             models: fetch, remove
F5             sessions: resume, export, delete
F6             settings
Ctrl-P         everything else: devices, engines, models,
               voice, persona, theme
Ctrl-T         dark or light
F1 or ?        this help (? outside the input line: Tab)
Ctrl-Q, Ctrl-C leave

You may type while the models load: it is answered
as soon as they are there. Esc closes this help."""


class Help(ClosesOnce[None], ModalScreen[None]):
    """Every key and what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,question_mark,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Show the text; on a small screen it scrolls."""
        with VerticalScroll():
            yield Static(TEXT, markup=False)
