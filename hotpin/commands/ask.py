"""``hotpin ask``: one question, one answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hotpin.commands import common, options

if TYPE_CHECKING:
    from hotpin.commands.turns import Recording
    from hotpin.registry import Kind
    from hotpin.settings import Settings


def ask(  # noqa: PLR0913, PLR0917 - one argument per option
    text: Annotated[str | None, typer.Argument(help="The question, typed.")] = None,
    audio: Annotated[Path | None, typer.Option(help="The question, as a recording in any format.")] = None,
    rate: Annotated[int | None, typer.Option(min=1000, max=384_000, help="Hz, if the recording is raw PCM.")] = None,
    out: options.OutOption = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Feed the recording at the pace of speech, hands-free.")
    ] = False,
    stt: options.SttEngineOption = None,
    stt_model: options.SttModelOption = None,
    llm: options.LlmEngineOption = None,
    llm_model: options.LlmModelOption = None,
    tts: options.TtsEngineOption = None,
    voice: options.VoiceOption = None,
    language: options.LanguageOption = None,
    agent: options.AgentOption = None,
    session_id: options.SessionOption = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="Randomness of the reply, 0 for none.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Ask one question, typed or as a recording, and get the reply written and spoken."""
    if (text is None) == (audio is None):
        raise typer.BadParameter("give either a question or --audio FILE")
    if text is not None and not text.strip():
        raise typer.BadParameter("the question is empty")
    if text is not None and _is_undecodable(text):
        raise typer.BadParameter("the question is not valid UTF-8")
    settings = common.load_settings(
        stt__engine=stt,
        stt__model=stt_model,
        stt__language=language,
        llm__engine=llm,
        llm__model=llm_model,
        tts__engine=tts,
        tts__voice=voice,
        llm__temperature=temperature,
    )
    from hotpin import personas
    from hotpin.commands.turns import recordings

    personas.find(agent or settings.dialog.agent)  # a slip is told before any model is loaded
    question = text if audio is None else recordings([audio], rate, out)[0]
    call = Call(out, real_time, as_json, session_id, agent or "")
    _ask(settings, question or "", call)


def _is_undecodable(text: str) -> bool:
    """Whether bytes that are no text stand in it: Python carries them along as surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in text)


@dataclass(frozen=True, slots=True)
class Call:
    """How the question is asked."""

    out: Path | None
    real_time: bool
    as_json: bool
    session_id: str | None
    agent: str


def _ask(settings: "Settings", asked: "str | Recording", call: Call) -> None:
    from hotpin.commands import turns
    from hotpin.errors import AudioError, LlmError
    from hotpin.one_turn import Question

    typed = isinstance(asked, str)
    kinds: tuple[Kind, ...] = ("vad", "llm", "tts") if typed else ("vad", "stt", "prosody", "llm", "tts")
    with (
        turns.output(settings, call.out, real_time=call.real_time) as sound,
        common.opened_app(settings, kinds) as app,
    ):
        options = turns.options(app, call.session_id, agent=call.agent, push_to_talk=not typed and not call.real_time)
        common.load_engines(app, kinds)
        question = Question.typed(asked) if isinstance(asked, str) else asked.asked(sound[1], real_time=call.real_time)
        on_event = (lambda _: None) if call.as_json else turns.Show()
        result = turns.hold(app, question, sound, on_event, options)
        common.raise_failure(result)
        if not result.heard:
            raise AudioError("I heard nothing: there is no speech in this recording", "Speak louder, or closer")
        if not result.reply:
            raise LlmError("the model gave no answer", "Ask in other words, or choose a larger model")
    if call.as_json:
        seconds = 0.0 if isinstance(asked, str) else asked.seconds
        more = {"out": str(call.out) if call.out else None, "session_id": call.session_id}
        common.print_json({**result.as_dict(seconds), **more})
        return
    common.say(common.stage_line(result.timing))
    if call.out:
        common.say(f"The spoken reply is in {call.out}")
