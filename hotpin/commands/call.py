"""A call in a plain terminal while it is held: typed lines or recordings in, words and speech out."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, TextIO

import numpy as np
import typer

from hotpin import personas
from hotpin.audio.frame import FRAME_SAMPLES, FRAME_SECONDS, Frame
from hotpin.audio.mic import FileMicrophone, Microphone, NoMicrophone
from hotpin.audio.speaker import Speaker
from hotpin.bus import Bus, Subscription
from hotpin.clock import Clock
from hotpin.commands import common
from hotpin.commands.turns import SILENCE_AFTER_SECONDS, Recording
from hotpin.conversation import Conversation
from hotpin.errors import BusyError, HotpinError
from hotpin.events import (
    Event,
    Failed,
    Heard,
    InputOver,
    Interrupted,
    Noticed,
    Partial,
    ReplyText,
    ReplyWritten,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.sessions.texts import harmless

if TYPE_CHECKING:
    from hotpin.app import App
    from hotpin.commands.start_call import Plan

MAX_LINE_BYTES = 64 << 10
"""Bytes of one typed line; a longer one is taken in pieces."""

CLEAR_LINE = "\r\033[K"

_POLL_SECONDS = 0.1


class Call:
    """A call while it is held, and what came of it."""

    def __init__(self, plan: "Plan") -> None:
        self.turns: list[TurnDone] = []
        self.failed = False
        """Whether the last turn has failed."""
        self._plan = plan
        self._agent = ""
        self._now: Callable[[], float] = time.monotonic
        self._began = self._asked = 0.0
        """s on the conversation's clock: when it began, and when the last question was known."""
        self._live = sys.stdout.isatty() and not plan.as_json
        self._prompts = self._live and not plan.said and _is_terminal(sys.stdin)
        """Whether the person types in this terminal, and so sees their own words already."""
        self._begun = False
        """Whether the current line waits for its end."""

    def hold(self, app: "App", sound: tuple[Speaker, Clock]) -> None:
        """Greet, then show what happens until there is nothing more to come."""
        speaker, clock = sound
        options = app.session_options(self._plan.session_id, agent=self._plan.agent)
        self._agent = options.agent
        self._now = clock.now
        mic = _microphone(self._plan.said, clock)
        conversation = Conversation(app.engines, mic, speaker.playback, Bus(), options, clock)
        self._began = conversation.began
        if isinstance(mic, FileMicrophone):
            mic.held = lambda: conversation.state in (State.THINKING, State.SPEAKING)
        with conversation.bus.subscribe() as events:
            try:
                conversation.start()
                self._greet(len(options.earlier))
                self._follow(conversation, events)
            finally:
                conversation.close()
                while (event := events.get(0)) is not None:  # such as the end of a reply that was cut off
                    self._show(event)

    def end(self) -> None:
        """Say goodbye."""
        self._end_line()
        common.say(f"The call is over. To go on: hotpin start-call --session-id {self._plan.session_id}")

    def as_dict(self) -> dict[str, object]:
        """Give the call as its JSON output carries it."""
        turns = [
            {
                "heard": turn.heard,
                "reply": turn.reply,
                "spoken": turn.spoken,
                "timing": turn.timing.since(self._began).as_dict(),
            }
            for turn in self.turns
        ]
        return {"session_id": self._plan.session_id, "agent": self._agent, "turns": turns}

    def _follow(self, conversation: Conversation, events: Subscription) -> None:
        typist = None if self._plan.said else Typist(conversation)
        input_over = False
        while typist is None or not typist.done:
            event = events.get(_POLL_SECONDS)
            if event is None:
                continue
            self._show(event)
            if isinstance(event, Failed) and event.stage == "audio":
                return
            input_over = input_over or isinstance(event, InputOver)
            if input_over and conversation.state is State.LISTENING:  # what was said last is answered
                return
            if typist is not None and isinstance(event, StateChanged):
                typist.listen(listening=event.state is State.LISTENING)
        if typist is not None and typist.failure is not None:
            raise typist.failure

    def _greet(self, earlier: int) -> None:
        name = personas.find(self._agent).name
        known = f"{earlier} earlier turn{'s' * (earlier != 1)}" if earlier else "a new session"
        common.say(f"{name} is listening, in the session {self._plan.session_id} ({known}).")
        if self._prompts:
            common.say("Type and press Enter. An empty line silences a reply; Ctrl-C hangs up.")
            self._prompt()

    # --- what is shown ---

    def _show(self, event: Event) -> None:
        match event:
            case Noticed(text=text):
                common.say(text)
            case Failed(error=error):
                self.failed = True
                self._end_line()
                common.say(f"hotpin: {error}")
            case TurnDone():
                self._turn_over(event)
            case StateChanged(state=State.THINKING):
                self.failed = False
                self._asked = self._now()
            case _ if not self._plan.as_json:
                self._show_words(event)

    def _show_words(self, event: Event) -> None:
        match event:
            case Partial(text=text):
                self._show_partial(text)
            case Heard(text=text) if text:
                if not self._prompts:
                    typer.echo(f"{CLEAR_LINE if self._live else ''}You: {harmless(text)}")
                typer.echo(f"{personas.find(self._agent).name}: ", nl=False)
                self._begun = True
            case ReplyText(delta=delta):
                typer.echo(harmless(delta), nl=False)
            case ReplyWritten() | Interrupted():
                self._end_line()

    def _show_partial(self, text: str) -> None:
        if self._live:
            typer.echo(f"{CLEAR_LINE}You: {harmless(text)} …", nl=False)
        else:
            common.say(f"… {harmless(text)}")

    def _prompt(self) -> None:
        self._end_line()
        typer.echo("You: ", nl=False)
        self._begun = True

    def _end_line(self) -> None:
        if self._begun:
            typer.echo()
        self._begun = False

    def _turn_over(self, turn: TurnDone) -> None:
        if turn.heard:
            self.turns.append(turn)
            if self._plan.timing:
                common.say(f"  {common.stage_line(turn.timing.since(self._asked))}")
        if self._prompts:
            self._prompt()


class Typist:
    """Reads lines from standard input on a thread of its own and gives them to a conversation.

    From a terminal at once, since typing over a reply interrupts it; else one after the other.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._at_once = _is_terminal(sys.stdin)
        self._idle = threading.Event()  # nothing that was typed is being answered
        self._idle.set()
        self._ended = threading.Event()
        self.failure: HotpinError | None = None
        """Why there are no more lines, if not because their end was reached."""
        threading.Thread(target=self._read, name="hotpin-typist", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether there are no more lines, and the last one has been answered."""
        return self._ended.is_set() and self._idle.is_set()

    def listen(self, *, listening: bool) -> None:
        """Tell whether it is the person's turn."""
        if listening:
            self._idle.set()
        else:
            self._idle.clear()

    def _read(self) -> None:
        try:
            for line in _lines():
                if not self._at_once:
                    self._idle.wait()
                self._take(line.strip())
        except OSError as error:  # such as the standard input that nohup gives
            self.failure = HotpinError(
                f"standard input cannot be read: {error.strerror or error}",
                "Type in a terminal, pipe lines in, or say recordings with --input",
            )
        finally:
            self._ended.set()

    def _take(self, line: str) -> None:
        if not line:
            if self._at_once:
                self._silence()
            return
        self._idle.clear()
        try:
            self._conversation.type(line)
        except BusyError as error:
            self._idle.set()
            common.say(f"hotpin: {error}")

    def _silence(self) -> None:
        if self._conversation.state is State.LISTENING:
            typer.echo("You: ", nl=False)
        else:
            self._conversation.interrupt()


def _lines() -> Iterator[str]:
    """Read standard input in bytes: what is no text in it must not end the call."""
    if sys.stdin is None:
        return
    while line := sys.stdin.buffer.readline(MAX_LINE_BYTES):
        yield line.decode("utf-8", "replace")


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _microphone(said: list[Recording], clock: Clock) -> Microphone:
    if not said:
        return NoMicrophone()
    return FileMicrophone(_one_after_the_other(said), clock, SILENCE_AFTER_SECONDS)


def _one_after_the_other(said: list[Recording]) -> Iterator[Frame]:
    """Say the recordings with a silence between them that ends the turn."""
    silence = Frame(np.zeros(FRAME_SAMPLES, np.int16))
    for number, recording in enumerate(said):
        if number:
            yield from repeat(silence, round(SILENCE_AFTER_SECONDS / FRAME_SECONDS))
        yield from recording
