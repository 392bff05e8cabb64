"""Runs a benchmark: each utterance is fed in real time, hands-free, and what a person would hear is measured."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from time import process_time

import numpy as np

from hotpin.app import VOICE_RATE, App
from hotpin.audio.frame import Samples
from hotpin.audio.mic import FileMicrophone
from hotpin.audio.speaker import VirtualSpeaker
from hotpin.bench.resources import rss_mb
from hotpin.bench.utterances import Utterance
from hotpin.bus import Bus
from hotpin.clock import Clock
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.events import Event, State, StateChanged
from hotpin.one_turn import Question, TurnResult, take_turn
from hotpin.speculation import Ahead
from hotpin.tts.silence import AUDIBLE

SILENCE_AFTER_SECONDS = 30.0
"""s of silence after an utterance: the conversation is closed as soon as the turn is over."""

PLAYBACK_SECONDS = 60.0
"""s of reply that may wait to be played, so that a turn can be cut short once all of it has been made."""

SAMPLE_SHARE = 3
"""One utterance of this many is measured without speculation too."""

SAMPLE_LEAST = 8
"""Utterances of that sample at least, where there are as many."""


@dataclass(frozen=True, slots=True)
class BenchTurn:
    """One measured turn."""

    utterance: Utterance
    result: TurnResult
    """Its ``speech_end`` is the utterance's own label, not what the VAD found."""

    detected_end: float | None
    """s from the start of the utterance to the end of speech as the VAD found it."""

    first_sound: float | None = None
    """s from the start of the utterance to the first sound the loudspeaker made, be it of a reply taken back later."""

    decisions: tuple[float, ...] = ()
    """s from the start of the utterance: each time the turn was held to be over."""

    cpu_seconds: float = 0.0
    """s of processor time that the whole process took."""

    @property
    def failed(self) -> bool:
        """Whether it was not answered."""
        return self.result.failure is not None or self.result.timing.first_audio is None

    @property
    def cut_off(self) -> bool:
        """Whether a reply was heard before the person had finished."""
        return self.first_sound is not None and self.first_sound < self.utterance.speech_end

    @property
    def early_end(self) -> bool:
        """Whether the turn was ended before the person had finished, but nothing was heard of a reply by then."""
        return not self.cut_off and any(decided < self.utterance.speech_end for decided in self.decisions)

    def as_dict(self) -> dict[str, object]:
        """Give the turn as the JSON output carries it."""
        timing = self.result.timing
        return {
            "utterance": self.utterance.name,
            "text": self.utterance.text,
            **self.result.as_dict(self.utterance.seconds),
            "speech_end_detected": self.detected_end,
            "voice_to_voice": _rounded(timing.voice_to_voice),
            "critical_path": _rounded(timing.critical_path),
            "gap_seconds": round(sum(self.result.gaps), 3),
            "gaps": [round(gap, 3) for gap in self.result.gaps],
            "cpu_seconds": round(self.cpu_seconds, 3),
            "first_sound": _rounded(self.first_sound),
            "cut_off": self.cut_off,
            "early_end": self.early_end,
            "unfinished": self.utterance.unfinished,
            "pauses": [list(pause) for pause in self.utterance.pauses],
            "failed": self.failed,
        }


class Arm:
    """One choice of settings while it is measured: its engines, a loudspeaker of its own, its turns so far."""

    def __init__(self, app: App, clock: Clock, title: str = "") -> None:
        self.app = app
        self.title = title
        """The setting that sets it apart; empty for the settings as they are."""
        self.turns: list[BenchTurn] = []
        self.sample: list[BenchTurn] = []
        """Turns measured with speculation off."""
        self.steady_rss_mb: float | None = None
        """MB that the process held after the warm-up."""
        self._clock = clock
        self._ear = _Ear(clock)
        self._speaker = VirtualSpeaker(
            VOICE_RATE, clock, paced=True, sink=self._ear.hear, capacity_seconds=PLAYBACK_SECONDS
        )
        self._before = app.engines.speculation.ahead
        self._after = self._before

    @property
    def speculates(self) -> bool:
        """Whether the pipeline runs ahead in pauses."""
        return without_speculation(self.app.options("bench")) is not None

    @property
    def ahead(self) -> Ahead:
        """What running ahead has gained and cost in the measured turns."""
        before, after = self._before, self._after
        return Ahead(
            after.begun - before.begun,
            after.confirmed - before.confirmed,
            after.wasted_cpu_seconds - before.wasted_cpu_seconds,
        )

    def warm_up(self, utterance: Utterance) -> None:
        """Take a turn that does not count."""
        self._measured(utterance, self.app.options("bench"))
        self.steady_rss_mb = rss_mb()
        self._before = self._after = self.app.engines.speculation.ahead

    def measure(self, utterance: Utterance) -> BenchTurn:
        """Take a turn and keep what was measured."""
        self.turns.append(self._measured(utterance, self.app.options("bench")))
        self._after = self.app.engines.speculation.ahead
        return self.turns[-1]

    def measure_unspeculated(self, utterance: Utterance) -> BenchTurn:
        """Take a turn with speculation off and keep what was measured."""
        options = self.app.options("bench")
        self.sample.append(self._measured(utterance, without_speculation(options) or options))
        return self.sample[-1]

    def close(self) -> None:
        """Let go of the loudspeaker; the engines belong to the caller."""
        self._speaker.close()

    def _measured(self, utterance: Utterance, options: ConversationOptions) -> BenchTurn:
        mic = FileMicrophone(utterance.frames(), self._clock, SILENCE_AFTER_SECONDS)
        conversation = Conversation(self.app.engines, mic, self._speaker.playback, Bus(), options, self._clock)
        decided: list[float] = []

        def watch(event: Event) -> None:
            if isinstance(event, StateChanged) and event.state is State.THINKING:
                decided.append(self._clock.now())

        self._ear.forget()
        began = process_time()
        result = take_turn(conversation, Question(mic), watch, cut_short=True)
        cpu_seconds = process_time() - began
        zero, sound = mic.started or 0.0, self._ear.first_sound
        timing = result.timing
        if timing.speech_end is not None:
            result = replace(result, timing=replace(timing, speech_end=utterance.speech_end))
        return BenchTurn(
            utterance,
            result,
            detected_end=timing.speech_end,
            first_sound=None if sound is None else sound - zero,
            decisions=tuple(moment - zero for moment in decided),
            cpu_seconds=cpu_seconds,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A turn that has just been measured."""

    number: int
    """1 for the first."""
    total: int
    """Turns of the whole run."""
    arm: Arm
    turn: BenchTurn
    speculated: bool = True
    """Whether it was measured with the settings as they are; otherwise speculation was off."""


def run(arms: Sequence[Arm], given: Sequence[Utterance], repeat: int, *, unspeculated: bool = True) -> Iterator[Step]:
    """Measure every utterance ``repeat`` times, each in a conversation of its own, after a turn of warm-up per arm.

    The arms take turns, each going first every other time, so that whatever else the machine does hits all of them.

    Args:
        arms: the choices of settings; what is measured is kept in them, also if the caller stops early.
        given: the utterances.
        repeat: how often each is asked.
        unspeculated: whether a sample is measured again with speculation off.

    Raises:
        ValueError: if there is nothing to measure.
    """
    if not given or repeat < 1:
        raise ValueError(f"a benchmark needs utterances and repeats, got {len(given)} and {repeat}")
    asked = [utterance for _ in range(repeat) for utterance in given]
    samples = {arm: sample(given) if unspeculated and arm.speculates else [] for arm in arms}
    total = len(arms) * len(asked) + sum(map(len, samples.values()))
    for arm in arms:
        arm.warm_up(given[0])
    number = 0
    for place, utterance in enumerate(asked):
        for arm in arms if place % 2 == 0 else reversed(arms):
            number += 1
            yield Step(number, total, arm, arm.measure(utterance))
    for arm in arms:
        for utterance in samples[arm]:
            number += 1
            yield Step(number, total, arm, arm.measure_unspeculated(utterance), speculated=False)


def sample(given: Sequence[Utterance]) -> list[Utterance]:
    """Give those that are measured without speculation too: every third, at least 8, all if there are fewer."""
    count = min(len(given), max(SAMPLE_LEAST, len(given) // SAMPLE_SHARE))
    return [given[place * len(given) // count] for place in range(count)]


def without_speculation(options: ConversationOptions) -> ConversationOptions | None:
    """Give the options with speculation off; ``None`` if it is off already."""
    policy = options.policy
    if not any(field.name == "speculate_seconds" and getattr(policy, field.name) for field in fields(policy)):
        return None
    off: dict[str, None] = {"speculate_seconds": None}
    return replace(options, policy=replace(policy, **off))  # type: ignore[arg-type]


class _Ear:
    """Hears what the loudspeaker plays, whatever becomes of the turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards _first
        self._first: float | None = None

    @property
    def first_sound(self) -> float | None:
        """When the first audible sample since ``forget`` was played, in s on the clock."""
        with self._lock:
            return self._first

    def forget(self) -> None:
        """Listen anew."""
        with self._lock:
            self._first = None

    def hear(self, samples: Samples) -> None:
        """Take what was played just now."""
        with self._lock:
            if self._first is None and np.any(np.abs(samples.astype(np.int32)) > AUDIBLE):
                self._first = self._clock.now()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
