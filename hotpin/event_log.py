"""What happens in a conversation as log lines, without a word of what was said; and the sum of it, for `status`."""

import logging

from hotpin.errors import HotpinError
from hotpin.events import (
    Attention,
    AttentionChanged,
    DeviceChanged,
    Event,
    Failed,
    Noticed,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.timing import STAGES, Timing

log = logging.getLogger(__name__)


class EventLog:
    """Takes the events of one conversation, in their order, on one thread; what it knows can be read from any."""

    def __init__(self) -> None:
        self.state = State.LISTENING
        self.attention = Attention.AWAKE
        self.turns = 0
        """Questions that were answered."""
        self.voice_to_voice: float | None = None
        """s from the person's last sound to the first of the reply, in the last spoken turn."""
        self.devices: dict[str, DeviceChanged] = {}
        """The last news of the microphone and of the loudspeaker, by kind."""

    def take(self, event: Event) -> bool:
        """Log an event if it is worth a line; return whether ``in_words`` has changed by it."""
        before = self.in_words()
        match event:
            case StateChanged(state=state):
                self.state = state
                _tell("state", event, state=state)
            case AttentionChanged(attention=attention):
                self.attention = attention
                _tell("attention", event, attention=attention)
            case TurnDone():
                self._turn_over(event)
            case DeviceChanged(kind=kind, name=name, present=present, detail=detail):
                self.devices[kind] = event
                level = logging.INFO if present else logging.WARNING
                _tell("device", event, level, kind=kind, name=name, present=present, detail=detail or None)
            case Failed(stage=stage, error=error):
                _tell("failed", event, logging.ERROR, stage=stage, error=type(error).__name__, reason=_reason(error))
            case Noticed(text=text):
                _tell("notice", event, logging.WARNING, text=text)
        return self.in_words() != before

    def in_words(self) -> str:
        """Say in a word or two what it does."""
        resting = self.state is State.LISTENING and self.attention is not Attention.AWAKE
        return str(self.attention if resting else self.state)

    def _turn_over(self, turn: TurnDone) -> None:
        if turn.heard:
            self.turns += 1
        if turn.timing.voice_to_voice is not None:
            self.voice_to_voice = turn.timing.voice_to_voice
        interrupted = turn.spoken != turn.reply
        times: dict[str, object] = {**_milliseconds(turn.timing)}
        _tell("turn", turn, logging.INFO, understood=bool(turn.heard), interrupted=interrupted, **times)


def _milliseconds(timing: Timing) -> dict[str, int | None]:
    seconds = {stage.name.replace(" ", "_"): timing.seconds(stage) for stage in STAGES}
    seconds["voice_to_voice"] = timing.voice_to_voice
    return {f"{name}_ms": None if value is None else round(value * 1000) for name, value in seconds.items()}


def _reason(error: Exception) -> str | None:
    """Give the message where it is Hotpin's own: that of a library may hold words that were said."""
    return str(error) if isinstance(error, HotpinError) and error.__cause__ is None else None


def _tell(what: str, event: Event, level: int = logging.INFO, /, **fields: object) -> None:
    log.log(level, what, extra={"fields": {"turn": event.turn or None, **fields}})
