"""Runs a benchmark: each utterance is fed in real time, hands-free, and what a person would hear is measured."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from hotpin.app import VOICE_RATE, App, Question, TurnResult, take_turn
from hotpin.audio.mic import FileMicrophone
from hotpin.audio.speaker import VirtualSpeaker
from hotpin.bench.utterances import Utterance
from hotpin.bus import Bus
from hotpin.clock import RealClock
from hotpin.conversation import Conversation

SILENCE_AFTER_SECONDS = 30.0
"""s of silence after an utterance: the conversation is closed as soon as the turn is over."""

PLAYBACK_SECONDS = 60.0
"""s of reply that may wait to be played, so that a turn can be cut short once all of it has been made."""


@dataclass(frozen=True, slots=True)
class BenchTurn:
    """One measured turn."""

    utterance: Utterance
    result: TurnResult
    """Its ``speech_end`` is the utterance's own label, not what the VAD found."""

    detected_end: float | None
    """s from the start of the utterance to the end of speech as the VAD found it."""

    @property
    def failed(self) -> bool:
        """Whether it was not answered."""
        return self.result.failure is not None or self.result.timing.first_audio is None

    @property
    def cut_off(self) -> bool:
        """Whether the turn was ended before the person had finished."""
        endpoint = self.result.timing.endpoint
        return endpoint is not None and endpoint < self.utterance.speech_end

    def as_dict(self) -> dict[str, object]:
        """Give the turn as the JSON output carries it."""
        return {
            "utterance": self.utterance.name,
            "text": self.utterance.text,
            **self.result.as_dict(self.utterance.seconds),
            "speech_end_detected": self.detected_end,
            "voice_to_voice": self.result.timing.voice_to_voice,
            "critical_path": self.result.timing.critical_path,
            "gap_seconds": round(self.result.gap_seconds, 3),
            "cut_off": self.cut_off,
            "failed": self.failed,
        }


def run(
    app: App, utterances: Iterable[Utterance], repeat: int, on_turn: Callable[[BenchTurn], None] = lambda _: None
) -> list[BenchTurn]:
    """Measure every utterance ``repeat`` times, each in a conversation of its own, after one turn of warm-up.

    Raises:
        ValueError: if there is nothing to measure.
    """
    given = list(utterances)
    if not given or repeat < 1:
        raise ValueError(f"a benchmark needs utterances and repeats, got {len(given)} and {repeat}")
    clock = RealClock()
    speaker = VirtualSpeaker(VOICE_RATE, clock, paced=True, capacity_seconds=PLAYBACK_SECONDS)
    turns: list[BenchTurn] = []
    try:
        _measure(app, given[0], speaker, clock)
        for _ in range(repeat):
            for utterance in given:
                turns.append(_measure(app, utterance, speaker, clock))
                on_turn(turns[-1])
    finally:
        speaker.close()
    return turns


def _measure(app: App, utterance: Utterance, speaker: VirtualSpeaker, clock: RealClock) -> BenchTurn:
    mic = FileMicrophone(utterance.frames(), clock, SILENCE_AFTER_SECONDS)
    conversation = Conversation(app.engines, mic, speaker.playback, Bus(), app.options("bench"), clock)
    result = take_turn(conversation, Question(mic), cut_short=True)
    detected = result.timing.speech_end
    if detected is not None:
        result = replace(result, timing=replace(result.timing, speech_end=utterance.speech_end))
    return BenchTurn(utterance, result, detected)
