"""Hotpin tells long stories into an echo: does it interrupt itself, does it answer itself?"""

import time
from collections.abc import Mapping, Sequence

from tests.live.figures import Findings, Value, count, percentile
from tests.live.rig import Echo
from tests.live.scripted import TELL
from tests.live.stand import Stand

STORY_SECONDS = 90.0
AFTER_SECONDS = 3.0
"""s after a story in which its echo may still become a turn."""

PAUSE_SECONDS = 0.55
"""s of silence in a story that are no pause between sentences: the reply was held up, for 0.6 s at the least."""


def measure(stand: Stand, echo: Echo | None, replies: int) -> Findings:
    """Let it tell stories while nobody says a word."""
    found = Findings("own-voice")
    for _ in range(replies):
        found.rows.append(_story(stand, echo))
    found.summary = {"echo": echo.name if echo else "none", **summary(found.rows)}
    return found


def summary(rows: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """Sum up what was found, in one room or in several."""
    return {
        "replies": len(rows),
        "interrupted": count(rows, "interrupted"),
        "turns_of_echo": count(rows, "turns_of_echo"),
        "started_hearing": count(rows, "started_hearing"),
        "pauses": count(rows, "pauses"),
        "longest_gap_max": percentile([float(row["longest_gap"] or 0.0) for row in rows], 100),
    }


def _story(stand: Stand, echo: Echo | None) -> dict[str, float | int | str | bool | None]:
    subject = stand.subject
    began = time.monotonic()
    since = stand.type(TELL)
    done = subject.find("TurnDone", since=since, timeout=STORY_SECONDS, where=lambda told: told.values["heard"] == TELL)
    over = time.monotonic()
    time.sleep(AFTER_SECONDS)
    subject.tell("interrupt")  # if it has begun to hear itself, the next story must not suffer
    subject.wait_listening()
    take = stand.loudspeaker.between(began, over)
    echoes = [told.text for told in subject.all("Heard", since) if told.text != TELL]
    gaps = [end - start for start, end in take.gaps(0.3)]
    return {
        "finished": done is not None and done.values["spoken"] == done.values["reply"],
        "interrupted": len(subject.all("Interrupted", since)),
        "turns_of_echo": len(echoes),
        "started_hearing": sum(told.values["state"] == "hearing" for told in subject.all("StateChanged", since)),
        "pauses": sum(gap >= PAUSE_SECONDS for gap in gaps),
        "longest_gap": round(max(gaps, default=0.0), 3),
        "seconds": round(over - began, 2),
        "understood": " / ".join(echoes),
    }
