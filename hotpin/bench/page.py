"""A benchmark as one web page: it holds all it needs, runs no script, and asks no other machine for anything."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from hotpin.bench import charts
from hotpin.bench.figures import Paired, shown
from hotpin.bench.report import Report, voice_to_voice_of
from hotpin.bench.resources import machine
from hotpin.bench.runner import BenchTurn
from hotpin.bench.summary import counts
from hotpin.timing import STAGES

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1e; --back: #fff; --faint: #5f6368; --line: #d5d7db; --panel: #f5f6f8;
  --wait: #9aa0a8; --words: #0072b2; --token: #c2570c; --clause: #00795a; --play: #a03a78; --mark: #1c1c1e; }
@media (prefers-color-scheme: dark) { :root { --text: #e9eaec; --back: #16181c; --faint: #a3a8b0; --line: #3a3e45;
  --panel: #1f2228; --wait: #747b85; --words: #56a9e0; --token: #f0924c; --clause: #3fc49b; --play: #e08cc0;
  --mark: #fff; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 68rem;
  margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p, ul { margin: .4rem 0; } .faint { color: var(--faint); } .number { text-align: right; white-space: nowrap; }
.big { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; padding: 0; list-style: none; }
.big li { background: var(--panel); border-radius: .5rem; padding: .6rem 1rem; min-width: 8rem; }
.big b { display: block; font-size: 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--faint); padding-bottom: .3rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th.number { text-align: right; } tr.slow { font-weight: 600; }
.wide { overflow-x: auto; } svg { display: block; width: 100%; height: auto; } svg text { fill: var(--text); }
svg .faint { fill: var(--faint); } .grid { stroke: var(--line); } .mark { stroke: var(--mark); stroke-width: 2; }
.end-of-turn { fill: var(--wait); } .words { fill: var(--words); } .first-token { fill: var(--token); }
.first-clause { fill: var(--clause); } .playing { fill: var(--play); } .bar { fill: var(--words); }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin: 0 .3rem 0 .9rem; }
.key.end-of-turn { background: var(--wait); } .key.words { background: var(--words); }
.key.first-token { background: var(--token); } .key.first-clause { background: var(--clause); }
.key.playing { background: var(--play); }
"""
"""Colours that the colour-blind can tell apart, with enough contrast in light and dark."""


def page(reports: Mapping[str, Report], pairs: Mapping[str, Paired] | None = None) -> str:
    """Write the page.

    Args:
        reports: what was measured with each choice of settings, by a title; the first is that of the settings as they
            are.
        pairs: the two choices set against each other, turn by turn.
    """
    measured = machine()
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    cores, memory = measured["usable_cores"], measured["memory_gb"]
    where = f"{when} on {measured['system']}, {measured['architecture']}, {cores} cores, {memory} GB of memory"
    body = [
        "<h1>How long until you hear the answer?</h1>",
        f'<p class="faint">{escape(where)}</p>',
        _comparison(list(reports)[-1], pairs) if pairs else "",
        *(_report(title, report, several=len(reports) > 1) for title, report in reports.items()),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Hotpin bench</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _report(title: str, report: Report, *, several: bool) -> str:
    heading = f"<h2>{escape(title)}</h2>" if several else ""
    turns = report.turns
    return "\n".join(
        [
            f'<section aria-label="{escape(title)}">',
            heading,
            _headline(report),
            _advice(report),
            "<h2>Where the time goes</h2>",
            _stages(report),
            "<h2>How it is distributed</h2>",
            charts.histogram(turns),
            "<h2>Each turn</h2>",
            _key(),
            charts.timeline(turns),
            charts.pauses(turns),
            _turns(turns),
            "<h2>What was counted</h2>",
            _list(counts(report)),
            _engines(report),
            "</section>",
        ]
    )


def _headline(report: Report) -> str:
    whole, path, work = report.voice_to_voice, report.critical_path, report.unspeculated
    figures = [
        ("voice to voice, p50", shown(whole.p50)),
        ("voice to voice, p95", shown(whole.p95)),
        ("critical path, p50", shown(path.p50)),
        ("critical path, p95", shown(path.p95)),
        ("unspeculated, p50", shown(work.p50)),
        ("unspeculated, p95", shown(work.p95)),
        ("cut-offs", f"{report.cut_offs} of {len(report.turns)}"),
        ("not answered", f"{report.failed} of {len(report.turns)}"),
    ]
    if report.unfinished:
        figures.append(("unfinished endings, p50", shown(voice_to_voice_of(report.unfinished).p50)))
    items = "".join(f"<li>{escape(name)}<b>{escape(value)}</b></li>" for name, value in figures)
    return f'<ul class="big">{items}</ul>'


def _advice(report: Report) -> str:
    if report.slow_stage is None:
        return "<p>Nothing was answered.</p>"
    return f"<p>People wait longest for: <b>{escape(report.slow_stage)}</b></p>{_list(report.advice)}"


def _stages(report: Report) -> str:
    waits = report.waits
    body = ""
    for name, took in report.stages.items():
        slow = name == report.slow_stage
        values = [shown(took.p50), shown(took.p95), shown(waits[name].p50), shown(waits[name].p95)]
        heading = f"<th scope=row>{escape(name)}{' (slowest)' if slow else ''}</th>"
        body += f"<tr{' class=slow' if slow else ''}>{heading}{_cells(values)}</tr>"
    caption = "What is done ahead takes time, but is not waited for"
    return _table(caption, ["stage", "took p50", "took p95", "waited for p50", "waited for p95"], body)


def _turns(turns: Sequence[BenchTurn]) -> str:
    body = ""
    for turn in turns:
        timing = turn.result.timing
        seconds = [shown(timing.seconds(stage)) for stage in STAGES]
        total = "not answered" if turn.failed else "cut off" if turn.cut_off else shown(timing.voice_to_voice)
        label = f"{turn.utterance.name}{' (unfinished)' if turn.utterance.unfinished else ''}"
        body += (
            f"<tr><th scope=row>{escape(label)}</th><td>{escape(turn.utterance.text)}</td>"
            f"<td>{escape(turn.result.heard)}</td><td>{escape(turn.result.reply)}</td>"
            f"{_cells([*seconds, total, f'{turn.cpu_seconds:.2f} s'])}</tr>"
        )
    columns = ["turn", "said", "heard", "reply", *(stage.name for stage in STAGES), "voice to voice", "processor"]
    table = _table("Every turn, with the seconds each stage took", columns, body, text=4)
    return f"<details><summary>The same as a table, with words</summary>{table}</details>"


def _comparison(title: str, pairs: Mapping[str, Paired]) -> str:
    def within(value: Paired) -> str:
        return "too few pairs" if value.low is None or value.high is None else f"{value.low:+.3f} … {value.high:+.3f} s"

    body = "".join(
        f"<tr><th scope=row>{escape(name)}</th>"
        + _cells(
            [
                "-" if value.ratio is None else f"{value.ratio:.2f}",
                "-" if value.difference is None else f"{value.difference:+.3f} s",
                within(value),
                f"{value.quicker} of {value.n}",
            ]
        )
        + f"<td>{escape(value.verdict)}</td></tr>"
        for name, value in pairs.items()
    )
    columns = ["", "ratio", "difference", "95 % of it within", "quicker in", ""]
    table = _table("Pair by pair, the same utterances one after the other", columns, body)
    return f"<section><h2>{escape(title)} against the settings as they are</h2>{table}</section>"


def _engines(report: Report) -> str:
    body = "".join(
        f"<tr><th scope=row>{escape(kind)}</th><td>{escape(info.name)}</td><td>{escape(info.model)}</td>"
        f"<td>{escape(info.detail)}</td></tr>"
        for kind, info in report.engines.items()
    )
    loaded = f"Engines, loaded in {report.load_seconds:.1f} s"
    return _table(loaded, ["", "engine", "model", "detail"], body, text=4)


def _key() -> str:
    stages = "".join(
        f'<span class="key {charts.style_of(stage.name)}" aria-hidden="true"></span>{escape(stage.name)}'
        for stage in STAGES
    )
    return f"<p>Zero is the end of speech; the line is the first sound. {stages}</p>"


def _table(caption: str, columns: Sequence[str], body: str, text: int = 1) -> str:
    """Give a table whose first ``text`` columns are words, the others figures."""
    head = "".join(
        f"<th scope=col{' class=number' if place >= text else ''}>{escape(name)}</th>"
        for place, name in enumerate(columns)
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(values: Sequence[str]) -> str:
    return "".join(f"<td class=number>{escape(value)}</td>" for value in values)


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""
