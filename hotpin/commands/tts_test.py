"""``hotpin tts-test``: the voice alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hotpin.commands import common, options

if TYPE_CHECKING:
    from hotpin.audio.frame import Frame


def tts_test(  # noqa: PLR0913, PLR0917 - one argument per option
    text: Annotated[str, typer.Option(help="What to say.")],
    out: options.OutOption = None,
    tts: options.TtsEngineOption = None,
    voice: options.VoiceOption = None,
    language: options.LanguageOption = None,
    speed: Annotated[float | None, typer.Option(min=0.5, max=2, help="1 is the voice's own pace.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Speak a text and show how fast that was."""
    from hotpin.spoken import speakable

    words = speakable(text)
    if not words:
        raise typer.BadParameter("the text has nothing to say in it", param_hint="--text")
    settings = common.load_settings(tts__engine=tts, tts__voice=voice, tts__language=language, tts__speed=speed)
    from time import perf_counter

    from hotpin import registry
    from hotpin.tts.choice import choose

    common.ensure_models(settings, ("tts",))
    engine = registry.build_tts(settings)
    # A voice that was asked for by name says what its language is.
    choice = choose(engine, settings.tts.voice, settings.tts.language or ("" if voice else settings.stt.language))
    info, used = engine.info, choice.voice
    if choice.notice:
        common.say(choice.notice)
    with common.loading([info.model]):
        engine.load()
    began = perf_counter()
    first: float | None = None
    frames = []
    for frame in engine.speak(words, used):
        first = first or perf_counter() - began
        frames.append(frame)
    wall = perf_counter() - began
    seconds = sum(frame.seconds for frame in frames)
    if not frames:
        raise typer.BadParameter("the voice made no sound of this text", param_hint="--text")
    # In JSON nobody listens: a program that wants the sound names a file.
    _deliver(frames, out, play=not as_json, device=settings.audio.output)
    if as_json:
        common.print_json(
            {
                "engine": info.name,
                "voice": used,
                "out": str(out) if out else None,
                "audio_seconds": round(seconds, 3),
                "first_audio_seconds": round(first or wall, 4),
                "wall_seconds": round(wall, 4),
                "real_time_factor": round(wall / seconds, 4),
            }
        )
        return
    common.say(
        f"{info.name} {used}: {seconds:.2f} s of speech in {wall:.2f} s, first sound after {first or wall:.2f} s"
    )
    if out:
        common.say(f"It is in {out}")


def _deliver(frames: "list[Frame]", out: Path | None, *, play: bool, device: str) -> None:
    """Write the speech to a file, or play it where there is a sound device."""
    from hotpin.audio.codecs import WavWriter
    from hotpin.audio.speaker import has_output, play_all

    if out is not None:
        with WavWriter(out, frames[0].rate) as writer:
            for frame in frames:
                writer.write(frame.samples)
    elif play and (device or has_output()):
        play_all(frames, device)
    elif play:
        common.say("There is no sound output, so it is not played; --out FILE writes it to a WAV")
