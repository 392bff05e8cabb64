"""What a benchmark found: percentiles, word errors, cut-offs, cost, and which stage takes the time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from hotpin.bench import words
from hotpin.bench.figures import Paired, Percentiles
from hotpin.bench.resources import machine, peak_rss_mb
from hotpin.bench.runner import Arm, BenchTurn
from hotpin.registry import EngineInfo, Kind
from hotpin.speculation import Ahead
from hotpin.timing import STAGES

NOTICEABLE_GAP_SECONDS = 0.1
"""s. Shorter silence in the middle of a reply passes for a breath."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured with one choice of settings."""

    engines: Mapping[Kind, EngineInfo]
    load_seconds: float
    turns: Sequence[BenchTurn]
    sample: Sequence[BenchTurn] = ()
    """Turns that were measured with speculation off."""
    speculates: bool = False
    """Whether the pipeline ran ahead in the others."""
    ahead: Ahead = field(default_factory=Ahead)
    steady_rss_mb: float | None = None
    """MB held after the warm-up."""
    advice: Sequence[str] = ()
    """What could be chosen instead, for people."""

    @classmethod
    def of(cls, arm: Arm, advice: Sequence[str] = ()) -> "Report":
        """Take over what was measured with one choice of settings."""
        app = arm.app
        return cls(
            app.engines.infos,
            app.load_seconds,
            tuple(arm.turns),
            tuple(arm.sample),
            speculates=arm.speculates,
            ahead=arm.ahead,
            steady_rss_mb=arm.steady_rss_mb,
            advice=advice,
        )

    @property
    def finished(self) -> list[BenchTurn]:
        """Turns whose words do not plainly go on: those that the main figures are about."""
        return [turn for turn in self.turns if not turn.utterance.unfinished]

    @property
    def unfinished(self) -> list[BenchTurn]:
        """Turns whose words plainly go on, after which a longer wait is right."""
        return [turn for turn in self.turns if turn.utterance.unfinished]

    @property
    def failed(self) -> int:
        """Number of turns that were not answered."""
        return sum(turn.failed for turn in self.turns)

    @property
    def voice_to_voice(self) -> Percentiles:
        """From the person's last sound to the reply's first."""
        return voice_to_voice_of(self.finished)

    @property
    def critical_path(self) -> Percentiles:
        """From the decision that the turn is over to the reply's first sound."""
        return _critical_path(self.finished)

    @property
    def unspeculated(self) -> Percentiles:
        """Recogniser, model and voice to the first sound, one after the other; empty where it was not measured."""
        if self.sample:
            return _critical_path([turn for turn in self.sample if not turn.utterance.unfinished])
        return Percentiles(None, None) if self.speculates else self.critical_path

    @property
    def stages(self) -> dict[str, Percentiles]:
        """How long each stage took, by name."""
        timings = [turn.result.timing for turn in timed(self.finished)]
        return {stage.name: Percentiles.of([timing.seconds(stage) for timing in timings]) for stage in STAGES}

    @property
    def waits(self) -> dict[str, Percentiles]:
        """How long the person waited for each stage, by name: less than it took where it was done ahead."""
        timings = [turn.result.timing for turn in timed(self.finished)]
        return {stage.name: Percentiles.of([timing.waited(stage) for timing in timings]) for stage in STAGES}

    @property
    def slow_stage(self) -> str | None:
        """The stage that people wait for most; ``None`` if nothing was answered."""
        waits = self.waits
        slowest = max(waits, key=lambda name: waits[name].p50 or 0.0)
        return slowest if waits[slowest].p50 else None

    @property
    def word_errors(self) -> tuple[int, int]:
        """Word errors over all turns, and the words that were spoken."""
        return _word_errors(self.turns)

    @property
    def whole_word_errors(self) -> tuple[int, int]:
        """The same over turns that were not cut off: what nobody listened to is no fault of the recogniser."""
        return _word_errors([turn for turn in self.turns if not turn.cut_off])

    @property
    def word_error_rate(self) -> float | None:
        """Word errors per spoken word over all turns; ``None`` if no words were spoken."""
        wrong, total = self.word_errors
        return round(wrong / total, 4) if total else None

    @property
    def cut_offs(self) -> int:
        """Number of turns in which a reply was heard before the person had finished."""
        return sum(turn.cut_off for turn in self.turns)

    @property
    def early_ends(self) -> int:
        """Number of turns that were ended before the person had finished, though nobody heard it."""
        return sum(turn.early_end for turn in self.turns)

    @property
    def gaps(self) -> list[float]:
        """Length of each silence in the middle of a reply that is long enough to be noticed, in s."""
        return [gap for turn in self.turns for gap in turn.result.gaps if gap > NOTICEABLE_GAP_SECONDS]

    @property
    def longest_gap(self) -> float:
        """Length of the longest silence in the middle of a reply, in s."""
        return round(max((gap for turn in self.turns for gap in turn.result.gaps), default=0.0), 3)

    @property
    def gap_seconds(self) -> float:
        """Silence in the middle of replies, over all turns, in s."""
        return round(sum(sum(turn.result.gaps) for turn in self.turns), 3)

    @property
    def cpu_seconds(self) -> float:
        """Processor time over all turns, in s."""
        return round(sum(turn.cpu_seconds for turn in self.turns), 3)

    def as_dict(self) -> dict[str, object]:
        """Give it as the JSON output carries it."""
        wrong, total = self.word_errors
        return {
            "machine": machine(),
            "engines": {kind: asdict(info) for kind, info in self.engines.items()},
            "load_seconds": round(self.load_seconds, 3),
            "voice_to_voice": _counted(self.finished),
            "critical_path": asdict(self.critical_path),
            "unspeculated": {**asdict(self.unspeculated), "n": len(self.sample)},
            "unfinished": {**_counted(self.unfinished), "critical_path": asdict(_critical_path(self.unfinished))},
            "stages": {name: asdict(value) for name, value in self.stages.items()},
            "waits": {name: asdict(value) for name, value in self.waits.items()},
            "slow_stage": self.slow_stage,
            "advice": list(self.advice),
            "wer": self.word_error_rate,
            "word_errors": wrong,
            "words": total,
            "heard_whole": dict(zip(("word_errors", "words"), self.whole_word_errors, strict=True)),
            "cut_offs": self.cut_offs,
            "early_ends": self.early_ends,
            "pauses": self._pauses(),
            "gap_seconds": self.gap_seconds,
            "gaps": {"n": len(self.gaps), "longest": self.longest_gap},
            "cpu_seconds": self.cpu_seconds,
            "peak_rss_mb": peak_rss_mb(),
            "steady_rss_mb": self.steady_rss_mb,
            "speculation": {**asdict(self.ahead), "hit_rate": self.ahead.hit_rate},
            "turns": [turn.as_dict() for turn in self.turns],
            "unspeculated_turns": [turn.as_dict() for turn in self.sample],
        }

    def _pauses(self) -> dict[str, int]:
        """Tell what happened in turns in which the speaker paused before they had finished."""
        paused = [turn for turn in self.turns if turn.utterance.pauses]
        return {
            "turns": len(paused),
            "cut_offs": sum(turn.cut_off for turn in paused),
            "early_ends": sum(turn.early_end for turn in paused),
        }


def paired(base: Report, changed: Report) -> dict[str, Paired]:
    """Compare two choices turn by turn: voice to voice, the critical path, and each stage.

    Turns belong together in the order in which they were measured; only those that both answered count.
    """
    pairs = [
        (one.result.timing, other.result.timing)
        for one, other in zip(base.turns, changed.turns, strict=False)
        if not one.utterance.unfinished and all(timed([turn]) for turn in (one, other))
    ]
    return {
        "voice to voice": Paired.of([(one.voice_to_voice, other.voice_to_voice) for one, other in pairs]),
        "critical path": Paired.of([(one.critical_path, other.critical_path) for one, other in pairs]),
        **{stage.name: Paired.of([(o.seconds(stage), c.seconds(stage)) for o, c in pairs]) for stage in STAGES},
    }


def timed(turns: Sequence[BenchTurn]) -> list[BenchTurn]:
    """Give the turns whose times count: an answer to half a question is no quick answer."""
    return [turn for turn in turns if not turn.failed and not turn.cut_off]


def voice_to_voice_of(turns: Sequence[BenchTurn]) -> Percentiles:
    """Take the percentiles of voice to voice over some turns."""
    return Percentiles.of([turn.result.timing.voice_to_voice for turn in timed(turns)])


def _word_errors(turns: Sequence[BenchTurn]) -> tuple[int, int]:
    wrong = total = 0
    for turn in turns:
        reference = words.normalised(turn.utterance.text)
        wrong += words.errors(reference, words.normalised(turn.result.heard))
        total += len(reference)
    return wrong, total


def _critical_path(turns: Sequence[BenchTurn]) -> Percentiles:
    return Percentiles.of([turn.result.timing.critical_path for turn in timed(turns)])


def _counted(turns: Sequence[BenchTurn]) -> dict[str, object]:
    return {**asdict(voice_to_voice_of(turns)), "n": len(turns), "failed": sum(turn.failed for turn in turns)}
