"""Noise in a silent room and over stories, and a listener who only hums: nobody is answered, stories go on."""

import time
from collections.abc import Sequence

from tests.live.figures import Findings, count
from tests.live.material import Clip
from tests.live.scripted import TELL
from tests.live.stand import Stand

APART_SECONDS = 4.0
"""s between two noises: a reply that was paused goes on within 2 s."""

STORY_SECONDS = 120.0


def measure_silent_room(stand: Stand, noises: Sequence[Clip], seconds: float) -> Findings:
    """Play noises while Hotpin listens."""
    found = Findings("noise")
    subject = stand.subject
    over = time.monotonic() + seconds
    number = 0
    while time.monotonic() < over:
        noise = noises[number % len(noises)]
        number += 1
        since = len(subject.events)
        stand.mouth.say(noise.samples)
        time.sleep(APART_SECONDS)
        found.rows.append(
            {
                "noise": noise.name,
                "started_hearing": any(
                    told.values["state"] == "hearing" for told in subject.all("StateChanged", since)
                ),
                "words": " ".join(told.text for told in subject.all("Heard", since)),
                "answered": bool(subject.all("Speaking", since)),
            }
        )
        if subject.state != "listening":
            subject.tell("interrupt")
            subject.wait_listening()
    found.summary = {
        "seconds": round(seconds, 1),
        "noises": len(found.rows),
        "started_hearing": count(found.rows, "started_hearing"),
        "words_of_noise": sum(bool(row["words"]) for row in found.rows),
        "answered": count(found.rows, "answered"),
    }
    return found


def measure_over_stories(stand: Stand, noises: Sequence[Clip], stories: int) -> Findings:
    """Play noises and hums over stories, which have to go on to their end."""
    found = Findings("noise-over-reply")
    for number in range(stories):
        found.rows.append(_disturb(stand, noises, number))
    found.summary = {
        "stories": stories,
        "disturbances": count(found.rows, "disturbances"),
        "paused": count(found.rows, "paused"),
        "interrupted": count(found.rows, "interrupted"),
        "finished": count(found.rows, "finished"),
        "answered": count(found.rows, "answered"),
    }
    return found


def _disturb(stand: Stand, noises: Sequence[Clip], number: int) -> dict[str, float | int | str | bool | None]:
    subject = stand.subject
    began = time.monotonic()
    since = stand.type(TELL)
    subject.wait("Speaking", since=since)
    time.sleep(APART_SECONDS)
    said: list[str] = []
    while subject.find("TurnDone", since=since) is None and time.monotonic() < began + STORY_SECONDS:
        noise = noises[(number * 3 + len(said)) % len(noises)]
        said.append(noise.name)
        stand.mouth.say(noise.samples)
        subject.find("TurnDone", since=since, timeout=APART_SECONDS)
    done = subject.find("TurnDone", since=since)
    over = time.monotonic()
    subject.tell("interrupt")
    subject.wait_listening()
    return {
        "over_it": "; ".join(said),
        "disturbances": len(said),
        "paused": len(stand.loudspeaker.between(began, over).gaps(1.0)),
        "interrupted": len(subject.all("Interrupted", since)),
        "finished": done is not None and done.values["spoken"] == done.values["reply"],
        "answered": len(subject.all("Speaking", since)) - 1,
    }
