"""``hotpin bench``: how long until a person hears the answer?"""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hotpin.commands import common, load, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotpin.app import App
    from hotpin.bench.runner import Arm, Step
    from hotpin.registry import Kind
    from hotpin.settings import Settings

KINDS: "tuple[Kind, ...]" = ("vad", "stt", "prosody", "llm", "tts")

REPLY_SECONDS = 2.0
"""s that a turn takes after the utterance, about."""


def bench(  # noqa: PLR0913, PLR0917 - one argument per option
    utterances: options.UtterancesOption = None,
    repeat: options.RepeatOption = 1,
    vs: options.OtherSettingOption = None,
    html: options.PageOption = None,
    unspeculated: options.UnspeculatedOption = True,
    stt: options.SttEngineOption = None,
    stt_model: options.SttModelOption = None,
    llm: options.LlmEngineOption = None,
    llm_model: options.LlmModelOption = None,
    tts: options.TtsEngineOption = None,
    server: options.LoadServerOption = None,
    sessions: options.LoadSessionsOption = 8,
    every: options.LoadEveryOption = 10.0,
    seconds: options.LoadSecondsOption = 300.0,
    token: options.LoadTokenOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Ask questions in real time and measure each stage up to the first sound of the reply.

    Ctrl-C ends it and shows what was measured so far. With --server, several sessions ask a running server at once.
    """
    if server is not None:
        if vs is not None or html is not None:
            raise typer.BadParameter("--server does not go with --vs or --html")
        load.put_under_load(
            server, sessions=sessions, every=every, seconds=seconds, token=token, utterances=utterances, as_json=as_json
        )
        return
    engines = {"stt.engine": stt, "stt.model": stt_model, "llm.engine": llm, "llm.model": llm_model, "tts.engine": tts}
    _measure(_choices(engines, vs), _Plan(utterances, repeat, unspeculated, html, as_json))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is measured, and where it goes."""

    utterances: Path | None
    repeat: int
    unspeculated: bool
    html: Path | None
    as_json: bool


def _choices(engines: "dict[str, str | None]", vs: str | None) -> "dict[str, Settings]":
    """Give the settings to measure by their titles: those that are chosen, and those with one other value."""
    choices = {"": common.load_settings(**engines)}
    if vs is not None:
        name, _, value = vs.partition("=")
        choices[vs] = common.load_settings(**{**engines, name.strip(): value.strip()})
    return choices


def _measure(choices: "dict[str, Settings]", plan: _Plan) -> None:
    """Ask all questions, and tell what was found; after Ctrl-C, what was found so far."""
    from hotpin.bench import runner
    from hotpin.bench import utterances as spoken

    given = spoken.load(plan.utterances) if plan.utterances else []
    with ExitStack() as stack:
        arms = _arms(stack, choices)
        given = given or spoken.synthesise(arms[0].app.engines.tts)
        turns = plan.repeat * len(arms)
        seconds = turns * sum(utterance.seconds + REPLY_SECONDS for utterance in given)
        common.say(f"{len(given) * turns} turns in real time, about {seconds:.0f} s")
        try:
            for step in runner.run(arms, given, plan.repeat, unspeculated=plan.unspeculated):
                _show(step)
        except KeyboardInterrupt:
            if any(arm.turns for arm in arms):
                common.say("Interrupted: this is what was measured so far")
                _tell(arms, plan.html, as_json=plan.as_json)
            raise
        _tell(arms, plan.html, as_json=plan.as_json)
        _raise_failures(arms)


def _arms(stack: ExitStack, choices: "dict[str, Settings]") -> "list[Arm]":
    """Load the engines of each choice of settings; they share the clock and nothing else."""
    from hotpin.bench.runner import Arm
    from hotpin.clock import RealClock

    clock = RealClock()
    arms: list[Arm] = []
    for title, settings in choices.items():
        if arms:
            _check_memory(settings)
        app: App = stack.enter_context(common.loaded_app(settings, KINDS))
        arms.append(Arm(app, clock, title))
        stack.callback(arms[-1].close)
    return arms


def _check_memory(settings: "Settings") -> None:
    """Refuse to load a second set of engines into memory that is not there: swapping would be measured."""
    from hotpin import model_manifest, models
    from hotpin.bench.resources import available_mb
    from hotpin.errors import HotpinError

    needed = sum(model_manifest.find(name).memory_mb for name in models.chosen(settings))
    free = available_mb()
    if free is not None and free < needed:
        raise HotpinError(
            f"a second set of engines needs about {needed} MB of memory, and {free:.0f} MB are free",
            "Compare two runs instead, with and without the setting: hotpin bench --json",
        )


def _show(step: "Step") -> None:
    """Tell of a turn as soon as it is over."""
    from hotpin.timing import STAGES

    turn, timing = step.turn, step.turn.result.timing
    what = step.arm.title if step.speculated else f"{step.arm.title} without speculation".strip()
    begin = "  ".join(part for part in (f"turn {step.number} of {step.total}", what, turn.utterance.name) if part)
    if turn.failed:
        why = f": {turn.result.failure.error}" if turn.result.failure else ""
        common.say(f"{begin}  not answered{why}")
    elif turn.cut_off:
        common.say(f"{begin}  cut off")
    else:
        took = [(stage.name, timing.seconds(stage)) for stage in STAGES]
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in took if seconds is not None)
        common.say(f"{begin}  {timing.voice_to_voice or 0.0:.2f} s to the first sound: {stages}")


def _tell(arms: "Sequence[Arm]", html: Path | None, *, as_json: bool) -> None:
    """Give what was found, in every form that was asked for."""
    from hotpin.bench import summary
    from hotpin.bench.advice import advised
    from hotpin.bench.report import Report, paired

    reports = {arm.title or "the settings as they are": advised(Report.of(arm), arm.app.settings) for arm in arms}
    first, *others = reports.values()
    pairs = paired(first, others[0]) if others else None
    if html is not None:
        from hotpin.bench.page import page

        html.write_text(page(reports, pairs), encoding="utf-8")
        common.say(f"The page is {html}")
    if as_json:
        common.print_json(summary.as_dict(reports, pairs))
    else:
        typer.echo("\n".join(summary.lines(reports, pairs, shutil.get_terminal_size((100, 24)).columns)))


def _raise_failures(arms: "Sequence[Arm]") -> None:
    from hotpin.errors import HotpinError

    turns = [turn for arm in arms for turn in (*arm.turns, *arm.sample)]
    failed = sum(turn.failed for turn in turns)
    if failed:
        raise HotpinError(f"{failed} of {len(turns)} turns were not answered", "The list above names them")
