"""Somebody asks one thing after another, without a key and without an echo."""

import time
from collections.abc import Sequence

from hotpin.bench import words
from hotpin.timing import STAGES, Timing
from tests.live.figures import Findings, count, percentile
from tests.live.material import Clip
from tests.live.stand import Listener, Stand
from tests.live.subject import GAPS

ANSWER_SECONDS = 30.0
REST_SECONDS = 0.7
"""s of silence before the next one speaks."""

HEAR_SECONDS = 0.5
"""s of the reply that are listened to."""

_WAITS = ("noticing", *(stage.name for stage in STAGES), "device")


def measure(stand: Stand, clips: Sequence[Clip], listener: Listener) -> Findings:
    """Say every clip; what was understood is compared with the words in it and with what the file alone gives."""
    found = Findings("hands-free")
    gaps = _underflows(stand)
    for clip in clips:
        found.rows.append(_ask(stand, clip, listener.words(clip.samples)))
    rows = found.rows
    whole = [row for row in rows if not row["cut_off"]]
    waits = [_seconds(row["voice_to_voice"]) for row in whole]
    asked = [_seconds(row["voice_to_voice"]) for row in whole if row["made"]]
    found.summary = {
        "utterances": len(rows),
        "heard": count(rows, "heard_at_all"),
        "answered": count(rows, "answered"),
        "first_word_lost": count(rows, "first_word_lost"),
        "cut_off": count(rows, "cut_off"),
        "words_said": count(rows, "words_said"),
        "word_errors": count(rows, "word_errors"),
        "word_errors_file": count(rows, "word_errors_file"),
        "voice_to_voice_p50": percentile(waits, 50),
        "voice_to_voice_p95": percentile(waits, 95),
        "voice_to_voice_p50_questions": percentile(asked, 50),  # hotpin bench asks the same ones
        "underflows": _underflows(stand) - gaps,
        **{f"{name}_p50": percentile([_seconds(row[name]) for row in whole], 50) for name in _WAITS},
    }
    return found


def _ask(stand: Stand, clip: Clip, from_file: str) -> dict[str, float | int | str | bool | None]:
    subject = stand.subject
    since = len(subject.events)
    began = stand.mouth.say(clip.samples)
    zero = stand.place(clip, began)
    speech_end = zero + clip.speech_end
    # A reply before the end is taken back when the person goes on: what counts is the one after it.
    answer = subject.find(
        "Speaking", since=since, timeout=clip.seconds + ANSWER_SECONDS, where=lambda told: told.at > speech_end
    )
    time.sleep(HEAR_SECONDS)
    first = stand.loudspeaker.between(began, time.monotonic()).first_sound
    after = stand.loudspeaker.since(speech_end).first_sound
    subject.tell("interrupt")
    done = subject.find("TurnDone", since=since, timeout=5.0, where=lambda told: answer is None or told.at > answer.at)
    subject.wait_listening()
    heard = " ".join(told.text for told in subject.all("Heard", since))
    _rest(stand)
    wanted, live, file = (words.normalised(text) for text in (clip.text, heard, from_file))
    return {
        "utterance": clip.name,
        "made": clip.made,
        "heard": heard,
        "heard_at_all": bool(live),
        "answered": answer is not None,
        "first_word_lost": bool(file) and bool(live) and file[0] == wanted[0] and wanted[0] not in live[:2],
        "cut_off": first is not None and first < speech_end,
        "words_said": len(wanted),
        "word_errors": words.errors(wanted, live),
        "word_errors_file": words.errors(wanted, file),
        "voice_to_voice": None if after is None or answer is None else round(after - speech_end, 3),
        **_waits(Timing(**done.values["timing"]) if done is not None else Timing(), speech_end, after),
    }


def _waits(timing: Timing, speech_end: float, audible: float | None) -> dict[str, float | None]:
    """Tell what the person waited for: all of it is the time from voice to voice.

    The ends are what Hotpin does not see: how much later than it was it found the end of speech, and how much later
    than the device said the first sound could be heard.
    """
    first, last = timing.speech_end, timing.first_audio
    seconds = {
        "noticing": None if first is None else first - speech_end,
        **{stage.name: timing.waited(stage) for stage in STAGES},
        "device": None if last is None or audible is None else audible - last,
    }
    return {name: None if value is None else round(value, 3) for name, value in seconds.items()}


def _underflows(stand: Stand) -> int:
    """Tell how often the loudspeaker was not given its sound in time."""
    since = stand.subject.tell("gaps")
    return int(stand.subject.wait(GAPS, since=since).values["underflows"])


def _rest(stand: Stand) -> None:
    """Wait until the loudspeaker has been silent for a while."""
    deadline = time.monotonic() + ANSWER_SECONDS
    quiet_from = time.monotonic()
    while time.monotonic() < min(deadline, quiet_from + REST_SECONDS):
        time.sleep(0.1)
        sound = stand.loudspeaker.since(quiet_from).last_sound
        quiet_from = quiet_from if sound is None else sound


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None
