"""What could be chosen instead of what is slow here: models of the manifest, engines, threads, waits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from statistics import median

from hotpin import model_manifest, models, recommend
from hotpin.bench.figures import shown
from hotpin.bench.report import Report
from hotpin.environment import available_cores
from hotpin.errors import ModelError
from hotpin.model_manifest import Model
from hotpin.registry import Kind
from hotpin.settings import Settings

MANY_CUT_OFFS = 0.04
"""Share of turns cut off from which waiting longer is advised."""

SHORTEST_WAIT = 0.2
"""s. Pauses between two words are about as long: no shorter wait is advised."""

MOST_MODELS = 2
"""Models advised for a stage at most."""

LATE_SECONDS = 0.1
"""s over the wait for a finished sentence, from which most turns must have waited for another reason."""


def advised(report: Report, settings: Settings) -> Report:
    """Add to a report what could be chosen instead of its slow stage, and against cut-offs and gaps."""
    lines = [
        *_for_stage(report, settings),
        *_against_cut_offs(report, settings),
        *_against_gaps(report, settings),
    ]
    return replace(report, advice=tuple(dict.fromkeys(lines)))


def _for_stage(report: Report, settings: Settings) -> Iterator[str]:
    advisers: Mapping[str, Callable[[], Iterator[str]]] = {
        "end of turn": lambda: _quicker_end(report, settings),
        "words": lambda: _quicker(settings, "stt"),
        "first token": lambda: _quicker(settings, "llm"),
        "first clause": lambda: _quicker_clause(settings),
        "playing": _quicker_playing,
    }
    if report.slow_stage is not None:
        yield from advisers[report.slow_stage]()


def _quicker_end(report: Report, settings: Settings) -> Iterator[str]:
    turn = settings.turn
    if getattr(turn, "speculate", None) is False:
        yield f"Let the pipeline run ahead in the wait: {_try('turn.speculate=true')}"
    waited = report.waits["end of turn"].p50 or 0.0
    setting, seconds = "turn.finished_wait_seconds", turn.finished_wait_seconds
    if waited > seconds + LATE_SECONDS and report.speculates and not _words_late(report, seconds):
        setting, seconds = "turn.doubtful_wait_seconds", turn.doubtful_wait_seconds
        yield f"Half of the turns waited {shown(waited)} or more, since it was in doubt whether they had finished"
    elif waited > seconds + LATE_SECONDS:
        yield (
            f"Half of the turns waited {shown(waited)} or more, though a finished sentence needs {seconds} s: "
            "its words were not known in time; a quicker recogniser would help"
        )
        yield from _quicker(settings, "stt")
        if report.speculates:  # whoever knows the words sooner decides sooner: no wait is in the way
            return
        setting, seconds = "turn.wait_seconds", turn.wait_seconds
    shorter = round(max(SHORTEST_WAIT, seconds * 2 / 3), 2)
    if shorter < seconds:
        yield f"A shorter wait answers sooner, and cuts off more people: {_try(f'{setting}={shorter}')}"


def _words_late(report: Report, seconds: float) -> bool:
    """Whether in half of the turns the words were known only after the wait for a finished sentence."""
    timings = [turn.result.timing for turn in report.turns]
    known = [t.stt_final - t.speech_end for t in timings if t.stt_final is not None and t.speech_end is not None]
    return bool(known) and median(known) > seconds


def _quicker_clause(settings: Settings) -> Iterator[str]:
    yield "The model writes the first words in it, and the voice says them"
    yield from _quicker(settings, "tts")
    yield from _quicker(settings, "llm")


def _quicker_playing() -> Iterator[str]:
    yield "The audio was there but was played late: other programs keep the processor busy, or threads are too many"


def _quicker(settings: Settings, kind: Kind) -> Iterator[str]:
    """Advise on threads, on engines and on models."""
    threads = getattr(settings, kind).threads
    if threads and threads != available_cores():
        yield f"{kind}.threads is {threads}, and there are {available_cores()} cores: {_try(f'{kind}.threads=0')}"
    if kind == "llm" and settings.llm.engine in ("auto", "xllamacpp") and not _installed_llama():
        yield "llama.cpp compiled for this very processor is quicker: make native (7 to 12 minutes, once)"
    best = _recommended(settings, kind)
    found = sorted(_others(settings, kind), key=lambda model: (model.name != best, -model.memory_mb))
    for model in found[:MOST_MODELS]:
        yield _model_line(settings, kind, model, suits=model.name == best)
    if not found:
        yield f"No quicker {kind} model is known for {_language(settings, kind)!r}: see hotpin models list"


def _others(settings: Settings, kind: Kind) -> list[Model]:
    """List the models that are likely to be quicker: smaller ones, and recognisers that work while one speaks."""
    known = model_manifest.load()
    now = known.get(_current(settings, kind))
    language = _language(settings, kind)
    usable = [
        model
        for model in known.values()
        if model.kind == kind
        and (model.engine or kind == "llm")
        and (language == "auto" or {"*", language} & set(model.languages))
    ]
    return [
        model
        for model in usable
        if now is not None
        and model.name != now.name
        and (model.memory_mb < now.memory_mb or (kind == "stt" and (model.engine, now.engine) == ("vosk", "whisper")))
    ]


def _language(settings: Settings, kind: Kind) -> str:
    return settings.stt.language if kind == "stt" else settings.spoken_language


def _current(settings: Settings, kind: Kind) -> str:
    try:
        return {"stt": models.stt_model, "tts": models.tts_model}.get(kind, lambda s: s.llm.model)(settings)
    except ModelError:
        return ""


def _recommended(settings: Settings, kind: Kind) -> str:
    found = recommend.recommend(recommend.this_machine(settings), _language(settings, kind))
    return found.models[kind].name


def _model_line(settings: Settings, kind: Kind, model: Model, *, suits: bool) -> str:
    chosen = getattr(settings, kind)
    other_engine = bool(model.engine) and model.engine != chosen.engine
    setting = f"{kind}.engine={model.engine}" if other_engine else f"{kind}.model={model.name}"
    line = f"{model.title}{', which suits this machine' if suits else ''}: "
    if not model.package and not (models.models_dir(settings) / model.name).is_dir():
        line += f"hotpin models pull {model.name}, then "
    if other_engine and getattr(chosen, "model", ""):
        return f"{line}choose {setting} and {kind}.model={model.name}"
    return line + _try(setting)


def _against_cut_offs(report: Report, settings: Settings) -> Iterator[str]:
    if report.cut_offs > MANY_CUT_OFFS * len(report.turns):
        waits = "doubtful_wait_seconds" if report.speculates else "wait_seconds"
        longer = round(getattr(settings.turn, waits) * 1.5, 2)
        yield (
            f"{report.cut_offs} of {len(report.turns)} replies were heard before the person had finished; a longer "
            f"wait is slower, and cuts off fewer: {_try(f'turn.{waits}={longer}')}"
        )


def _against_gaps(report: Report, settings: Settings) -> Iterator[str]:
    if report.gaps:
        yield f"The voice does not keep up: {len(report.gaps)} gaps, the longest {report.longest_gap} s"
        yield from _quicker(settings, "tts")


def _installed_llama() -> bool:
    from importlib.util import find_spec

    return find_spec("llama_cpp") is not None


def _try(setting: str) -> str:
    return f"hotpin bench --vs {setting}"
