"""What a benchmark found: percentiles, word errors, memory, and which stage takes the time."""

import os
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from hotpin.bench import words
from hotpin.bench.runner import BenchTurn
from hotpin.registry import EngineInfo, Kind
from hotpin.timing import STAGES


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The median and the 95th percentile, in seconds; ``None`` where there is nothing to take them of."""

    p50: float | None
    p95: float | None

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Percentiles":
        """Take them of the values there are."""
        there = [value for value in values if value is not None]
        if not there:
            return cls(None, None)
        return cls(*(round(float(np.percentile(there, rank)), 4) for rank in (50, 95)))

    def __str__(self) -> str:
        """Give both as columns of a table."""
        return "".join(f"{'-' if value is None else f'{value:.2f} s':>9}" for value in (self.p50, self.p95))


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured."""

    engines: Mapping[Kind, EngineInfo]
    load_seconds: float
    turns: Sequence[BenchTurn]

    @property
    def failed(self) -> int:
        """Number of turns that were not answered."""
        return sum(turn.failed for turn in self.turns)

    @property
    def voice_to_voice(self) -> Percentiles:
        """From the person's last sound to the reply's first."""
        return Percentiles.of([turn.result.timing.voice_to_voice for turn in self._answered])

    @property
    def critical_path(self) -> Percentiles:
        """From the decision that the turn is over to the reply's first sound."""
        return Percentiles.of([turn.result.timing.critical_path for turn in self._answered])

    @property
    def stages(self) -> dict[str, Percentiles]:
        """Each stage by name."""
        timings = [turn.result.timing for turn in self._answered]
        return {stage.name: Percentiles.of([timing.seconds(stage) for timing in timings]) for stage in STAGES}

    @property
    def word_error_rate(self) -> float | None:
        """Word errors per spoken word over all turns; ``None`` if no words were spoken."""
        wrong = total = 0
        for turn in self.turns:
            reference = words.normalised(turn.utterance.text)
            wrong += words.errors(reference, words.normalised(turn.result.heard))
            total += len(reference)
        return round(wrong / total, 4) if total else None

    @property
    def cut_offs(self) -> int:
        """Number of turns that were ended before the person had finished."""
        return sum(turn.cut_off for turn in self.turns)

    @property
    def gap_seconds(self) -> float:
        """Silence in the middle of replies, over all turns."""
        return round(sum(turn.result.gap_seconds for turn in self.turns), 3)

    @property
    def _answered(self) -> list[BenchTurn]:
        return [turn for turn in self.turns if not turn.failed]

    def as_dict(self) -> dict[str, object]:
        """Give it as the JSON output carries it."""
        critical_path = asdict(self.critical_path)
        return {
            "machine": machine(),
            "engines": {kind: asdict(info) for kind, info in self.engines.items()},
            "load_seconds": round(self.load_seconds, 3),
            "voice_to_voice": {**asdict(self.voice_to_voice), "n": len(self.turns), "failed": self.failed},
            "critical_path": critical_path,
            # Nothing is done ahead of the decision yet, so what lies after it is the whole of the work.
            "unspeculated": critical_path,
            "stages": {name: asdict(value) for name, value in self.stages.items()},
            "wer": self.word_error_rate,
            "cut_offs": self.cut_offs,
            "gap_seconds": self.gap_seconds,
            "peak_rss_mb": peak_rss_mb(),
            "turns": [turn.as_dict() for turn in self.turns],
        }

    def lines(self) -> list[str]:
        """Give it as a person reads it."""
        rows = {"voice to voice": self.voice_to_voice, "critical path": self.critical_path, **self.stages}
        slowest = max(self.stages, key=lambda name: self.stages[name].p50 or 0.0)
        return [
            f"{'':<22}{'p50':>9}{'p95':>9}",
            *(f"{name:<22}{value}" for name, value in rows.items()),
            "",
            f"{len(self.turns)} turns, {self.failed} not answered, {self.cut_offs} cut off, word error rate "
            f"{self.word_error_rate}, gaps {self.gap_seconds} s, peak memory {peak_rss_mb()} MB",
            f"Most of the time goes into: {slowest}",
        ]


def peak_rss_mb() -> float:
    """Return the most memory this process has held, in MB (1e6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere (getrusage(2)).
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def machine() -> dict[str, object]:
    """Describe this machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
    }
