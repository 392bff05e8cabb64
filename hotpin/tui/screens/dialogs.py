"""Small questions over a screen."""

from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from hotpin.sessions.texts import harmless
from hotpin.tui.screens.closing import ClosesOnce

Answer = TypeVar("Answer")


class Dialog(ClosesOnce[Answer], ModalScreen[Answer]):
    """A question in a box.

    Args:
        question: what is asked.
    """

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = Label(harmless(question), markup=False)


class Confirm(Dialog[bool]):
    """Is it really to be done? Only by a key that says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape,q", "dismiss(False)", "No"),
    ]

    def compose(self) -> ComposeResult:
        """Show it."""
        with Vertical():
            yield self._question
            yield Label("y: yes    n or Esc: no", classes="keys")


class Ask(Dialog[str | None]):
    """A line to type; ``None`` if the person thinks better of it.

    Args:
        question: what is asked.
        value: what stands there at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__(question)
        self._value = value

    def compose(self) -> ComposeResult:
        """Show it."""
        with Vertical():
            yield self._question
            yield Input(self._value, compact=True)
            yield Label("Enter: done    Esc: cancel", classes="keys")

    @on(Input.Submitted)
    def _take(self, submitted: Input.Submitted) -> None:
        if text := submitted.value.strip():
            self.dismiss(text)
