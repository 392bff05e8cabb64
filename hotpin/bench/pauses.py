"""Makes utterances with a pause before their end out of recordings: does the assistant wait, or does it interrupt?

    python -m hotpin.bench.pauses RECORDINGS OUT --count 150 --seed 1
    hotpin bench --utterances OUT

``RECORDINGS`` is a folder as ``hotpin.bench.clips`` describes it; clips of four words at least are taken.

Each utterance is a clip in which somebody stops for 0.3 to 1.2 s between two words. Whisper tells where the words are;
the cut is made at the quietest point there, and filled with the clip's own room tone. The clip's own pauses stay.
Beside each ``NNN.wav`` is an ``NNN.json`` with the text, the end of speech and all pauses, for ``hotpin bench``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.bench import clips, utterances
from hotpin.bench.clips import SHORTEST_PAUSE, WINDOW, Clip, Speech
from hotpin.bench.utterances import Utterance
from hotpin.errors import AudioError

LONGEST_PAUSE = 1.2
"""s of an inserted pause at most."""

LEAST_WORDS = 4

FADE_SECONDS = 0.005
"""s over which sound and tone are blended at a cut, so that it does not click."""

LEAST_SPEECH_SECONDS = 0.15
"""s of sound before and after an inserted pause at least: less is no word but its echo."""

NEAR_SECONDS = 0.1
"""s around the place between two words in which the quietest point is looked for."""


def with_pause(clip: Clip, between: float, seconds: float) -> Utterance:
    """Stop for ``seconds`` at about ``between``, in s from the beginning, and label what comes of it.

    Raises:
        AudioError: if the clip has no quiet moment, nothing is said after it, or it makes a longer pause of one that is
            there.
    """
    samples, speech = clip.samples, Speech.of(clip)
    cut = quietest_point(samples, between)
    sides = np.count_nonzero(speech.windows * WINDOW < cut), np.count_nonzero(speech.windows * WINDOW > cut)
    if min(sides) * WINDOW < LEAST_SPEECH_SECONDS * CAPTURE_RATE:
        raise AudioError(f"there is no speech on both sides of {between:.2f} s")
    count = round(seconds * CAPTURE_RATE)
    recorded, added = speech.tail(samples)
    after = np.concatenate((samples[cut : speech.end], recorded))
    whole = _blended([samples[:cut], speech.room.silence(count), after, *([added] if len(added) else [])])
    speech_end = (speech.end + count) / CAPTURE_RATE
    found = [*clips.pauses(whole, speech.room.threshold), (cut / CAPTURE_RATE, cut / CAPTURE_RATE + seconds)]
    inner = [(max(start, speech.start), stop) for start, stop in found if start > speech.start and stop < speech_end]
    pauses = _merged(inner)
    if any(stop - start > LONGEST_PAUSE + WINDOW / CAPTURE_RATE for start, stop in pauses):
        raise AudioError(f"a pause at {between:.2f} s would join another, and be longer than {LONGEST_PAUSE} s")
    return Utterance(clip.name, whole, clip.text, round(speech_end, 3), pauses=pauses)


def quietest_point(samples: Samples, near: float) -> int:
    """Give the sample at which a cut near ``near``, in s, is heard least."""
    reach = round(NEAR_SECONDS * CAPTURE_RATE) // WINDOW
    middle = round(near * CAPTURE_RATE) // WINDOW
    first = max(0, middle - reach)
    levels = clips.levels(samples)[first : middle + reach + 1]
    if not len(levels):
        raise AudioError(f"the recording ends before {near:.2f} s")
    return (first + int(np.argmin(levels))) * WINDOW + WINDOW // 2


def make(recordings: Sequence[Clip], count: int, seed: int) -> Iterator[Utterance]:
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
                seconds = float(random.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
                try:
                    yield with_pause(clip, float(left.pop()), seconds)
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

    given = list(clips.with_words(clips.read(recordings, longest, LEAST_WORDS), settings.load()))
    number = utterances.save(out, make(given, count, seed))
    typer.echo(f"{number} utterances of {len(given)} clips in {out}", err=True)


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
