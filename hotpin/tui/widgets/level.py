"""What the microphone hears, and whether that counts as speech."""

from textual.content import Content
from textual.widgets import Static

QUIETEST_DBFS = -60.0
"""dBFS at which the meter is empty."""

_CELLS = 20


class LevelMeter(Static):
    """Two bars: the level, and the probability of speech with the threshold from which on it is taken for speech.

    Not shown before it is fed.
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.threshold = 0.5
        """Probability, 0 to 1."""
        self.gaps = 0
        """How often sound was lost on the way; shown if it was."""

    def show_level(self, dbfs: float, probability: float) -> None:
        """Show one moment; ``dbfs`` is 0 at full scale, ``probability`` is the detector's, 0 to 1."""
        self.add_class("-fed")
        level = round(min(1.0, max(0.0, 1 - dbfs / QUIETEST_DBFS)) * _CELLS)
        speech = round(min(1.0, max(0.0, probability)) * _CELLS)
        tick = min(_CELLS - 1, int(self.threshold * _CELLS))
        spoken = probability >= self.threshold
        bar = "█" * speech + "·" * (_CELLS - speech)
        # The size stays: ten times a second, laying the screen out anew would be dear.
        self.update(
            Content.assemble(
                "level ",
                ("█" * level + "·" * (_CELLS - level), "$success"),
                "  speech ",
                (bar[:tick] + "│" + bar[tick + 1 :], "$accent" if spoken else "$foreground-muted"),
                " yes" if spoken else " no",
                (f"  sound lost {self.gaps} times" if self.gaps else "", "$warning"),
            ),
            layout=False,
        )

    def clear(self) -> None:
        """Show that nothing is heard."""
        if self.has_class("-fed"):
            self.show_level(QUIETEST_DBFS, 0.0)
