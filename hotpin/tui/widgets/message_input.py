"""The line that can be typed in at any time."""

from textual import events
from textual.widgets import Input

MAX_CHARACTERS = 8000
"""Of one message: more would not fit into a model's context."""


class MessageInput(Input):
    """One line; pasted lines are joined instead of being cut off after the first."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, placeholder="Type a message and press Enter", max_length=MAX_CHARACTERS, compact=True)

    def on_paste(self, event: events.Paste) -> None:
        """Take all lines of what is pasted."""
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(" ".join(event.text.split())[: MAX_CHARACTERS - len(self.value)])
