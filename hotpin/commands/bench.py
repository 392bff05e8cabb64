"""``hotpin bench``: how long until a person hears the answer?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hotpin.commands import common

if TYPE_CHECKING:
    from hotpin.bench.runner import BenchTurn


def bench(  # noqa: PLR0913, PLR0917 - one argument per option
    utterances: Annotated[
        Path | None, typer.Option(help="Folder of NN.wav with NN.json; else 24 questions are synthesised.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="How often each is asked.")] = 1,
    stt: common.SttEngineOption = None,
    stt_model: common.SttModelOption = None,
    llm: common.LlmEngineOption = None,
    llm_model: common.LlmModelOption = None,
    tts: common.TtsEngineOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Ask questions in real time and measure each stage up to the first sound of the reply."""
    settings = common.load_settings(
        stt__engine=stt,
        stt__model=stt_model,
        llm__engine=llm,
        llm__model=llm_model,
        tts__engine=tts,
    )
    from hotpin.bench import runner
    from hotpin.bench.report import Report
    from hotpin.bench.utterances import load, synthesise

    given = load(utterances) if utterances else []
    with common.loaded_app(settings, ("vad", "stt", "prosody", "llm", "tts")) as app:
        given = given or synthesise(app.engines.tts)
        seconds = sum(utterance.seconds for utterance in given)
        common.say(f"{len(given) * repeat} turns in real time: at least {repeat * (seconds + 2 * len(given)):.0f} s")
        turns = runner.run(app, given, repeat, _show)
        report = Report(app.engines.infos, app.load_seconds, turns)
    if as_json:
        common.print_json(report.as_dict())
    else:
        typer.echo("\n".join(report.lines()))
    if report.failed:
        from hotpin.errors import HotpinError

        raise HotpinError(f"{report.failed} of {len(turns)} turns were not answered", "The list above names them")


def _show(turn: "BenchTurn") -> None:
    timing = turn.result.timing
    if turn.failed:
        why = f": {turn.result.failure.error}" if turn.result.failure else ""
        common.say(f"{turn.utterance.name}  not answered{why}")
    else:
        common.say(f"{turn.utterance.name}  {common.stage_line(timing)}")
