"""Turns on one time axis whose zero is the end of speech; as rows of characters for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hotpin.bench.report import timed
from hotpin.bench.runner import BenchTurn
from hotpin.timing import STAGES, Timing

LETTERS = {"end of turn": "·", "words": "w", "first token": "t", "first clause": "c", "playing": "p"}
DECIDED, HEARD, BEYOND = "|", "♪", "›"

NAME_CELLS = 10
TOTAL_CELLS = 9
LEAST_CELLS = 20

MARGIN = 1.1
"""Length of the axis over the 95th percentile: a single slow turn must not squeeze all others."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where on a line of ``cells`` a moment lies."""

    start: float
    """s from the end of speech; below 0 where something was done before it."""
    end: float
    cells: int

    @classmethod
    def of(cls, turns: Sequence[BenchTurn], cells: int) -> "Axis":
        """Make room for all turns, but for the slowest ones."""
        totals = [turn.result.timing.voice_to_voice or 0.0 for turn in timed(turns)]
        begins = [span[0] for turn in timed(turns) for span in spans(turn.result.timing).values()]
        end = float(np.percentile(totals, 95)) * MARGIN if totals else 1.0
        return cls(min(0.0, *begins) if begins else 0.0, max(end, 0.1), cells)

    def place(self, seconds: float) -> float:
        """Give the place of a moment, 0 to ``cells``; what lies outside is at the edge."""
        share = (seconds - self.start) / (self.end - self.start)
        return min(max(share, 0.0), 1.0) * self.cells


def spans(timing: Timing) -> dict[str, tuple[float, float]]:
    """Give the beginning and end of each stage, by name, in s from the end of speech."""
    zero = timing.speech_end or 0.0
    found = {stage.name: timing.span(stage) for stage in STAGES}
    return {name: (span[0] - zero, span[1] - zero) for name, span in found.items() if span is not None}


def waterfall(turns: Sequence[BenchTurn], columns: int) -> list[str]:
    """Draw a row for each turn, no wider than ``columns``, below an axis and above what the letters mean."""
    axis = Axis.of(turns, max(LEAST_CELLS, columns - NAME_CELLS - TOTAL_CELLS))
    ruler = list(" " * axis.cells)
    ruler[min(int(axis.place(0.0)), axis.cells - 1)] = "0"
    end = f"{axis.end:.1f} s"
    meaning = ", ".join(f"{letter} {name}" for name, letter in LETTERS.items())
    return [
        f"{'':<{NAME_CELLS}}{''.join(ruler)[: -len(end)]}{end}",
        *(_row(turn, axis) for turn in turns),
        f"0 end of speech, {meaning}, {DECIDED} end of turn decided, {HEARD} first sound",
    ]


def _row(turn: BenchTurn, axis: Axis) -> str:
    name = turn.utterance.name[: NAME_CELLS - 2]
    if turn.failed:
        return f"{name:<{NAME_CELLS}}not answered"
    timing = turn.result.timing
    if turn.cut_off:
        early = turn.utterance.speech_end - (turn.first_sound or 0.0)
        return f"{name:<{NAME_CELLS}}cut off: a reply was heard {early:.2f} s before the end of speech"
    return f"{name:<{NAME_CELLS}}{_bar(timing, axis)}{timing.voice_to_voice or 0.0:>{TOTAL_CELLS - 2}.2f} s"


def _bar(timing: Timing, axis: Axis) -> str:
    cells = [" "] * axis.cells
    for stage, (begin, end) in spans(timing).items():
        for cell in range(round(axis.place(begin)), round(axis.place(end))):
            cells[cell] = LETTERS[stage]
    zero = timing.speech_end or 0.0
    for moment, mark in ((timing.endpoint, DECIDED), (timing.first_audio, HEARD)):
        if moment is not None:
            beyond = mark == HEARD and moment - zero > axis.end
            cells[min(int(axis.place(moment - zero)), axis.cells - 1)] = BEYOND if beyond else mark
    return "".join(cells)
