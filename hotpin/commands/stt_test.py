"""``hotpin stt-test``: the recogniser alone."""

from pathlib import Path
from typing import Annotated

import typer

from hotpin.commands import common, options


def stt_test(
    source: Annotated[Path, typer.Option("--input", "-i", help="A recording in any format, any rate.")],
    rate: Annotated[int | None, typer.Option(min=1000, max=384_000, help="Hz, if it is raw PCM.")] = None,
    stt: options.SttEngineOption = None,
    stt_model: options.SttModelOption = None,
    language: options.LanguageOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Transcribe a recording and show how fast that was."""
    settings = common.load_settings(stt__engine=stt, stt__model=stt_model, stt__language=language)
    from time import perf_counter

    from hotpin import registry
    from hotpin.commands.turns import Recording

    recording = Recording(source, rate)
    common.ensure_models(settings, ("stt",))
    engine = registry.build_stt(settings)
    info = engine.info
    with common.loading([info.model]):
        engine.load()
    began = perf_counter()
    stream = engine.stream()
    for frame in recording:
        stream.feed(frame)
    text = stream.finish().text
    wall = perf_counter() - began
    factor = wall / recording.seconds
    if as_json:
        common.print_json(
            {
                "text": text,
                "engine": info.name,
                "model": info.model,
                "audio_seconds": round(recording.seconds, 3),
                "wall_seconds": round(wall, 4),
                "real_time_factor": round(factor, 4),
            }
        )
        return
    if text:
        typer.echo(text)
    else:
        common.say("I heard nothing: there is no speech in this recording")
    common.say(f"{info.name} {info.model}: {recording.seconds:.2f} s of audio in {wall:.2f} s, factor {factor:.3f}")
