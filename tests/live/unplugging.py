"""The microphone is unplugged and plugged again, whatever the conversation is at."""

import time
from collections.abc import Sequence

from tests.live.figures import Findings, count, percentile
from tests.live.material import Clip
from tests.live.scripted import TELL, THINK
from tests.live.sound import Mouth
from tests.live.stand import Stand

BACK_SECONDS = 10.0
UNPLUGGED_SECONDS = 1.5
STATES = ("listening", "thinking", "speaking")
_TYPED = {"thinking": THINK, "speaking": TELL}


def measure(stand: Stand, question: Clip, times: int, states: Sequence[str] = STATES) -> Findings:
    """Unplug it ``times`` times in each state, and ask something once it is back."""
    found = Findings("unplugging")
    for state in states:
        found.rows += [_unplug(stand, question, state) for _ in range(times)]
    seconds = [None if row["back_after"] is None else float(row["back_after"]) for row in found.rows]
    found.summary = {
        "times": len(found.rows),
        "back": sum(value is not None for value in seconds),
        "back_after_p50": percentile(seconds, 50),
        "back_after_max": percentile(seconds, 100),
        "recorded_monitor": count(found.rows, "recorded_monitor"),
        "reply_whole": count(found.rows, "reply_whole"),
        "heard_after": count(found.rows, "heard_after"),
        "alive": stand.subject.alive,
    }
    return found


def _unplug(stand: Stand, question: Clip, state: str) -> dict[str, float | int | str | bool | None]:
    subject = stand.subject
    since = len(subject.events)
    if state in _TYPED:
        stand.type(_TYPED[state])
        subject.wait("StateChanged", since=since, where=lambda told: told.values["state"] == state)
        time.sleep(1.0)  # in the middle of it
    stand.room.unplug()
    monitor = _records_monitor(stand, UNPLUGGED_SECONDS)
    stand.room.plug()
    back = _back_after(stand)
    done = subject.find("TurnDone", since=since, timeout=120.0) if state in _TYPED else None
    subject.wait_listening()
    before = len(subject.events)
    with Mouth(stand.room.environment) as mouth:  # the other's stream went with the microphone
        time.sleep(0.5)
        mouth.say(question.samples)
        heard = subject.find("Heard", since=before, timeout=15.0, where=lambda told: bool(told.text))
        subject.find("TurnDone", since=before, timeout=30.0)
    subject.wait_listening()
    return {
        "state": state,
        "back_after": back,
        "recorded_monitor": monitor,
        "reply_whole": state not in _TYPED or (done is not None and done.values["spoken"] == done.values["reply"]),
        "heard_after": heard is not None,
        "told": len(subject.all("DeviceChanged", since)),
    }


def _records_monitor(stand: Stand, seconds: float) -> bool:
    """Whether, some time after the microphone has gone, a loudspeaker is recorded in its place."""
    time.sleep(seconds)
    return stand.room.records_monitor(stand.subject.pid)


def _back_after(stand: Stand) -> float | None:
    began = time.monotonic()
    while time.monotonic() < began + BACK_SECONDS:
        if stand.room.records_microphone(stand.subject.pid):
            return round(time.monotonic() - began, 3)
        time.sleep(0.02)  # the server tells nobody which stream is whose
    return None
