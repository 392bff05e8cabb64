"""The line that can be typed in at any time."""

from collections.abc import Callable

from textual import events
from textual.widgets import Input

MAX_CHARACTERS = 8000
"""Of one message: more would not fit into a model's context."""


class MessageInput(Input):
    """One line; pasted lines are joined instead of being cut off after the first.

    Args:
        take: gets what was typed when Enter is pressed; returns whether it was taken, else it stays in the line. Called
            at once rather than through a message: whoever types on meanwhile would lose what they typed.
    """

    def __init__(self, take: Callable[[str], bool], *, id: str) -> None:
        super().__init__(id=id, placeholder="Type a message and press Enter", max_length=MAX_CHARACTERS, compact=True)
        self._take = take

    async def action_submit(self) -> None:
        """Hand over what is typed."""
        if self._take(self.value.strip()):
            self.clear()

    def on_paste(self, event: events.Paste) -> None:
        """Take all lines of what is pasted."""
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(" ".join(event.text.split())[: MAX_CHARACTERS - len(self.value)])
