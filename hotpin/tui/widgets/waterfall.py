"""Where the time of the last turn went."""

from typing import NamedTuple

from textual.content import Content
from textual.widgets import Static

from hotpin.timing import STAGES, Timing

BAR_CELLS = 24
"""Cells of the longest bar; narrow screens cut it."""

_NAME_CELLS = 14


class Row(NamedTuple):
    """One stage: when it began and ended, in s since the person's last sound, or since they pressed Enter."""

    name: str
    begin: float
    end: float


class Waterfall(Static):
    """The stages of one turn as bars on a common time line, with their ms, and the total."""

    def show_turn(self, timing: Timing, asked: float) -> None:
        """Show a turn; ``asked`` is when it was typed, in s on the clock of ``timing``, if it was not spoken."""
        zero = asked if timing.speech_end is None else timing.speech_end
        stages = rows(timing.since(zero))
        total = "voice to voice" if timing.speech_end is not None else "Enter to voice"
        self.set_class(bool(stages), "-fed")
        if not stages:
            return
        whole = max(0.001, *(row.end for row in stages))
        heading = f"{total} {_ms(stages[-1].end)}" if timing.first_audio is not None else "not spoken"
        lines = [Content.styled(heading, "bold")]
        lines += [_line(row, whole) for row in stages]
        self.update(Content("\n").join(lines))


def rows(timing: Timing) -> list[Row]:
    """Give the stages that happened, of a timing that begins at 0; typed words are there from the start."""
    spans = [(stage, timing.span(stage)) for stage in STAGES]
    found = [Row(stage.name, *span) for stage, span in spans if span is not None]
    if timing.stt_final is None and timing.llm_first_token is not None:
        found.insert(0, Row("first token", 0.0, timing.llm_first_token))
    return found


def _line(row: Row, whole: float) -> Content:
    before = min(BAR_CELLS - 1, int(max(row.begin, 0.0) / whole * BAR_CELLS))
    long = max(1, round((row.end - max(row.begin, 0.0)) / whole * BAR_CELLS))
    bar = f"{' ' * before}{'█' * min(long, BAR_CELLS - before)}"
    return Content.assemble(
        f"{row.name:<{_NAME_CELLS}}", (f"{bar:<{BAR_CELLS}}", "$accent"), f" {_ms(row.end - row.begin):>8}"
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
