"""A call in a plain terminal while it is held: speech, typed lines or recordings in, words and speech out.

What is spoken while a prompt waits for typing is shown in whole lines above it.
"""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

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
from hotpin.commands.typist import PROMPT, Typist, is_terminal
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.engines import Engines
from hotpin.events import (
    Attention,
    AttentionChanged,
    DeviceChanged,
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
    from hotpin.commands.start_call import Plan

CLEAR_LINE = "\r\033[K"

_ATTENTION = {
    Attention.AWAKE: "I am listening",
    Attention.ASLEEP: "I am asleep",
    Attention.MUTED: "The microphone is muted",
}

_POLL_SECONDS = 0.1


class Call:
    """A call while it is held, and what came of it."""

    def __init__(self, plan: "Plan") -> None:
        self.turns: list[TurnDone] = []
        self.earlier = 0
        """How many turns the session had before."""
        self.failed = False
        """Whether the last turn has failed."""
        self._plan = plan
        self._agent = self._name = ""
        self._now: Callable[[], float] = time.monotonic
        self._began = self._asked = 0.0
        """s on the conversation's clock: when it began, and when the last question was known."""
        self._live = sys.stdout.isatty() and not plan.as_json
        self._prompts = self._live and not plan.said and is_terminal(sys.stdin)
        """Whether the person types in this terminal."""
        self._typist: Typist | None = None
        self._turn = 0
        """The turn whose reply is shown."""
        self._typed: set[int] = set()
        """The turns that began with a typed line and are not over."""
        self._begun = False
        """Whether the current line waits for its end."""

    def hold(self, conversation: Conversation, events: Subscription) -> None:
        """Greet, then show what happens until there is nothing more to come, and close the conversation.

        Args:
            conversation: it listens already.
            events: all that has happened in it.
        """
        options = conversation.options
        self.earlier = len(options.earlier)
        self._agent = options.agent
        self._name = personas.find(options.agent).name
        self._now = conversation.clock.now
        self._began = conversation.began
        try:
            self._greet(live=options.live)
            self._follow(conversation, events)
        finally:
            conversation.close()
            while (event := events.get(0)) is not None:  # such as the end of a reply that was cut off
                self._show(event)
            self._end_line()
            if self._typist is not None:
                self._typist.close()

    def end(self, *, goes_on: bool) -> None:
        """Say goodbye, and how the session goes on if there is something to go on with."""
        more = f" To go on: hotpin start-call --session-id {self._plan.session_id}" if goes_on else ""
        common.say(f"The call is over.{more}")
        if self._plan.out:
            common.say(f"The spoken replies are in {self._plan.out}")

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
        typist = self._typist = None if self._plan.said else Typist(conversation, prompts=self._prompts)
        input_over = False
        # Who talks needs no more lines, unless Ctrl-D said so.
        endless = typist is None or (self._plan.microphone and not is_terminal(sys.stdin))
        while endless or not (typist is not None and typist.done):
            event = events.get(_POLL_SECONDS)
            if event is None:
                continue
            self._show(event)
            if isinstance(event, Failed) and event.stage == "audio":
                return
            input_over = input_over or isinstance(event, InputOver)
            if input_over and conversation.state is State.LISTENING:  # what was said last is answered
                return
        if typist is not None and typist.failure is not None:
            raise typist.failure

    def _greet(self, *, live: bool) -> None:
        known = f"{self.earlier} earlier turn{'s' * (self.earlier != 1)}" if self.earlier else "a new session"
        common.say(f"{self._name} is ready, in the session {self._plan.session_id} ({known}).")
        if self._prompts:
            how = "Talk, or type and press Enter" if live else "Type and press Enter"
            mute = " /mute and /unmute the microphone," if live else ""
            common.say(f"{how}. An empty line silences a reply;{mute} /exit or Ctrl-C hangs up.")

    # --- what is shown ---

    def _show(self, event: Event) -> None:
        if isinstance(event, Heard) and event.typed:
            self._typed.add(event.turn)
        match event:
            case Noticed(text=text):
                self._tell(text)
            case DeviceChanged():
                self._tell(_device_line(event))
            case AttentionChanged(attention=attention):
                self._tell(_ATTENTION[attention])
            case Failed(error=error):
                self.failed = True
                self._tell(f"hotpin: {error}")
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
            case Heard() if event.text:
                self._show_heard(event)
            # What still comes of a reply that was interrupted must not stand behind the next one's name.
            case ReplyText(turn=turn, delta=delta) if turn == self._turn:
                self._show_reply(delta)
            case ReplyWritten(turn=turn, text=text) if turn != self._turn and turn not in self._typed:
                self._tell(f"{self._name}: {harmless(text)}", aside=False)
            case ReplyWritten(turn=turn) | Interrupted(turn=turn):
                self._end_reply(turn)

    def _show_heard(self, heard: Heard) -> None:
        if self._prompt and not heard.typed:
            self._tell(f"{PROMPT}{harmless(heard.text)}", aside=False)
            return
        self._turn = heard.turn
        if not (heard.typed and self._typist is not None and self._typist.was_seen()):
            typer.echo(f"{CLEAR_LINE if self._live else ''}{PROMPT}{harmless(heard.text)}")

    def _show_reply(self, delta: str) -> None:
        # The name comes with the first word: pasted lines interrupt each other before there is one.
        typer.echo(harmless(delta) if self._begun else f"{self._name}: {harmless(delta)}", nl=False)
        self._begun = True

    def _end_reply(self, turn: int) -> None:
        if turn == self._turn:
            self._end_line()
        if self._typist is not None and turn in self._typed:
            self._typist.written(turn)

    def _show_partial(self, text: str) -> None:
        if self._prompt:
            return
        if self._live:
            typer.echo(f"{CLEAR_LINE}You: {harmless(text)} …", nl=False)
        else:
            common.say(f"… {harmless(text)}")

    @property
    def _prompt(self) -> str:
        """The prompt that is shown, with what is typed behind it; empty if there is none."""
        return self._typist.prompt if self._typist else ""

    def _tell(self, text: str, *, aside: bool = True) -> None:
        """Say something on a line of its own; a prompt, with what is typed behind it, is put below.

        What is said ``aside`` is not part of the conversation.
        """
        prompt = self._prompt
        if prompt:
            typer.echo(CLEAR_LINE, nl=False)
        else:
            self._end_line()
        common.say(text) if aside else typer.echo(text)
        typer.echo(prompt, nl=False)

    def _end_line(self) -> None:
        if self._begun:
            typer.echo()
        self._begun = False

    def _turn_over(self, turn: TurnDone) -> None:
        if turn.heard:
            self.turns.append(turn)
            if self._plan.timing:
                self._tell(f"  {common.stage_line(turn.timing.since(self._asked))}")
        if self._typist is not None and turn.turn in self._typed:
            self._typed.remove(turn.turn)
            self._typist.over(turn.turn)


def _device_line(changed: DeviceChanged) -> str:
    there = f"The {changed.kind} is {changed.name}" if changed.present else f"There is no {changed.kind}"
    return changed.detail or there


def converse(
    engines: Engines, options: ConversationOptions, sound: tuple[Speaker, Clock], said: list[Recording]
) -> Conversation:
    """Give a conversation, not begun, that hears recordings one after the other, or only what is typed."""
    speaker, clock = sound
    mic = _microphone(said, clock)
    conversation = Conversation(engines, mic, speaker.playback, Bus(), options, clock)
    if isinstance(mic, FileMicrophone):
        mic.held = lambda: conversation.state in (State.THINKING, State.SPEAKING)
    return conversation


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
