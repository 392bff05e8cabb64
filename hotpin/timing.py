"""When each stage of one turn happened."""

import threading
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple


class Stage(NamedTuple):
    """One stretch of a turn, between two of its moments: names of what ``Timing`` has."""

    name: str
    begin: str
    end: str


STAGES = (
    Stage("end of turn", "speech_end", "endpoint"),
    Stage("words", "work_began", "stt_final"),
    Stage("first token", "stt_final", "llm_first_token"),
    Stage("first clause", "llm_first_token", "tts_first_audio"),
    Stage("playing", "playable", "first_audio"),
)
"""From the person's last sound to the assistant's first.

Without speculation each begins where the one before it ends. With it, the work lies inside the end of the turn, and
what is ready early waits for the decision.
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """Moments of one turn, in seconds on one clock; ``None`` where a stage did not happen.

    In the order of a spoken turn: the person stops speaking, the end of the turn is decided, the words are final, the
    model writes its first token, the first piece of audio is synthesised, the first audible sample is played. Where the
    pipeline ran ahead in the pause, what it did can lie before the decision; ``speculated`` is when that began.
    """

    speech_end: float | None = None
    speculated: float | None = None
    endpoint: float | None = None
    stt_final: float | None = None
    llm_first_token: float | None = None
    tts_first_audio: float | None = None
    first_audio: float | None = None

    @property
    def voice_to_voice(self) -> float | None:
        """Seconds from the person's last sound to the assistant's first."""
        return _between(self.speech_end, self.first_audio)

    @property
    def critical_path(self) -> float | None:
        """Seconds from the decision that the turn is over to the first sound; never below 0."""
        seconds = _between(self.endpoint, self.first_audio)
        return None if seconds is None else max(0.0, seconds)

    @property
    def work_began(self) -> float | None:
        """When the utterance's last words began to be worked out: in a pause, or at the end of the turn."""
        return self.endpoint if self.speculated is None else self.speculated

    @property
    def playable(self) -> float | None:
        """When the first sound was there and might be played."""
        if self.tts_first_audio is None or self.endpoint is None:  # a typed question has no end to wait for
            return self.tts_first_audio
        return max(self.tts_first_audio, self.endpoint)

    def span(self, stage: Stage) -> tuple[float, float] | None:
        """Give the moments at which ``stage`` began and ended."""
        begin, end = getattr(self, stage.begin), getattr(self, stage.end)
        return None if begin is None or end is None else (begin, end)

    def seconds(self, stage: Stage) -> float | None:
        """How long ``stage`` took."""
        span = self.span(stage)
        return None if span is None else span[1] - span[0]

    def waited(self, stage: Stage) -> float | None:
        """How long the person waited for ``stage`` alone: what lay inside the end of the turn cost no time.

        Over all stages this adds up to ``voice_to_voice``.
        """
        span = self.span(stage)
        if span is None or stage.end == "endpoint" or self.endpoint is None:
            return None if span is None else span[1] - span[0]
        return max(0.0, span[1] - max(span[0], self.endpoint))

    def since(self, zero: float) -> "Timing":
        """Give the same moments on a clock that was 0 at ``zero``."""
        return Timing(**{name: None if at is None else round(at - zero, 4) for name, at in asdict(self).items()})

    def as_dict(self) -> dict[str, float | None]:
        """Give the moments by name, as the JSON outputs carry them."""
        return asdict(self)


class Stopwatch:
    """Collects the moments of one turn from several threads; the first mark of a stage counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _timing
        self._timing = Timing()

    @property
    def timing(self) -> Timing:
        """What has been marked so far."""
        return self._timing

    def mark(self, stage: str, at: float) -> None:
        """Note that ``stage`` happened at ``at`` seconds, unless it has been noted before."""
        with self._lock:
            if getattr(self._timing, stage) is None:
                self._timing = replace(self._timing, **{stage: at})


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
