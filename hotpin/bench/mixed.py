"""Makes the utterances that speed is measured with: what people say in recordings, and questions that a voice asks.

    python -m hotpin.bench.mixed RECORDINGS OUT
    hotpin bench --utterances OUT

``RECORDINGS`` is a folder as ``hotpin.bench.clips`` describes it. Every clip that suits is taken, whole, up to where
somebody last speaks; one that has no quiet moment to tell that by is left out. Where the transcript does not end a
sentence, the utterance is labelled as unfinished: people read on after it, so to wait is right.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hotpin.audio.frame import CAPTURE_RATE
from hotpin.bench import clips, utterances
from hotpin.bench.clips import Clip, Speech
from hotpin.bench.utterances import Utterance
from hotpin.errors import AudioError

_SENTENCE_END = re.compile(r"[.?!]['\"”’)]*$")


def whole(clip: Clip) -> Utterance:
    """Label a clip as it is.

    Raises:
        AudioError: if it has no quiet moment, or nobody speaks.
    """
    speech = Speech.of(clip)
    end = speech.end / CAPTURE_RATE
    pauses = tuple(pause for pause in clips.pauses(clip.samples, speech.room.threshold) if pause[1] < end)
    samples = np.concatenate((clip.samples[: speech.end], *speech.tail(clip.samples)))
    return Utterance(clip.name, samples, clip.text, end, not _SENTENCE_END.search(clip.text.strip()), pauses)


def main(
    recordings: Annotated[Path, typer.Argument(help="Folder with manifest.jsonl.")],
    out: Annotated[Path, typer.Argument(help="Folder for NNN.wav and NNN.json; made if need be.")],
    longest: Annotated[float, typer.Option(help="s of a clip at most.")] = 15.0,
) -> None:
    """Make utterances of recordings and of synthesised questions."""
    from hotpin import settings
    from hotpin.tts.hibari import HibariTts

    given = settings.load({"tts.engine": "hibari", "tts.voice": ""})
    people = list(_usable(clips.with_words(clips.read(recordings, longest), given)))
    number = utterances.save(out, [*people, *utterances.synthesise(HibariTts(given))])
    unfinished = sum(utterance.unfinished for utterance in people)
    typer.echo(f"{number} utterances in {out}: {len(people)} of people, of which {unfinished} unfinished", err=True)


def _usable(given: Iterator[Clip]) -> Iterator[Utterance]:
    for clip in given:
        try:
            yield whole(clip)
        except AudioError as error:
            typer.echo(f"{clip.name} is left out: {error}", err=True)


if __name__ == "__main__":
    typer.run(main)
