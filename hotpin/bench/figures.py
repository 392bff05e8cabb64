"""The arithmetic of a benchmark: percentiles, and two choices of settings compared turn by turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import comb
from statistics import median

import numpy as np

CONFIDENCE = 0.95


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
        return "".join(f"{shown(value):>9}" for value in (self.p50, self.p95))


@dataclass(frozen=True, slots=True)
class Paired:
    """Two choices compared on the same utterances: what both met with cancels out."""

    n: int
    """Pairs in which both were measured."""

    ratio: float | None
    """Median of the changed choice over that of the base, over these pairs."""

    difference: float | None
    """s. Median of changed less base, pair by pair: below 0 the changed one is quicker."""

    low: float | None
    high: float | None
    """s. With 95 % confidence the median difference is between ``low`` and ``high``; ``None`` below 6 pairs."""

    quicker: int
    """Pairs in which the changed choice was quicker."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[float | None, float | None]]) -> "Paired":
        """Compare pairs of (base, changed) seconds; those with a missing half are left out."""
        there = [(base, changed) for base, changed in pairs if base is not None and changed is not None]
        if not there:
            return cls(0, None, None, None, None, 0)
        differences = sorted(changed - base for base, changed in there)
        before, after = (median(values) for values in zip(*there, strict=True))
        out = _left_out(len(differences))
        low, high = (None, None) if out is None else (differences[out], differences[-1 - out])
        return cls(
            n=len(there),
            ratio=round(after / before, 4) if before else None,
            difference=round(median(differences), 4),
            low=None if low is None else round(low, 4),
            high=None if high is None else round(high, 4),
            quicker=sum(difference < 0 for difference in differences),
        )

    @property
    def verdict(self) -> str:
        """Say whether there is a difference, for people."""
        if self.low is None or self.high is None:
            return "too few pairs to tell"
        if self.low <= 0.0 <= self.high:
            return "no difference that could be told from noise"
        return "quicker" if self.high < 0.0 else "slower"


def shown(seconds: float | None) -> str:
    """Give a duration as people read it."""
    return "-" if seconds is None else f"{seconds:.2f} s"


def _left_out(n: int) -> int | None:
    """Tell how many of ``n`` sorted values lie outside the confidence interval of their median, at either end.

    It assumes nothing of how they are distributed: each lies above the median as likely as below it.
    """
    tails = list(accumulate(comb(n, k) / 2**n for k in range(n // 2 + 1)))
    fitting = [k for k, tail in enumerate(tails) if tail <= (1 - CONFIDENCE) / 2]
    return fitting[-1] if fitting else None
