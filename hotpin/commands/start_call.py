"""``hotpin start-call``: a call in a plain terminal, with a session that goes on."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hotpin.commands import common, options

if TYPE_CHECKING:
    from hotpin.commands.call import Call
    from hotpin.commands.turns import Recording
    from hotpin.registry import Kind
    from hotpin.settings import Settings

DEFAULT_SESSION = "default"

_SETTINGS = {
    "stt": "stt.engine",
    "stt-model": "stt.model",
    "llm": "llm.engine",
    "llm-model": "llm.model",
    "tts": "tts.engine",
    "language": "stt.language",
}
"""Options of a call whose engines are here, and the settings they stand for."""


def start_call(  # noqa: PLR0913, PLR0917 - one argument per option
    session_id: options.CallSessionOption = DEFAULT_SESSION,
    inputs: options.SaidOption = None,
    microphone: options.MicrophoneOption = None,
    rate: options.RawRateOption = None,
    real_time: options.RealTimeOption = False,
    agent: options.AgentOption = None,
    out: options.OutOption = None,
    stt: options.SttEngineOption = None,
    stt_model: options.SttModelOption = None,
    llm: options.LlmEngineOption = None,
    llm_model: options.LlmModelOption = None,
    tts: options.TtsEngineOption = None,
    voice: options.VoiceOption = None,
    language: options.LanguageOption = None,
    server: options.ServerOption = None,
    token: options.ServerTokenOption = "",
    ca: options.ServerAuthorityOption = None,
    timing: options.TimingOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Hold a call in this terminal: talk or type, get a spoken answer. The session goes on where it ended.

    Talking over a reply interrupts it, and so does a line typed meanwhile; an empty one only silences it. Ctrl-D ends
    the call once the reply is over; exit, quit or Ctrl-C end it at once. Without a terminal, standard input is read
    line by line; with --microphone the call then lasts until Ctrl-C.

    With --server only microphone and loudspeaker are those of this machine. Recognition, model and voice are the
    server's, and what is typed is not sent.
    """
    here = {"stt": stt, "stt-model": stt_model, "llm": llm, "llm-model": llm_model, "tts": tts, "language": language}
    settings = common.load_settings(tts__voice=voice, **{_SETTINGS[name]: value for name, value in here.items()})
    if server is None:
        _check_here(settings, agent, ca)
    else:
        _refuse("the server has its own: it does not go with --server", **here, timing=timing)
    from hotpin.commands.turns import recordings

    said = recordings(inputs or [], rate, out)
    listens = _listens(microphone, said, out, elsewhere=server is not None)
    if server is None:
        _hold_here(settings, Plan(session_id, agent or "", out, said, listens, real_time, timing, as_json))
        return
    from hotpin.commands.remote_call import RemotePlan, hold

    plan = RemotePlan(server, session_id, token, ca, agent or "", voice or "", out, said, listens, real_time, as_json)
    hold(settings, plan)


def _check_here(settings: "Settings", agent: str | None, ca: Path | None) -> None:
    """Refuse what cannot be meant for a call at this machine, before any model is loaded."""
    from hotpin import personas

    _refuse("it needs --server", ca=ca)  # a token may stand in the environment for other calls
    personas.find(agent or settings.dialog.agent)


def _listens(asked: bool | None, said: "list[Recording]", out: Path | None, *, elsewhere: bool) -> bool:
    """Whether the microphone is listened to: as asked, else where a person talks.

    Raises:
        BadParameter: if it is asked for beside recordings.
    """
    if asked and (said or out):
        raise typer.BadParameter("it goes neither with --input nor with --out", param_hint="--microphone")
    if asked is not None:
        return asked
    from hotpin.commands.typist import is_terminal

    return not said and out is None and (elsewhere or is_terminal(sys.stdin))


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


def _hold_here(settings: "Settings", plan: Plan) -> None:
    """Hold a call whose engines are those of this machine.

    Raises:
        AudioError: if there was no speech in the recordings.
        Exit: if the last turn failed.
    """
    from hotpin.errors import AudioError

    call = _hold_live(settings, plan) if plan.microphone else _hold(settings, plan)
    if plan.as_json:
        common.print_json(call.as_dict())
    if plan.said and not call.turns and not call.failed:
        raise AudioError("I heard nothing: there is no speech in these recordings", "Speak louder, or closer")
    if call.failed:
        raise typer.Exit(1)


def _hold(settings: "Settings", plan: Plan) -> "Call":
    from hotpin.commands import turns
    from hotpin.commands.call import Call, converse

    kinds: tuple[Kind, ...] = ("vad", "stt", "prosody", "llm", "tts") if plan.said else ("vad", "llm", "tts")
    call = Call(plan)
    with (
        turns.output(settings, plan.out, real_time=plan.real_time) as sound,
        common.opened_app(settings, kinds) as app,
    ):
        chosen = app.session_options(plan.session_id, agent=plan.agent)
        common.load_engines(app, kinds)
        conversation = converse(app.engines, chosen, sound, plan.said)
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
