"""The numbers of turn-taking."""

from dataclasses import dataclass, field

from hotpin.endpoint import EndpointPolicy


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """The numbers of turn-taking; the settings' ``turn`` section gives each one's reason."""

    start_threshold: float = 0.5
    stop_threshold: float = 0.35
    start_seconds: float = 0.06
    pre_roll_seconds: float = 0.5
    min_speech_seconds: float = 0.1
    max_utterance_seconds: float = 120.0
    speculate_seconds: float | None = 0.12
    """s of silence after which the pipeline runs ahead; ``None`` means never."""
    barge_in: bool = False
    understand_seconds: float = 0.12
    """s of silence after which it is found out what was said over a reply; endless where that costs."""
    cancel_seconds: float = 1.0
    resume_seconds: float = 2.0
    echo_tail_seconds: float = 0.4
    endpoint: EndpointPolicy = field(default_factory=EndpointPolicy)
