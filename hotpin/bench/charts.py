"""The pictures of a benchmark's page, as SVG: each has a title that tells what it shows; the page has the colours."""

from collections.abc import Sequence
from html import escape

import numpy as np

from hotpin.bench.figures import Percentiles, shown
from hotpin.bench.report import timed
from hotpin.bench.runner import BenchTurn
from hotpin.bench.timeline import Axis, spans

WIDTH = 1000
LABEL = 90
"""Width of the names left of a row."""
TOTAL = 70
"""Width of the figures right of a row."""
ROW = 20
HEADER = 24
BINS = 24
TALL = 160
"""Height of the distribution's bars."""

LANES = {"end of turn": (12, 4)}
"""Where a stage is drawn in its row: top and height. The wait lies below the work, which may be done inside it."""
WORK_LANE = (2, 9)


def timeline(turns: Sequence[BenchTurn]) -> str:
    """Draw every answered turn's stages at their true positions on one axis."""
    shown_turns = timed(turns)
    if not shown_turns:
        return "<p>No turn was answered.</p>"
    axis = Axis.of(shown_turns, WIDTH - LABEL - TOTAL)
    rows = "".join(_turn_row(turn, axis, HEADER + place * ROW) for place, turn in enumerate(shown_turns))
    height = HEADER + ROW * len(shown_turns)
    left_out = len(turns) - len(shown_turns)
    note = f"<p>{left_out} turns are not drawn: cut off or not answered.</p>" if left_out else ""
    title = f"The stages of {len(shown_turns)} turns on one time axis; the table below has the same figures"
    return _svg(title, height, _ticks(axis, height) + rows) + note


def histogram(turns: Sequence[BenchTurn]) -> str:
    """Draw how many turns took how long from voice to voice."""
    totals = [turn.result.timing.voice_to_voice or 0.0 for turn in timed(turns) if not turn.utterance.unfinished]
    if not totals:
        return "<p>No turn was answered.</p>"
    heights, edges = np.histogram(totals, bins=BINS, range=(0.0, max(totals) * 1.02 or 1.0))
    axis = Axis(0.0, float(edges[-1]), WIDTH - 2 * LABEL)
    most = int(heights.max())
    bars = "".join(
        f'<rect class="bar" x="{LABEL + axis.place(float(low)):.1f}" y="{HEADER + TALL * (1 - count / most):.1f}" '
        f'width="{axis.cells / BINS - 1:.1f}" height="{TALL * count / most:.1f}">'
        f"<title>{low:.2f} to {high:.2f} s: {count} turns</title></rect>"
        for count, low, high in zip(heights, edges[:-1], edges[1:], strict=True)
        if count
    )
    found = Percentiles.of(totals)
    marks = ""
    for name, value in (("p50", found.p50), ("p95", found.p95)):
        x = LABEL + axis.place(value or 0.0)
        marks += f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{HEADER - 4}" y2="{HEADER + TALL}"/>'
        marks += f'<text x="{x + 4:.1f}" y="{HEADER - 8}" font-size="13">{name} {shown(value)}</text>'
    scale = "".join(
        f'<text class="faint" x="{LABEL + axis.place(at):.1f}" y="{HEADER + TALL + 18}" font-size="13" '
        f'text-anchor="middle">{at:g} s</text>'
        for at in _round_moments(axis)
    )
    title = f"Voice to voice of {len(totals)} turns: half within {shown(found.p50)}, 95 % within {shown(found.p95)}"
    return _svg(title, HEADER + TALL + 26, bars + marks + scale)


def pauses(turns: Sequence[BenchTurn]) -> str:
    """Draw where the speakers paused before they had finished, and what was heard or decided by then."""
    paused = [turn for turn in turns if turn.utterance.pauses]
    if not paused:
        return ""
    longest = max(turn.utterance.seconds for turn in paused)
    axis = Axis(0.0, longest, WIDTH - LABEL - TOTAL)
    rows = "".join(_pause_row(turn, axis, HEADER + place * ROW) for place, turn in enumerate(paused))
    height = HEADER + ROW * len(paused)
    cut_offs = sum(turn.cut_off for turn in paused)
    title = f"Pauses in {len(paused)} utterances; in {cut_offs} a reply was heard before the person had finished"
    return (
        "<h2>Pauses before the end</h2>"
        "<p>Speech is wide, a pause is narrow; the line is the first sound of a reply.</p>"
        + _svg(title, height, _ticks(axis, height) + rows)
    )


def style_of(stage: str) -> str:
    """Give the name of a stage's colour."""
    return stage.replace(" ", "-")


def _turn_row(turn: BenchTurn, axis: Axis, top: int) -> str:
    timing = turn.result.timing
    parts = ""
    for stage, (begin, end) in spans(timing).items():
        lane, height = LANES.get(stage, WORK_LANE)
        parts += _rect(style_of(stage), axis, (begin, end), top + lane, height, f"{stage}: {shown(end - begin)}")
    sound = LABEL + axis.place(timing.voice_to_voice or 0.0)
    parts += f'<line class="mark" x1="{sound:.1f}" x2="{sound:.1f}" y1="{top + 1}" y2="{top + 17}"/>'
    return _named(turn, top, shown(timing.voice_to_voice)) + parts


def _pause_row(turn: BenchTurn, axis: Axis, top: int) -> str:
    utterance = turn.utterance
    parts = _rect("end-of-turn", axis, (0.0, utterance.speech_end), top + 7, 2, "pause")
    begin = 0.0
    for start, end in (*utterance.pauses, (utterance.speech_end, utterance.speech_end)):
        parts += _rect("words", axis, (begin, start), top + 3, 10, f"speech: {shown(start - begin)}")
        begin = end
    if turn.first_sound is not None:
        x = LABEL + axis.place(turn.first_sound)
        parts += f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + 17}"/>'
    verdict = "cut off" if turn.cut_off else "early" if turn.early_end else ""
    return _named(turn, top, verdict) + parts


def _named(turn: BenchTurn, top: int, figure: str) -> str:
    name = turn.utterance.name
    short = name if len(name) <= 12 else f"{name[:11]}…"  # noqa: PLR2004 - what fits into LABEL
    return (
        f'<text x="0" y="{top + 13}" font-size="13">{escape(short)}<title>{escape(turn.utterance.text)}</title></text>'
        f'<text x="{WIDTH}" y="{top + 13}" font-size="13" text-anchor="end">{figure}</text>'
    )


def _rect(style: str, axis: Axis, span: tuple[float, float], top: int, height: int, title: str) -> str:
    begin, end = (axis.place(moment) for moment in span)
    return (
        f'<rect class="{style}" x="{LABEL + begin:.1f}" y="{top}" width="{max(0.0, end - begin):.1f}" '
        f'height="{height}"><title>{escape(title)}</title></rect>'
    )


def _ticks(axis: Axis, height: int) -> str:
    drawn = ""
    for at in _round_moments(axis):
        x = LABEL + axis.place(at)
        drawn += f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEADER - 6}" y2="{height}"/>'
        drawn += (
            f'<text class="faint" x="{x:.1f}" y="{HEADER - 10}" font-size="13" text-anchor="middle">{at:g} s</text>'
        )
    return drawn


def _round_moments(axis: Axis) -> list[float]:
    """Give moments for a scale: the closest round step that has ten of them at most."""
    length = axis.end - axis.start
    step = next(step for step in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if length / step <= 10)  # noqa: PLR2004
    first = int(np.ceil(axis.start / step))
    return [round(number * step, 2) for number in range(first, int(axis.end / step) + 1)]


def _svg(title: str, height: int, content: str) -> str:
    return (
        f'<div class="wide"><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{content}</svg></div>"
    )
