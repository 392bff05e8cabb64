"""Figures for Prometheus: connections and turns by protocol, stages of turns. No words, no ids."""

from hotpin.server.limits import Seats, TurnGate
from hotpin.timing import STAGES, Timing

_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 10.0)
"""s. Where the stages of a turn lie, from a cached prompt to a big model on a small machine."""


class Metrics:
    """Counts what happens in one process."""

    def __init__(self, seats: Seats, gate: TurnGate) -> None:
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
        connected = Gauge("hotpin_open_connections", "WebSockets open now.", registry=known)
        connected.set_function(lambda: seats.taken)
        inside = Gauge("hotpin_turns_inside", "Turns that are answered or wait now.", registry=known)
        inside.set_function(lambda: gate.inside)

    def turn(self, protocol: str, result: str, timing: Timing | None = None) -> None:
        """Count a turn that is over."""
        self.turns.labels(protocol, result).inc()
        for stage in STAGES if timing is not None else ():
            seconds = timing.seconds(stage) if timing is not None else None
            if seconds is not None:
                self._stages.labels(protocol, stage.name).observe(max(0.0, seconds))

    def text(self) -> bytes:
        """Give the figures as Prometheus reads them."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)
