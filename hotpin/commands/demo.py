"""``hotpin demo``: answers recorded questions, on any machine."""

from pathlib import Path

from hotpin.commands import common, options

DEFAULT_OUT = Path("hotpin-demo.wav")


def demo(
    out: options.OutOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Answer the recorded questions that come with Hotpin aloud, and show where the time goes.

    Without a sound device the replies go to hotpin-demo.wav.
    """
    from hotpin import paths
    from hotpin.audio.speaker import has_output
    from hotpin.commands import turns

    # Always the likeliest words: a demonstration should not depend on luck.
    settings = common.load_settings(llm__temperature=0.0)
    questions = sorted((paths.assets_dir() / "questions").glob("*.wav"))
    if out is None and not settings.audio.output and not has_output():
        out = DEFAULT_OUT
        common.say(f"There is no sound output: the replies go to {out}")
    results = []
    with (
        turns.output(settings, out, real_time=False) as sound,
        common.loaded_app(settings, ("vad", "stt", "prosody", "llm", "tts")) as app,
    ):
        for path in questions:
            recording = turns.Recording(path)
            on_event = (lambda _: None) if as_json else turns.Show()
            options = app.options("demo", push_to_talk=True)
            result = turns.hold(app, recording.asked(sound[1], real_time=False), sound, on_event, options)
            common.raise_failure(result)
            results.append({"question": path.name, **result.as_dict(recording.seconds)})
            if not as_json:
                common.say(f"  {common.stage_line(result.timing)}\n")
    if as_json:
        common.print_json({"turns": results, "out": str(out) if out else None})
    elif out:
        common.say(f"The spoken replies are in {out}")
