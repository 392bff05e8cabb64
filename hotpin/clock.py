"""Time for the whole path: as it passes, or skipping the waits."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow."""

    def now(self) -> float:
        """Return the time in seconds."""
        ...

    def wait_until(self, moment: float) -> None:
        """Return when the time is ``moment`` or later."""
        ...


class RealClock:
    """Time as it passes."""

    def now(self) -> float:
        """Return the time in seconds."""
        return time.monotonic()

    def wait_until(self, moment: float) -> None:
        """Sleep until ``moment``."""
        seconds = moment - self.now()
        if seconds > 0:
            time.sleep(seconds)


class SkippingClock:
    """Time that jumps over every wait: a recording is fed as fast as it can be taken, on its own time line.

    Work still takes the time it takes, so the stages of a turn keep their true lengths. Only one thread may wait.
    """

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        """Return the time in seconds, the skipped waits included."""
        return time.monotonic() + self._skipped

    def wait_until(self, moment: float) -> None:
        """Jump to ``moment``."""
        self._skipped += max(0.0, moment - self.now())
