"""Makes utterances with a pause before their end out of recordings: does the assistant wait, or does it interrupt?

    python -m hotpin.bench.pauses RECORDINGS OUT --count 150 --seed 1
    hotpin bench --utterances OUT

``RECORDINGS`` has a ``manifest.jsonl``: a line for each clip with ``file`` (below the folder), ``language``,
``speaker_kind``, ``transcript`` and ``words`` (those of the transcript, lower-case); a clip that is another one in
another form says so in ``variant_of``. What is taken are clips that a person speaks in English, four words at least.

Each utterance is a clip in which somebody stops for 0.3 to 1.2 s between two words. Whisper tells where the words are;
the cut is made at the quietest point there, and filled with the clip's own room tone. The clip's own pauses stay.
Beside each ``NNN.wav`` is an ``NNN.json`` with the text, the end of speech and all pauses, for ``hotpin bench``.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from hotpin.audio import files
from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, FULL_SCALE, Samples
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from hotpin.settings import Settings

SHORTEST, LONGEST = 0.3, 1.2
"""s of an inserted pause; a clip's own silence counts as a pause from the shortest on."""

LEAST_WORDS = 4

TONE_SECONDS = 0.2
"""s of the clip's quietest stretch, which is played forwards and backwards for as long as the pause lasts."""

TRAILING_SECONDS = 0.3
"""s kept after the end of speech."""

FADE_SECONDS = 0.005
"""s over which sound and tone are blended at a cut, so that it does not click."""

LEAST_SPEECH_SECONDS = 0.15
"""s of sound before and after an inserted pause at least: less is no word but its echo."""

LAST_WORD_SECONDS = 0.3
"""s that the last word may be longer than Whisper thinks; what is louder than the room after that is not speech."""

NEAR_SECONDS = 0.1
"""s around the place between two words in which the quietest point is looked for."""

WINDOW = CAPTURE_RATE // 100
"""Samples of which one level is taken: 10 ms."""

ABOVE_ROOM = 4.0
"""Level over the room's from which it is speech, as a factor: 12 dB."""

BELOW_SPEECH = 0.05
"""Level under the speech's below which nothing is speech, as a factor: -26 dB."""

QUIET_ENOUGH = 0.2
"""Level of the room over that of speech at most, as a factor: without a quiet moment there is no room tone."""

NOISE_FLOOR = 8.0
"""Level, in sample values, that even digital silence is taken to have."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with its words."""

    name: str
    samples: Samples
    """int16, shape (n,), 16 kHz."""
    text: str
    gaps: tuple[float, ...] = ()
    """s from the beginning to the middle between two words."""
    last_word: float = math.inf
    """s from the beginning to the end of the last word, about."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A clip in which somebody stops before they have finished."""

    samples: Samples
    """int16, shape (n,), 16 kHz."""
    speech_end: float
    """s from the beginning."""
    pauses: tuple[tuple[float, float], ...]
    """s from the beginning: (start, end) of each, in order."""


@dataclass(frozen=True, slots=True)
class Room:
    """How loud a clip's room is when nobody speaks."""

    tone: Samples
    """Its quietest stretch; int16, shape (n,)."""
    threshold: float
    """Level, in sample values, from which it is speech."""

    @classmethod
    def of(cls, samples: Samples) -> "Room":
        """Listen to a clip.

        Raises:
            AudioError: if it has no quiet moment.
        """
        levels = _levels(samples)
        length = round(TONE_SECONDS * CAPTURE_RATE) // WINDOW
        if len(levels) < 2 * length:
            raise AudioError("the recording is too short for a pause")
        mean_squares = np.convolve(levels**2, np.ones(length) / length, mode="valid")
        quietest = int(np.argmin(mean_squares))
        room = max(NOISE_FLOOR, float(np.sqrt(mean_squares[quietest])))
        speech = float(np.percentile(levels, 90))
        if room > QUIET_ENOUGH * speech:
            raise AudioError("there is no quiet moment in the recording")
        tone = samples[quietest * WINDOW : (quietest + length) * WINDOW]
        return cls(tone, max(min(ABOVE_ROOM * room, QUIET_ENOUGH * speech), BELOW_SPEECH * speech))

    def silence(self, count: int) -> Samples:
        """Give ``count`` samples of room tone."""
        once = np.concatenate((self.tone, self.tone[::-1]))
        return np.resize(once, count).astype(np.int16)


def with_pause(clip: Clip, between: float, seconds: float) -> Paused:
    """Stop for ``seconds`` at about ``between``, in s from the beginning, and label what comes of it.

    Raises:
        AudioError: if the clip has no quiet moment, nothing is said after it, or it makes a longer pause of one that is
            there.
    """
    samples, room = clip.samples, Room.of(clip.samples)
    spoken = np.flatnonzero(_levels(samples) > room.threshold)
    spoken = spoken[spoken * WINDOW < (clip.last_word + LAST_WORD_SECONDS) * CAPTURE_RATE]
    if not len(spoken):
        raise AudioError("nothing is said in the recording")
    end = (int(spoken[-1]) + 1) * WINDOW
    end = int(np.flatnonzero(np.abs(samples[:end].astype(np.int32)) > room.threshold)[-1]) + 1
    cut = quietest_point(samples, between)
    sides = np.count_nonzero(spoken * WINDOW < cut), np.count_nonzero(spoken * WINDOW > cut)
    if min(sides) * WINDOW < LEAST_SPEECH_SECONDS * CAPTURE_RATE:
        raise AudioError(f"there is no speech on both sides of {between:.2f} s")
    count = round(seconds * CAPTURE_RATE)
    tail = samples[cut : end + round(TRAILING_SECONDS * CAPTURE_RATE)]
    missing = end + round(TRAILING_SECONDS * CAPTURE_RATE) - len(samples)
    parts = [samples[:cut], room.silence(count), tail]
    if missing > 0:
        parts.append(room.silence(missing))
    whole = _blended(parts)
    speech_end = (end + count) / CAPTURE_RATE
    found = [*_pauses(whole, room.threshold), (cut / CAPTURE_RATE, cut / CAPTURE_RATE + seconds)]
    first = float(spoken[0]) * WINDOW / CAPTURE_RATE
    inner = [(max(start, first), stop) for start, stop in found if start > first and stop < speech_end]
    pauses = _merged(inner)
    if any(stop - start > LONGEST + WINDOW / CAPTURE_RATE for start, stop in pauses):
        raise AudioError(f"a pause at {between:.2f} s would join another, and be longer than {LONGEST} s")
    return Paused(whole, round(speech_end, 3), pauses)


def quietest_point(samples: Samples, near: float) -> int:
    """Give the sample at which a cut near ``near``, in s, is heard least."""
    reach = round(NEAR_SECONDS * CAPTURE_RATE) // WINDOW
    middle = round(near * CAPTURE_RATE) // WINDOW
    first = max(0, middle - reach)
    levels = _levels(samples)[first : middle + reach + 1]
    if not len(levels):
        raise AudioError(f"the recording ends before {near:.2f} s")
    return (first + int(np.argmin(levels))) * WINDOW + WINDOW // 2


def clips(folder: Path, longest: float) -> Iterator[Clip]:
    """Read the clips of ``folder`` that a person speaks in English, up to ``longest`` s each.

    Raises:
        AudioError: if there is no manifest, or a clip cannot be read.
    """
    manifest = folder / "manifest.jsonl"
    try:
        lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise AudioError(f"{str(manifest)!r} cannot be read: {error}", "It has one JSON object a line") from error
    for clip in lines:
        if _suits(clip):
            samples = np.concatenate([frame.samples for frame in files.read(folder / clip["file"])])
            if len(samples) <= longest * CAPTURE_RATE:
                yield Clip(str(clip["id"]), samples, str(clip["transcript"]))


def make(recordings: Sequence[Clip], count: int, seed: int) -> Iterator[tuple[Clip, Paused]]:
    """Make up to ``count`` utterances: of each clip one, then each at another place, as long as there are places.

    Args:
        recordings: the clips, with the gaps between their words.
        count: how many are wanted.
        seed: the same seed gives the same utterances.
    """
    random = np.random.default_rng(seed)
    places = [list(random.permutation(np.asarray(clip.gaps, dtype=float))) for clip in recordings]
    made = 0
    while made < count and any(places):
        for clip, left in zip(recordings, places, strict=True):
            if left and made < count:
                seconds = float(random.uniform(SHORTEST, LONGEST))
                try:
                    yield clip, with_pause(clip, float(left.pop()), seconds)
                    made += 1
                except AudioError:
                    continue  # nothing is said after that place, or there is no room tone


def main(
    recordings: Annotated[Path, typer.Argument(help="Folder with manifest.jsonl.")],
    out: Annotated[Path, typer.Argument(help="Folder for NNN.wav and NNN.json; made if need be.")],
    count: Annotated[int, typer.Option(min=1, max=9999, help="Utterances.")] = 150,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utterances.")] = 1,
    longest: Annotated[float, typer.Option(help="s of a clip at most.")] = 15.0,
) -> None:
    """Make utterances with a pause before their end out of recordings."""
    from hotpin import settings

    given = list(_with_words(clips(recordings, longest), settings.load()))
    out.mkdir(parents=True, exist_ok=True)
    number = 0
    for number, (clip, paused) in enumerate(make(given, count, seed), 1):
        label = {
            "text": clip.text,
            "speech_end_s": paused.speech_end,
            "pauses": [[round(moment, 3) for moment in pause] for pause in paused.pauses],
            "source": clip.name,
        }
        (out / f"{number:03}.wav").write_bytes(wav_bytes(paused.samples, CAPTURE_RATE))
        (out / f"{number:03}.json").write_text(json.dumps(label, ensure_ascii=False), encoding="utf-8")
    typer.echo(f"{number} utterances of {len(given)} clips in {out}", err=True)


def _suits(clip: dict[str, Any]) -> bool:
    return (
        clip.get("language") == "en"
        and clip.get("speaker_kind") == "human"
        and not clip.get("variant_of")
        and len(str(clip.get("words", "")).split()) >= LEAST_WORDS
    )


def _with_words(recordings: Iterable[Clip], settings: "Settings") -> Iterator[Clip]:
    """Let Whisper find where one word of each clip ends and the next begins."""
    from faster_whisper import WhisperModel

    from hotpin import models
    from hotpin.environment import available_cores

    folder = models.resolve(settings, "stt", "whisper-base")
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=available_cores())
    for clip in recordings:
        sound = clip.samples.astype(np.float32) / FULL_SCALE
        segments, _ = model.transcribe(sound, language="en", word_timestamps=True, condition_on_previous_text=False)
        words = [word for segment in segments for word in segment.words or ()]
        typer.echo(f"{clip.name}: {len(words)} words", err=True)
        if words:
            gaps = tuple(float(one.end + other.start) / 2 for one, other in pairwise(words))
            yield replace(clip, gaps=gaps, last_word=float(words[-1].end))


def _levels(samples: Samples) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Give the root mean square of each whole window, in sample values."""
    whole = samples[: len(samples) // WINDOW * WINDOW].astype(np.float64)
    levels: np.ndarray[tuple[int], np.dtype[np.float64]] = np.sqrt((whole.reshape(-1, WINDOW) ** 2).mean(axis=1))
    return levels


def _pauses(samples: Samples, threshold: float) -> Iterator[tuple[float, float]]:
    """Find the stretches of silence between words that are long enough to be pauses."""
    spoken = np.flatnonzero(_levels(samples) > threshold)
    for before, after in pairwise(spoken.tolist()):
        start, end = (before + 1) * WINDOW / CAPTURE_RATE, after * WINDOW / CAPTURE_RATE
        if end - start >= SHORTEST:
            yield start, end


def _merged(stretches: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Join what overlaps, in order."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def _blended(parts: Sequence[Samples]) -> Samples:
    """Join parts, each fading out and in where they meet."""
    fade = round(FADE_SECONDS * CAPTURE_RATE)
    ramp = np.linspace(0.0, 1.0, fade)
    faded = []
    for place, part in enumerate(parts):
        sound = part.astype(np.float64)
        if place and len(sound) >= fade:
            sound[:fade] *= ramp
        if place < len(parts) - 1 and len(sound) >= fade:
            sound[-fade:] *= ramp[::-1]
        faded.append(sound)
    return np.concatenate(faded).round().astype(np.int16)


if __name__ == "__main__":
    typer.run(main)
