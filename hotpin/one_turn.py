"""One turn of a conversation, for the commands and for measuring: a question, and all that came of it."""

from collections.abc import Callable
from dataclasses import dataclass

from hotpin.audio.mic import Microphone, NoMicrophone
from hotpin.conversation import Conversation
from hotpin.events import Event, Failed, InputOver, Speaking, TurnDone
from hotpin.timing import Timing

_POLL_SECONDS = 0.1
"""s between looks at the conversation while waiting for its events, so that Ctrl-C is noticed."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in one turn: a microphone that says it, or typed text."""

    mic: Microphone
    text: str = ""

    @classmethod
    def typed(cls, text: str) -> "Question":
        """Ask in writing."""
        return cls(NoMicrophone(), text)


@dataclass(frozen=True, slots=True)
class TurnResult:
    """A question and its answer."""

    heard: str
    """The person's words; empty where nothing was heard."""
    reply: str
    timing: Timing
    """Moments in s since the input began."""
    gaps: tuple[float, ...]
    """s of each silence in the middle of the reply because its next audio was late."""
    failure: Failed | None

    def as_dict(self, audio_seconds: float) -> dict[str, object]:
        """Give the turn as the JSON outputs carry it."""
        return {
            "heard": self.heard,
            "reply": self.reply,
            "audio_seconds": round(audio_seconds, 3),
            "timing": self.timing.as_dict(),
        }


def take_turn(
    conversation: Conversation,
    question: Question,
    on_event: Callable[[Event], None] = lambda _: None,
    *,
    cut_short: bool = False,
) -> TurnResult:
    """Hold one turn of a new conversation to its end, telling ``on_event`` of everything on the way.

    The conversation is closed afterwards. Ctrl-C ends it at once. With ``cut_short`` the reply is not played to its
    end, only until all of it has been synthesised.
    """
    zero = conversation.clock.now()
    failure: Failed | None = None
    speaking = cut = False
    with conversation.bus.subscribe() as events:
        try:
            conversation.start()
            if question.text:
                conversation.type(question.text)
            while True:
                event = events.get(_POLL_SECONDS)
                if cut_short and speaking and not cut and conversation.playback.progress().written:
                    cut = True
                    conversation.interrupt()
                if event is None:
                    continue
                speaking = speaking or isinstance(event, Speaking)
                on_event(event)
                if isinstance(event, Failed):
                    failure = failure or event
                if _nothing_said(event) or _ends_all(event):
                    return TurnResult("", "", Timing(), (), failure)
                if isinstance(event, TurnDone):
                    start = getattr(question.mic, "started", None) or zero
                    gaps = conversation.playback.progress().gaps
                    return TurnResult(event.heard, event.reply, event.timing.since(start), gaps, failure)
        finally:
            conversation.close()


def _nothing_said(event: Event) -> bool:
    """Whether the input is over and no turn has come of it."""
    return isinstance(event, InputOver) and event.turn == 0


def _ends_all(event: Event) -> bool:
    """Whether the listener itself has failed: no turn will end any more."""
    return isinstance(event, Failed) and event.stage == "audio"
