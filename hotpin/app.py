"""Composition: settings → engines → conversations, and one turn of a conversation for the commands."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Self

from hotpin import model_manifest, personas
from hotpin.audio.mic import Microphone, NoMicrophone
from hotpin.conversation import Conversation, ConversationOptions
from hotpin.endpoint import EndpointPolicy
from hotpin.engines import ALL_KINDS, Engines
from hotpin.events import Event, Failed, InputOver, Speaking, TurnDone
from hotpin.llm.base import ReplyOptions
from hotpin.registry import Kind
from hotpin.settings import Settings
from hotpin.timing import Timing
from hotpin.turn import TurnPolicy

VOICE_RATE = 24_000
"""Hz of a loudspeaker that has no rate of its own: that of the voices."""

_POLL_SECONDS = 0.1
"""s between looks at the conversation while waiting for its events, so that Ctrl-C is noticed."""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """A question and its answer."""

    heard: str
    """The person's words; empty where nothing was heard."""
    reply: str
    timing: Timing
    """Moments in s since the input began."""
    gap_seconds: float
    """s of silence in the middle of the reply because its next audio was late."""
    failure: Failed | None

    def as_dict(self, audio_seconds: float) -> dict[str, object]:
        """Give the turn as the JSON outputs carry it."""
        return {
            "heard": self.heard,
            "reply": self.reply,
            "audio_seconds": round(audio_seconds, 3),
            "timing": self.timing.as_dict(),
        }


class App:
    """The engines of the settings, and conversations over them; use it in a ``with`` block."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engines = Engines.build(settings)
        self.load_seconds = 0.0

    def load(self, kinds: Iterable[Kind] = ALL_KINDS, loaded: Callable[[Kind], None] = lambda _: None) -> None:
        """Load the engines of ``kinds``.

        Raises:
            HotpinError: if one cannot be loaded.
        """
        began = perf_counter()
        self.engines.load(kinds, loaded)
        self.load_seconds = perf_counter() - began

    def options(self, name: str, *, push_to_talk: bool = False) -> ConversationOptions:
        """Give the options of a conversation as the settings have them."""
        s = self.settings
        return ConversationOptions(
            name=name,
            policy=turn_policy(s),
            prompt=s.dialog.prompt or personas.find(s.dialog.agent).prompt,
            max_turns=s.dialog.max_turns,
            keep_turns=min(s.dialog.keep_turns, s.dialog.max_turns),
            reply=ReplyOptions(temperature(s), s.llm.max_tokens or ReplyOptions().max_tokens),
            voice=s.tts.voice,
            push_to_talk=push_to_talk,
        )

    def close(self) -> None:
        """Free the engines."""
        self.engines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Ctrl-C stops at once: a busy engine is not waited for.
        if kind is not KeyboardInterrupt:
            self.close()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in one turn: a microphone that says it, or typed text."""

    mic: Microphone
    text: str = ""

    @classmethod
    def typed(cls, text: str) -> "Question":
        """Ask in writing."""
        return cls(NoMicrophone(), text)


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
                    return TurnResult("", "", Timing(), 0.0, failure)
                if isinstance(event, TurnDone):
                    start = getattr(question.mic, "started", None) or zero
                    gaps = conversation.playback.progress().gap_seconds
                    return TurnResult(event.heard, event.reply, event.timing.since(start), gaps, failure)
        finally:
            conversation.close()


def temperature(settings: Settings) -> float:
    """Give the randomness of replies: what is set, else what the model's entry in the manifest recommends."""
    if settings.llm.temperature is not None:
        return settings.llm.temperature
    known = model_manifest.load().get(settings.llm.model)
    return ReplyOptions().temperature if known is None or known.temperature is None else known.temperature


def turn_policy(settings: Settings) -> TurnPolicy:
    """Give the policy of turn-taking that the settings describe."""
    t = settings.turn
    return TurnPolicy(
        start_threshold=t.start_threshold,
        stop_threshold=t.stop_threshold,
        start_seconds=t.start_seconds,
        pre_roll_seconds=t.pre_roll_seconds,
        min_speech_seconds=t.min_speech_seconds,
        max_utterance_seconds=t.max_utterance_seconds,
        barge_in=t.barge_in,
        cancel_seconds=t.cancel_seconds,
        resume_seconds=t.resume_seconds,
        endpoint=EndpointPolicy(t.wait_seconds, t.finished_wait_seconds, t.unfinished_wait_seconds),
    )


def _nothing_said(event: Event) -> bool:
    """Whether the input is over and no turn has come of it."""
    return isinstance(event, InputOver) and event.turn == 0


def _ends_all(event: Event) -> bool:
    """Whether the listener itself has failed: no turn will end any more."""
    return isinstance(event, Failed) and event.stage == "audio"
