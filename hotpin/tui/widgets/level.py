"""What the microphone hears, and whether that counts as speech."""

from textual.content import Content
from textual.widgets import Static

QUIETEST_DBFS = -60.0
"""dBFS at which the meter is empty."""

_CELLS = 20


class LevelMeter(Static):
    """Two bars: the level, and the probability of speech with the threshold from which on it is taken for speech.

    Not shown before it is fed.

    Args:
        threshold: probability, 0 to 1.
    """

    def __init__(self, threshold: float, *, id: str) -> None:
        super().__init__(id=id)
        self._threshold = threshold

    def show_level(self, dbfs: float, probability: float) -> None:
        """Show one moment; ``dbfs`` is 0 at full scale, ``probability`` is the detector's, 0 to 1."""
        self.add_class("-fed")
        level = round(min(1.0, max(0.0, 1 - dbfs / QUIETEST_DBFS)) * _CELLS)
        speech = round(min(1.0, max(0.0, probability)) * _CELLS)
        tick = min(_CELLS - 1, int(self._threshold * _CELLS))
        spoken = probability >= self._threshold
        bar = "█" * speech + "·" * (_CELLS - speech)
        self.update(
            Content.assemble(
                "level ",
                ("█" * level + "·" * (_CELLS - level), "$success"),
                "  speech ",
                (bar[:tick] + "│" + bar[tick + 1 :], "$accent" if spoken else "$foreground-muted"),
                " yes" if spoken else " no",
            )
        )
