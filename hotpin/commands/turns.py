"""Holding turns from the command line: where the sound comes from and goes to, and what is shown meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

import typer

from hotpin.app import VOICE_RATE, App
from hotpin.audio import files
from hotpin.audio.atomic import refuse_source
from hotpin.audio.codecs import WavWriter
from hotpin.audio.frame import Frame
from hotpin.audio.mic import FileMicrophone
from hotpin.audio.speaker import DeviceSpeaker, Speaker, VirtualSpeaker, has_output
from hotpin.bus import Bus
from hotpin.clock import Clock, RealClock, SkippingClock
from hotpin.commands import common
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.events import Event, Heard, Noticed, ReplyText, ReplyWritten
from hotpin.one_turn import Question, TurnResult, take_turn
from hotpin.sessions.texts import harmless
from hotpin.settings import Settings

SILENCE_AFTER_SECONDS = 3.0
"""s of silence after a recording that is fed in real time: longer than any wait for the end of a turn."""


class Recording:
    """A recording that counts how much of it has been read.

    It is opened at once, so that what is wrong with it is told before any model is loaded.

    Raises:
        AudioError: if the file cannot be read.
    """

    def __init__(self, path: Path, raw_rate: int | None = None) -> None:
        frames = files.read(path, raw_rate=raw_rate)
        self._frames = chain([next(frames)], frames)
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Frame]:
        """Read the rest of it, showing how far that is."""
        progress = common.HeardSoFar()
        for frame in self._frames:
            self.seconds += frame.seconds
            progress.update(self.seconds)
            yield frame
        progress.close()

    def asked(self, clock: Clock, *, real_time: bool) -> Question:
        """Play it as a microphone: hands-free in real time, else as a held key that is released at its end."""
        return Question(FileMicrophone(iter(self), clock, SILENCE_AFTER_SECONDS if real_time else 0.0))


def recordings(paths: Sequence[Path], raw_rate: int | None, out: Path | None) -> list[Recording]:
    """Open recordings that are to be said.

    Raises:
        AudioError: if one cannot be read, or is what the reply is to be written to.
    """
    if out is not None:
        for path in paths:
            refuse_source(out, path)
    return [Recording(path, raw_rate) for path in paths]


@contextmanager
def output(settings: Settings, out: Path | None, *, real_time: bool) -> Iterator[tuple[Speaker, Clock]]:
    """Give what plays the reply, and the clock of the turn.

    With ``out`` a WAV file, which appears if all goes well; else the sound device; without one, nothing is played.

    Raises:
        AudioError: if the file cannot be written, or the device of the settings cannot be opened.
    """
    clock: Clock = RealClock() if real_time else SkippingClock()
    with ExitStack() as stack:
        speaker: Speaker
        if out is not None:
            writer = stack.enter_context(WavWriter(out, VOICE_RATE))
            speaker = VirtualSpeaker(VOICE_RATE, clock, paced=real_time, sink=writer.write)
        elif settings.audio.output or has_output():
            speaker = DeviceSpeaker(VOICE_RATE, clock, settings.audio.output)
        else:
            common.say("There is no sound output, so the reply is not played; --out FILE writes it to a WAV")
            speaker = VirtualSpeaker(VOICE_RATE, clock, paced=real_time)
        stack.callback(speaker.close)
        yield speaker, clock


def options(
    app: App, session_id: str | None = None, *, agent: str = "", push_to_talk: bool = False
) -> ConversationOptions:
    """Give the options of a conversation: with a session id one that is kept, and goes on where it ended.

    Raises:
        HotpinError: if the session, the persona or the voice cannot be had.
    """
    if session_id is None:
        return app.options("ask", agent=agent, push_to_talk=push_to_talk)
    return app.session_options(session_id, agent=agent, push_to_talk=push_to_talk)


def hold(
    app: App,
    question: Question,
    sound: tuple[Speaker, Clock],
    on_event: Callable[[Event], None] = lambda _: None,
    conversation_options: ConversationOptions | None = None,
) -> TurnResult:
    """Hold one turn in a conversation of its own; without options, in one that nobody keeps."""
    speaker, clock = sound
    chosen = conversation_options or options(app)
    conversation = Conversation(app.engines, question.mic, speaker.playback, Bus(), chosen, clock)
    return take_turn(conversation, question, on_event)


class Show:
    """Prints a turn as it happens."""

    def __init__(self) -> None:
        self._replying = False

    def __call__(self, event: Event) -> None:
        """Print what there is to be seen of an event."""
        match event:
            case Noticed(text=text):
                common.say(text)
            case Heard(text=text) if text:
                typer.echo(f"You: {harmless(text)}")
            case ReplyText(delta=delta):
                # The name comes with the first word: until then there may be something to be told.
                typer.echo(harmless(delta) if self._replying else f"Hotpin: {harmless(delta)}", nl=False)
                self._replying = True
            case ReplyWritten() if self._replying:
                typer.echo()
