"""The line that tells at a glance whose turn it is."""

from textual.content import Content
from textual.widgets import Static

from hotpin.events import State

LOADING = "loading"
STOPPED = "stopped"
READY = "ready"
"""Instead of listening, where there is no microphone."""

WORDS = {
    State.LISTENING: "listening",
    State.HEARING: "hearing you",
    State.THINKING: "thinking",
    State.SPEAKING: "speaking",
}


class Status(Static):
    """The state in words and, by its class, in a colour; beside it, who answers in which session."""

    def __init__(self, about: str, *, id: str) -> None:
        super().__init__(id=id)
        self.about = about
        """Who answers, in which session."""
        self.words = ""
        """The state, as it is shown."""
        self.show_state(LOADING)

    def show_state(self, state: str, words: str = "") -> None:
        """Show a ``State``, or one of those above; ``words`` say more about it."""
        self.words = words or next((shown for known, shown in WORDS.items() if known == state), state)
        self.set_classes(f"-{state}")
        self.update(Content.assemble((f"● {self.words}", "bold"), (f"  {self.about}", "dim")))
