"""The line that tells at a glance whose turn it is."""

from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from hotpin.events import Attention, State

LOADING = "loading"
STOPPED = "stopped"

WORDS = {
    State.LISTENING: "listening",
    State.HEARING: "hearing you",
    State.THINKING: "thinking",
    State.SPEAKING: "speaking",
}


@dataclass(frozen=True, slots=True)
class Glance:
    """All that the line tells."""

    state: str = LOADING
    """A ``State``, or one of those above."""

    progress: str = ""
    """How far the loading is."""

    attention: Attention = Attention.AWAKE
    hands_free: bool = True
    microphone: bool = True
    """Whether there is one."""

    wake_word: str = ""
    """What wakes it; empty for nothing."""

    @property
    def idle(self) -> bool:
        """Whether it is the person's turn, and they say nothing."""
        return self.state == State.LISTENING

    @property
    def words(self) -> str:
        """The state in a word or two."""
        if self.idle and (instead := self._instead_of_listening):
            return instead
        words = self.progress or next((shown for known, shown in WORDS.items() if known == self.state), self.state)
        return f"{words}, muted" if self.attention is Attention.MUTED else words

    @property
    def hint(self) -> str:
        """What the person can do now, where that is not plain."""
        hints = {
            "muted": "F2 listens again; space talks and sends",
            "asleep": f'say "{self.wake_word.replace("_", " ")}", or press space',
            "push to talk": "space talks and sends",
            "ready": "no microphone: type",
        }
        return hints.get(self.words, "")

    @property
    def _instead_of_listening(self) -> str:
        if not self.microphone:
            return "ready"
        if self.attention is Attention.MUTED:
            return "muted"
        if not self.hands_free:
            return "push to talk"
        return "asleep" if self.attention is Attention.ASLEEP else ""


class Status(Static):
    """The state in words and, by its class, in a colour; beside it, who answers in which session."""

    def __init__(self, about: str, *, id: str) -> None:
        super().__init__(id=id)
        self.about = about
        """Who answers, in which session."""
        self.show(Glance())

    @property
    def words(self) -> str:
        """The state, as it is shown."""
        return self.glance.words

    def show(self, glance: Glance) -> None:
        """Show this."""
        self.glance = glance
        words = glance.words
        self.set_classes(f"-{words if glance.idle else glance.state}".replace(" ", "-"))
        hint = f" ({glance.hint})" if glance.hint else ""
        self.update(Content.assemble((f"● {words}", "bold"), hint, (f"  {self.about}", "dim")))
