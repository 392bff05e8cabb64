"""Figures for Prometheus: connections and turns by protocol, stages of turns. No words, no ids.

Where several workers serve, each writes its figures to files in a folder that all share, and whichever is asked gives
the sums: prometheus_client's multiprocess mode.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hotpin.timing import STAGES, Timing

_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 10.0)
"""s. Where the stages of a turn lie, from a cached prompt to a big model on a small machine."""

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Name in the environment that prometheus_client knows the shared folder by; it must be there before its import."""

_ADDED_UP: Final = "livesum"
"""How gauges of several workers become one: the sum over those that live."""


@contextmanager
def shared_by_workers() -> Iterator[None]:
    """Let the processes that are started in this block share their figures."""
    before = os.environ.get(_FOLDER)
    with TemporaryDirectory(prefix="hotpin-metrics-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[_FOLDER]
            else:
                os.environ[_FOLDER] = before


class Metrics:
    """Counts what happens in this process, and tells what has happened in all that share its folder."""

    def __init__(self) -> None:
        # Imported late: only the server needs it.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = known = CollectorRegistry()
        self.connections = Counter("hotpin_connections", "WebSockets accepted.", ["protocol"], registry=known)
        self.turns = Counter("hotpin_turns", "Turns by how they ended.", ["protocol", "result"], registry=known)
        self.errors = Counter("hotpin_errors", "Errors told to clients.", ["protocol", "code"], registry=known)
        self._stages = Histogram(
            "hotpin_stage_seconds",
            "Seconds of each stage of a turn.",
            ["protocol", "stage"],
            buckets=_BUCKETS,
            registry=known,
        )
        self.open_connections = Gauge(
            "hotpin_open_connections", "WebSockets open now.", registry=known, multiprocess_mode=_ADDED_UP
        )
        self.turns_inside = Gauge(
            "hotpin_turns_inside", "Turns that are answered or wait now.", registry=known, multiprocess_mode=_ADDED_UP
        )

    def turn(self, protocol: str, result: str, timing: Timing | None = None) -> None:
        """Count a turn that is over."""
        self.turns.labels(protocol, result).inc()
        for stage in STAGES if timing is not None else ():
            seconds = timing.seconds(stage) if timing is not None else None
            if seconds is not None:
                self._stages.labels(protocol, stage.name).observe(max(0.0, seconds))

    def text(self) -> bytes:
        """Give the figures as Prometheus reads them."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        folder = os.environ.get(_FOLDER)
        if folder is None:
            return generate_latest(self._registry)
        _forget_the_dead(Path(folder))
        added_up = CollectorRegistry()
        MultiProcessCollector(added_up, folder)  # type: ignore[no-untyped-call]
        return generate_latest(added_up)


def _forget_the_dead(folder: Path) -> None:
    """Drop the gauges of workers that were killed: what they had open is open no more. What they counted stays."""
    if os.name != "posix":  # elsewhere nobody can be asked whether they live without being ended
        return
    for file in folder.glob(f"gauge_{_ADDED_UP}_*.db"):
        try:
            os.kill(int(file.stem.rpartition("_")[2]), 0)
        except (ProcessLookupError, PermissionError):  # its number may be somebody else's by now
            file.unlink(missing_ok=True)
