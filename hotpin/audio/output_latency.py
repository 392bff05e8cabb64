"""How far ahead a loudspeaker must be given its sound: as little as it gets by with, which shows while it plays."""

STEPS_SECONDS = (0.04, 0.06, 0.12)
"""s asked of PortAudio, each where the one before let the device run dry. With its own default the first callback came
up to 2 s late on PulseAudio, and every reply begins as much later as is asked."""

_learnt: dict[str, int] = {}  # the step of each device that needed another than the first, as long as the process lives


def latency_of(device: str) -> float:
    """Return what to ask for a device, by its name, in s."""
    return STEPS_SECONDS[_learnt.get(device, 0)]


def ask_more(device: str) -> bool:
    """Note that a device ran dry; return whether there is more to ask for."""
    step = _learnt.get(device, 0)
    if step + 1 == len(STEPS_SECONDS):
        return False
    _learnt[device] = step + 1
    return True


class Gauge:
    """Whether a device ran dry while a reply was made or heard; at other times nobody waits for its sound."""

    def __init__(self) -> None:
        self.dry = False
        """Whether it did."""
        self._forgiven = 0

    def look(self, underflows: int, *, quiet: bool) -> None:
        """Take the stream's underflows up to now; ``quiet`` means that there is nothing to play."""
        if quiet:
            self._forgiven = underflows
        self.dry = self.dry or underflows > self._forgiven
