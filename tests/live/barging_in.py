"""A person speaks over long stories: how soon is it silent, and what is known of what was said and heard?

It is timed from the first word in the recording, by its loudness (``Clip.speech_start``), to the last sample that the
loudspeaker plays: what the devices take is in it.
"""

import random
import time
from collections.abc import Mapping, Sequence

from hotpin.bench import words
from tests.live.figures import Findings, Value, count, percentile
from tests.live.material import Clip
from tests.live.rig import Echo
from tests.live.scripted import STORY, TELL
from tests.live.stand import Listener, Stand, words_heard

BEFORE_SECONDS = (3.0, 8.0)
"""s of the story before somebody speaks."""

LEARN_SECONDS = 12.0
"""s of a first story that nobody interrupts: until the echo is known to be removed, it does not listen to anybody."""

ANSWER_SECONDS = 20.0
QUIET_SECONDS = 0.5
LAST_SECONDS = 6.0
"""s of what was played, by which it is told how far it came."""

UNDERSTOOD = 0.34
"""Share of wrong words up to which something counts as understood."""


def measure(stand: Stand, echo: Echo | None, clips: Sequence[Clip], listener: Listener) -> Findings:
    """Say every clip over a story of its own."""
    found = Findings("barging-in")
    if echo is not None:
        _let_it_learn(stand)
    chance = random.Random(1)  # noqa: S311 - only so that it is not always the same word
    for clip in clips:
        found.rows.append(_interrupt(stand, clip, listener, chance.uniform(*BEFORE_SECONDS)))
    found.summary = {"echo": echo.name if echo else "none", **summary(found.rows)}
    return found


def summary(rows: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """Sum up what was found, in one room or in several."""
    silences = [None if row["to_silence"] is None else float(row["to_silence"]) for row in rows]
    return {
        "times": len(rows),
        "interrupted": count(rows, "interrupted"),
        "to_silence_p50": percentile(silences, 50),
        "to_silence_p95": percentile(silences, 95),
        "understood": count(rows, "understood"),
        "answered": count(rows, "answered"),
        "words": count(rows, "words"),
        "word_errors": count(rows, "word_errors"),
        "word_errors_file": count(rows, "word_errors_file"),
        "history_right": count(rows, "history_right"),
    }


def _let_it_learn(stand: Stand) -> None:
    stand.subject.wait("Speaking", since=stand.type(TELL))
    time.sleep(LEARN_SECONDS)
    stand.subject.tell("interrupt")
    stand.subject.wait_listening()


def _interrupt(
    stand: Stand, clip: Clip, listener: Listener, after: float
) -> dict[str, float | int | str | bool | None]:
    subject = stand.subject
    began = time.monotonic()
    since = stand.type(TELL)
    subject.wait("Speaking", since=since)
    time.sleep(after)
    before = len(subject.events)
    said = stand.mouth.say(clip.samples)
    onset = stand.place(clip, said) + clip.speech_start
    cut = subject.find("Interrupted", since=before, timeout=ANSWER_SECONDS)
    answer = subject.find("Speaking", since=before, timeout=ANSWER_SECONDS)
    silent = _silent_from(stand, onset)
    heard = " ".join(told.text for told in subject.all("Heard", before))
    subject.tell("interrupt")
    subject.wait_listening()
    time.sleep(QUIET_SECONDS)
    end = onset + 1.0 if silent is None else silent
    story = listener.words(stand.loudspeaker.between(max(began, end - LAST_SECONDS), end).samples)
    wanted = words.normalised(clip.text)
    wrong = words.errors(wanted, words.normalised(heard))
    kept = len(words.normalised(str(cut.values["spoken"]))) if cut else 0
    played = words_heard(STORY, story)
    return {
        "said": clip.name,
        "heard": heard,
        "interrupted": cut is not None,
        "to_silence": None if silent is None else round(silent - onset, 3),
        "words": len(wanted),
        "word_errors": wrong,
        "word_errors_file": words.errors(wanted, words.normalised(listener.words(clip.samples))),
        "understood": wrong <= UNDERSTOOD * len(wanted),
        "answered": answer is not None,
        "words_kept": kept,
        "words_played": played,
        "last_played": story,
        "history_right": cut is not None and abs(kept - played) <= 1,
    }


def _silent_from(stand: Stand, onset: float) -> float | None:
    """Tell when the loudspeaker fell silent after ``onset``, before it went on or answered, in s.

    ``None`` if it never did, or was silent already.
    """
    if stand.loudspeaker.between(onset - QUIET_SECONDS, onset).first_sound is None:
        return None
    take = stand.loudspeaker.between(onset - 1.0, onset + 5.0)
    gap = next((start for start, end in take.gaps(QUIET_SECONDS) if end > onset), None)
    if gap is not None:
        return max(gap, onset)
    last = take.last_sound
    return max(last, onset) if last is not None and take.end - last > QUIET_SECONDS else None
