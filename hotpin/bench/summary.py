"""A benchmark as a person reads it in a terminal."""

from collections.abc import Mapping
from dataclasses import asdict

from hotpin.bench.figures import Paired, shown
from hotpin.bench.report import Report, voice_to_voice_of
from hotpin.bench.resources import peak_rss_mb
from hotpin.bench.timeline import waterfall

COLUMN = 9


def lines(reports: Mapping[str, Report], pairs: Mapping[str, Paired] | None, columns: int) -> list[str]:
    """Give everything for a terminal of ``columns``: waterfalls, figures, what follows from them, the comparison.

    Args:
        reports: what was measured with each choice of settings, by a title; the first is that of the settings as they
            are.
        pairs: the two choices set against each other, turn by turn.
        columns: characters in a line.
    """
    found: list[str] = []
    for title, report in reports.items():
        heading = [f"{title[:1].upper()}{title[1:]}:", ""] if pairs else []
        found += [*heading, *waterfall(report.turns, columns), "", *figures(report), "", *advice(report), ""]
    return [*found, *comparison(list(reports)[-1], pairs)] if pairs else found[:-1]


def as_dict(reports: Mapping[str, Report], pairs: Mapping[str, Paired] | None) -> dict[str, object]:
    """Give everything as the JSON output carries it: the first report, and beside it what it is compared with."""
    (_, base), *others = reports.items()
    found = base.as_dict()
    if pairs and others:
        title, changed = others[0]
        paired = {name: {**asdict(value), "verdict": value.verdict} for name, value in pairs.items()}
        found["vs"] = {"setting": title, "paired": paired, **changed.as_dict()}
    return found


def figures(report: Report) -> list[str]:
    """Give the percentiles as a table, and everything that is counted."""
    rows = {"voice to voice": report.voice_to_voice, "critical path": report.critical_path}
    if report.sample:
        rows["unspeculated"] = report.unspeculated
    if report.unfinished:
        rows["unfinished endings"] = voice_to_voice_of(report.unfinished)
    waits = report.waits
    return [
        f"{'':<20}{'p50':>{COLUMN}}{'p95':>{COLUMN}}",
        *(f"{name:<20}{value}" for name, value in rows.items()),
        f"{'':<20}{'':>{2 * COLUMN}}{'waited for (p50)':>20}",
        *(f"{name:<20}{value}{shown(waits[name].p50):>20}" for name, value in report.stages.items()),
        "",
        *counts(report),
    ]


def counts(report: Report) -> list[str]:
    """Give what is counted, a line for each matter."""
    wrong, total = report.word_errors
    whole_wrong, whole_total = report.whole_word_errors
    ahead = report.ahead
    memory = f"{report.steady_rss_mb} MB" if report.steady_rss_mb else "unknown"
    found = [
        f"{len(report.turns)} turns, {report.failed} not answered",
        f"Cut-offs: {report.cut_offs} replies heard before the person had finished; "
        f"{report.early_ends} ends decided too early, unheard",
        f"Words: {wrong} errors in {total}, rate {report.word_error_rate}; "
        f"without what was cut off {whole_wrong} in {whole_total}",
        f"Gaps in replies over 0.1 s: {len(report.gaps)}, longest {report.longest_gap} s",
        f"Processor time: {report.cpu_seconds} s; memory: {memory} after the warm-up, {peak_rss_mb()} MB at most",
    ]
    if ahead.begun:
        found.append(
            f"Ran ahead in {ahead.begun} pauses, {ahead.confirmed} of them the end of a turn "
            f"({ahead.hit_rate or 0.0:.0%}); {ahead.wasted_cpu_seconds:.1f} s of processor time for nothing"
        )
    return found


def advice(report: Report) -> list[str]:
    """Name the slow stage, and what could be chosen instead."""
    if report.slow_stage is None:
        return ["Nothing was answered, so there is no stage to blame"]
    return [f"People wait longest for: {report.slow_stage}", *(f"- {line}" for line in report.advice)]


def comparison(title: str, found: Mapping[str, Paired]) -> list[str]:
    """Set two choices of settings against each other."""
    rows = [
        f"{name:<20}{_number(value.ratio, '.2f'):>8}{_number(value.difference, '+.3f'):>10} s"
        f"   {_interval(value):<22}{value.quicker} of {value.n}"
        for name, value in found.items()
    ]
    whole = found["voice to voice"]
    return [
        f"{title} against the settings as they are, pair by pair:",
        f"{'':<20}{'ratio':>8}{'difference':>12}   {'95 % of it within':<22}quicker in",
        *rows,
        f"Voice to voice: {whole.verdict}",
    ]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _interval(value: Paired) -> str:
    if value.low is None or value.high is None:
        return "too few pairs"
    return f"{value.low:+.3f} … {value.high:+.3f} s"
