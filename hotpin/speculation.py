"""Is it worth running ahead? What it has gained and cost on this machine so far, measured.

In a pause the pipeline may run ahead: words, answer, first clause. If the person has finished, that time is gained; if
they go on, the work was for nothing, and what cannot be stopped at once (a recogniser inside its encoder) is in the way
of what comes next. On a fast machine that is nothing. Where cores are few or the model is slow it may be more than what
is gained: then it is left, and tried again now and then.
"""

import threading
from dataclasses import dataclass, replace

MEMORY = 0.9
"""Weight of all that was measured before, at each new pause: about the last ten count."""

RETRY_PAUSES = 8
"""Pauses after which it is tried again though it was not worth it."""

LEAST_PAUSES = 10
"""Pauses before it can be left: two or three drops at the start tell nothing, and the first work of all is slow. Where
it is left, nothing but partial words tell whether the person has finished, and more replies come too early: 5 of the
first 8, of 150 with pauses in them, when it could be left at once."""

EXPECTED_GAIN_SECONDS, EXPECTED_LOSS_SECONDS = 0.45, 0.15
"""s that are thought to be gained and lost before anything has been measured: the median gain of 142 on two cores."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """How running ahead has turned out."""

    begun: int = 0
    """Pauses in which the pipeline ran ahead."""

    confirmed: int = 0
    """Of these, the ones at the end of a turn: what was ready was used."""

    wasted_cpu_seconds: float = 0.0
    """s of processor time for what was thrown away."""

    @property
    def hit_rate(self) -> float | None:
        """Share of the work that was used, 0 to 1; ``None`` before any."""
        return self.confirmed / self.begun if self.begun else None


class Speculation:
    """Decides for all conversations of a process, by what it is told of each pause. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all that follows
        self._ahead = Ahead()
        self._hits = 0.5
        self._gain = EXPECTED_GAIN_SECONDS
        self._loss = EXPECTED_LOSS_SECONDS
        self._left = 0

    @property
    def ahead(self) -> Ahead:
        """What has been gained and cost so far."""
        return self._ahead

    def begin(self) -> bool:
        """Decide whether to run ahead in a pause that begins; if so, one of the three below is told of it later."""
        with self._lock:
            worthwhile = self._hits * self._gain >= (1.0 - self._hits) * self._loss
            worthwhile = worthwhile or self._ahead.begun < LEAST_PAUSES
            self._left = 0 if worthwhile else (self._left + 1) % RETRY_PAUSES
            if self._left:
                return False
            self._ahead = replace(self._ahead, begun=self._ahead.begun + 1)
            return True

    def confirm(self, gained: float) -> None:
        """Tell that what was made ahead is used, which has gained ``gained`` seconds."""
        with self._lock:
            self._ahead = replace(self._ahead, confirmed=self._ahead.confirmed + 1)
            self._hits = _mean(self._hits, 1.0)
            self._gain = _mean(self._gain, gained)

    def drop(self) -> None:
        """Tell that the person went on."""
        with self._lock:
            self._hits = _mean(self._hits, 0.0)
            self._loss = _mean(self._loss, 0.0)

    def waste(self, cpu_seconds: float, late: float) -> None:
        """Tell that ``cpu_seconds`` went into what was dropped, the last of it ``late`` seconds after that."""
        with self._lock:
            wasted = self._ahead.wasted_cpu_seconds + max(0.0, cpu_seconds)
            self._ahead = replace(self._ahead, wasted_cpu_seconds=wasted)
            self._loss += (1.0 - MEMORY) * late


def _mean(before: float, new: float) -> float:
    return MEMORY * before + (1.0 - MEMORY) * new
