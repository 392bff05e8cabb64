"""Is it worth running ahead? What it has gained and cost on this machine so far, measured.

In a pause the pipeline may run ahead: words, answer, first clause. If the person has finished, that time is gained;
if they go on, the work was for nothing, and what cannot be stopped at once (a recogniser inside its encoder) is in
the way of what comes next. On a fast machine that is nothing. Where cores are few or the model is slow it may be more
than what is gained.
"""

import threading
from dataclasses import dataclass, replace


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

    @property
    def ahead(self) -> Ahead:
        """What has been gained and cost so far."""
        return self._ahead

    def begin(self) -> None:
        """Tell that the pipeline begins to run ahead."""
        with self._lock:
            self._ahead = replace(self._ahead, begun=self._ahead.begun + 1)

    def confirm(self) -> None:
        """Tell that what was made ahead is used."""
        with self._lock:
            self._ahead = replace(self._ahead, confirmed=self._ahead.confirmed + 1)

    def waste(self, cpu_seconds: float) -> None:
        """Tell that ``cpu_seconds`` went into what is thrown away."""
        with self._lock:
            self._ahead = replace(
                self._ahead, wasted_cpu_seconds=self._ahead.wasted_cpu_seconds + max(0.0, cpu_seconds)
            )
