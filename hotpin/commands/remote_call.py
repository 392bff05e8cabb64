"""``hotpin start-call --server``: a call in this terminal with a Hotpin on another machine."""

import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hotpin.commands import common
from hotpin.commands.call import CLEAR_LINE
from hotpin.commands.typist import FAREWELLS, is_terminal
from hotpin.errors import AudioError, HotpinError
from hotpin.remote_call import RemoteCall
from hotpin.remote_line import Line, Server
from hotpin.remote_player import ReplyPlayer
from hotpin.sessions.texts import harmless

if TYPE_CHECKING:
    from hotpin.audio.device_news import DeviceNews
    from hotpin.commands.turns import Recording
    from hotpin.settings import Settings


@dataclass(frozen=True, slots=True)
class RemotePlan:
    """What was asked for."""

    address: str
    session_id: str
    token: str = field(default="", repr=False)
    authority: Path | None = None
    agent: str = ""
    voice: str = ""
    out: Path | None = None
    said: "list[Recording]" = field(default_factory=list)
    microphone: bool = True
    real_time: bool = False
    as_json: bool = False


def hold(settings: "Settings", plan: RemotePlan) -> None:
    """Hold the call to its end.

    Raises:
        HotpinError: if it cannot be held.
    """
    if find_spec("websockets") is None:
        raise HotpinError("calls to a server need the package websockets", "Install it: pip install websockets")
    if not plan.microphone and not plan.said:
        raise typer.BadParameter("a server is sent speech only: talk, or give --input", param_hint="--server")
    line = Line(Server.at(plan.address, plan.token, plan.authority), _hello(plan))
    screen = Screen(plan.agent or "Hotpin", live=sys.stdout.isatty() and not plan.as_json, quiet=plan.as_json)
    common.say(f"Calling {line.server.url}, session {plan.session_id}")
    call = _listen(settings, line, screen) if plan.microphone else _say(settings, line, screen, plan)
    _end(plan, call)


def _hello(plan: RemotePlan) -> dict[str, object]:
    """Give the first message. An echo never reaches the server: where it is not removed, silence is sent instead."""
    hello: dict[str, object] = {"session_id": plan.session_id, "events": True}
    if plan.microphone:
        hello |= {"vad": True, "echo_cancelled": True}
    return hello | {name: value for name, value in (("agent", plan.agent), ("voice", plan.voice)) if value}


def _listen(settings: "Settings", line: Line, screen: "Screen") -> RemoteCall:
    """Talk with the microphone and loudspeaker of this machine, until the person hangs up."""
    from hotpin.app import VOICE_RATE
    from hotpin.audio.live import LiveSound
    from hotpin.clock import RealClock
    from hotpin.instance import claim_microphone

    with ExitStack() as stack:
        stack.enter_context(claim_microphone())
        # Before the devices: while PortAudio looks for them, nothing can be told on standard error.
        line.open()
        stack.callback(line.close)
        screen.tell("Connected")
        sound = LiveSound(settings.audio, RealClock(), VOICE_RATE, screen.tell_device)
        stack.callback(sound.close)
        player = ReplyPlayer(sound.speaker.playback)
        stack.callback(player.close)
        call = RemoteCall(line, player, screen)
        if is_terminal(sys.stdin):
            common.say("Talk. Enter silences a reply; Ctrl-C hangs up. What is typed is not sent: a server hears only.")
            threading.Thread(target=_heed_lines, args=(call, screen), daemon=True).start()
        with suppress(KeyboardInterrupt):  # the usual way to hang up
            call.listen(sound.microphone)
    return call


def _say(settings: "Settings", line: Line, screen: "Screen", plan: RemotePlan) -> RemoteCall:
    """Say recordings; the replies are played, or written."""
    from hotpin.commands import turns

    with turns.output(settings, plan.out, real_time=plan.real_time) as (speaker, _), ExitStack() as stack:
        player = ReplyPlayer(speaker.playback)
        stack.callback(player.close)
        call = RemoteCall(line, player, screen)
        call.say(plan.said, real_time=plan.real_time)
    return call


def _heed_lines(call: RemoteCall, screen: "Screen") -> None:
    """Do what is typed: an empty line silences a reply, a farewell or the end of the lines hangs up."""
    for typed in sys.stdin:
        word = typed.strip()
        if word in FAREWELLS:
            break
        call.interrupt()
        if word:
            screen.tell("What is typed is not sent: a server hears only. Talk, or press Enter to silence a reply")
    call.hang_up()


def _end(plan: RemotePlan, call: RemoteCall) -> None:
    """Say goodbye, and what came of it."""
    again = f"hotpin start-call --server {plan.address} --session-id {plan.session_id}"
    common.say(f"The call is over. To go on: {again}")
    if plan.out:
        common.say(f"The spoken replies are in {plan.out}")
    if plan.as_json:
        turns = [{"heard": turn.heard, "reply": turn.reply, "spoken": turn.spoken} for turn in call.turns]
        common.print_json({"session_id": plan.session_id, "server": plan.address, "turns": turns})
    if plan.said and not call.turns and not call.failed:
        raise AudioError("the server heard nothing: there is no speech in these recordings", "Speak louder, or closer")
    if call.failed:
        raise typer.Exit(1)


class Screen:
    """Shows a call in a terminal, or line by line where there is none.

    Args:
        name: who answers.
        live: whether words are shown while they are spoken, and then drawn over.
        quiet: whether nothing of the conversation is shown.
    """

    def __init__(self, name: str, *, live: bool, quiet: bool) -> None:
        self._name = name
        self._live = live
        self._quiet = quiet
        self._begun = False
        """Whether the current line waits for its end."""
        self._lock = threading.Lock()  # guards the line against news from the devices' threads

    def partial(self, text: str) -> None:
        """Show what has been understood so far."""
        if self._live:
            with self._lock:
                self._end_line()
                typer.echo(f"{CLEAR_LINE}You: {harmless(text)} …", nl=False)

    def heard(self, text: str) -> None:
        """Show what was said."""
        if text and not self._quiet:
            with self._lock:
                self._end_line()
                typer.echo(f"{CLEAR_LINE if self._live else ''}You: {harmless(text)}")

    def reply(self, delta: str) -> None:
        """Show the next piece of a reply."""
        if not self._quiet:
            with self._lock:
                typer.echo(harmless(delta) if self._begun else f"{self._name}: {harmless(delta)}", nl=False)
                self._begun = True

    def reply_over(self) -> None:
        """End the reply's line."""
        with self._lock:
            self._end_line()

    def tell(self, text: str) -> None:
        """Show what is no part of the conversation."""
        with self._lock:
            self._end_line()
            common.say(f"{CLEAR_LINE if self._live else ''}{harmless(text)}")

    def tell_device(self, news: "DeviceNews") -> None:
        """Show that a microphone or loudspeaker has come or gone."""
        there = f"The {news.kind} is {news.name}" if news.present else f"There is no {news.kind}"
        self.tell(news.detail or there)

    def _end_line(self) -> None:
        if self._begun:
            typer.echo()
        self._begun = False
