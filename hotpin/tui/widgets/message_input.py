"""The line that can be typed in at any time."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

MAX_CHARACTERS = 8000
"""Of one message: more would not fit into a model's context."""

PLACEHOLDER = "Type a message and press Enter, or space to talk"

MAX_HISTORY = 100
"""Messages that can be had again."""


class MessageInput(Input):
    """One line; pasted lines are joined instead of being cut off after the first.

    Args:
        take: gets what was typed when Enter is pressed; returns whether it was taken, else it stays in the line. Called
            at once rather than through a message: whoever types on meanwhile would lose what they typed.
        talk: called when space is pressed in the empty line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", show=False),
        Binding("down", "newer", show=False),
    ]

    def __init__(self, take: Callable[[str], bool], talk: Callable[[], None], *, id: str) -> None:
        super().__init__(id=id, placeholder=PLACEHOLDER, max_length=MAX_CHARACTERS, compact=True)
        self._take = take
        self._talk = talk
        self._taken: list[str] = []
        """What was typed before, the newest last."""
        self._back = 0
        """How many messages back the line is; 0 for what is being typed."""
        self._draft = ""
        """What was being typed before the person went back."""

    async def action_submit(self) -> None:
        """Hand over what is typed."""
        text = self.value.strip()
        if not self._take(text):
            return
        if text and self._taken[-1:] != [text]:
            self._taken = [*self._taken, text][-MAX_HISTORY:]
        self._back = 0
        self.clear()

    def action_older(self) -> None:
        """Show the message before."""
        if self._back < len(self._taken):
            if not self._back:
                self._draft = self.value
            self._recall(self._back + 1)

    def action_newer(self) -> None:
        """Show the message after, in the end what was being typed."""
        if self._back:
            self._recall(self._back - 1)

    def _recall(self, back: int) -> None:
        self._back = back
        self.value = self._taken[-back] if back else self._draft
        self.cursor_position = len(self.value)

    def on_key(self, event: events.Key) -> None:
        """Talk instead of beginning a message with a space."""
        if event.key == "space" and not self.value:
            event.prevent_default()
            event.stop()
            self._talk()

    def on_paste(self, event: events.Paste) -> None:
        """Take all lines of what is pasted."""
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(" ".join(event.text.split())[: MAX_CHARACTERS - len(self.value)])
