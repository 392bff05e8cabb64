"""``hotpin start-call``: a call in a plain terminal, with a session that goes on."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hotpin.commands import common

if TYPE_CHECKING:
    from hotpin.commands.call import Call
    from hotpin.commands.turns import Recording
    from hotpin.registry import Kind
    from hotpin.settings import Settings

DEFAULT_SESSION = "default"


def start_call(  # noqa: PLR0913, PLR0917 - one argument per option
    session_id: Annotated[
        str,
        typer.Option(help="The session to go on with, or a new one.", callback=common.session_id),
    ] = DEFAULT_SESSION,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Say this recording instead of typing; may be given several times."),
    ] = None,
    microphone: Annotated[
        bool | None,
        typer.Option(help="Whether to listen as well as read. [default: in a terminal, without --input or --out]"),
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1000, max=384_000, help="Hz, if recordings are raw PCM.")] = None,
    real_time: Annotated[bool, typer.Option("--real-time", help="Feed recordings at the pace of speech.")] = False,
    agent: common.AgentOption = None,
    out: common.OutOption = None,
    stt: common.SttEngineOption = None,
    stt_model: common.SttModelOption = None,
    llm: common.LlmEngineOption = None,
    llm_model: common.LlmModelOption = None,
    tts: common.TtsEngineOption = None,
    voice: common.VoiceOption = None,
    language: common.LanguageOption = None,
    server: Annotated[
        str | None, typer.Option(help="Talk with the Hotpin that serves there, such as ws://pi.lan:8000.")
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="HOTPIN_SERVER_TOKEN", show_default=False, help="The token of that server.")
    ] = "",
    ca: Annotated[
        Path | None, typer.Option(help="The hotpin-ca.crt of that server, for wss://: see hotpin config tls.")
    ] = None,
    timing: Annotated[bool, typer.Option("--timing", help="Show where the time of each turn went.")] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Hold a call in this terminal: talk or type, get a spoken answer. The session goes on where it ended.

    Talking over a reply interrupts it, and so does a line typed meanwhile; an empty one only silences it. Ctrl-D ends
    the call once the reply is over; exit, quit or Ctrl-C end it at once. Without a terminal, standard input is read
    line by line; with --microphone the call then lasts until Ctrl-C.

    With --server only microphone and loudspeaker are those of this machine. Recognition, model and voice are the
    server's, and what is typed is not sent.
    """
    settings = common.load_settings(
        stt__engine=stt,
        stt__model=stt_model,
        stt__language=language,
        llm__engine=llm,
        llm__model=llm_model,
        tts__engine=tts,
        tts__voice=voice,
    )
    from hotpin import personas
    from hotpin.commands.turns import recordings
    from hotpin.commands.typist import is_terminal
    from hotpin.errors import AudioError

    if server is None:
        _refuse("it needs --server", ca=ca)  # a token may stand in the environment for other calls
        personas.find(agent or settings.dialog.agent)  # a slip is told before any model is loaded
    else:
        here = {"stt": stt, "stt-model": stt_model, "llm": llm, "llm-model": llm_model, "tts": tts}
        _refuse("the server has its own: it does not go with --server", **here, language=language, timing=timing)
    said = recordings(inputs or [], rate, out)
    if microphone and (said or out):
        raise typer.BadParameter("it goes neither with --input nor with --out", param_hint="--microphone")
    if microphone is None:
        microphone = not said and out is None and (server is not None or is_terminal(sys.stdin))
    if server is not None:
        from hotpin.commands import remote_call

        remote_call.hold(
            settings,
            remote_call.RemotePlan(
                server, session_id, token, ca, agent or "", voice or "", out, said, microphone, real_time, as_json
            ),
        )
        return
    plan = Plan(session_id, agent or "", out, said, microphone, real_time, timing, as_json)
    call = _hold_live(settings, plan) if microphone else _hold(settings, plan)
    if as_json:
        common.print_json(call.as_dict())
    if said and not call.turns and not call.failed:
        raise AudioError("I heard nothing: there is no speech in these recordings", "Speak louder, or closer")
    if call.failed:
        raise typer.Exit(1)


def _refuse(why: str, **given: object) -> None:
    """Refuse options that were given.

    Raises:
        BadParameter: naming the first of them.
    """
    for name, value in given.items():
        if value:
            raise typer.BadParameter(why, param_hint=f"--{name}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    session_id: str
    agent: str
    out: Path | None
    said: "list[Recording]"
    microphone: bool
    """Whether it is held live."""
    real_time: bool
    timing: bool
    as_json: bool


def _hold(settings: "Settings", plan: Plan) -> "Call":
    from hotpin.commands import turns
    from hotpin.commands.call import Call, converse

    kinds: tuple[Kind, ...] = ("vad", "stt", "prosody", "llm", "tts") if plan.said else ("vad", "llm", "tts")
    call = Call(plan)
    with (
        turns.output(settings, plan.out, real_time=plan.real_time) as sound,
        common.opened_app(settings, kinds) as app,
    ):
        options = app.session_options(plan.session_id, agent=plan.agent)
        common.load_engines(app, kinds)
        conversation = converse(app.engines, options, sound, plan.said)
        # Ctrl-C is the usual way to hang up.
        with suppress(KeyboardInterrupt), conversation.bus.subscribe() as events:
            conversation.start()
            call.hold(conversation, events)
        call.end(goes_on=_kept(settings) and bool(call.turns or call.earlier))
    return call


def _hold_live(settings: "Settings", plan: Plan) -> "Call":
    from hotpin.commands.call import Call
    from hotpin.engines import ALL_KINDS
    from hotpin.live import Live

    common.ensure_models(settings, ALL_KINDS)
    call, live = Call(plan), Live(settings, plan.session_id, plan.agent)
    with live.bus.subscribe() as events:
        try:
            with common.loading(info.model for info in live.app.engines.infos.values()):
                live.open()
            if live.conversation is not None:
                call.hold(live.conversation, events)
            live.free()
        except KeyboardInterrupt:  # the usual way to hang up
            pass
        finally:
            live.close()
    call.end(goes_on=_kept(settings) and bool(call.turns or call.earlier))
    return call


def _kept(settings: "Settings") -> bool:
    from hotpin.sessions.stores import MEMORY

    return settings.sessions.store.strip() != MEMORY
