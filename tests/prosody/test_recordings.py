"""Real people: are whole sentences told from those that are cut at a word boundary?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hotpin import models, registry
from hotpin.audio import files
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.errors import ModelError
from hotpin.prosody.base import Prosody
from hotpin.settings import Settings
from hotpin.vad.silero import BLOCK_SAMPLES, SileroVad
from tests.conftest import choosing, skip_or_fail

SPEECH = Path(__file__).parents[3] / "shared" / "speech"

TONE_SAMPLES = CAPTURE_RATE // 10
SEARCH_SAMPLES = CAPTURE_RATE * 7 // 100
"""How far from where a recogniser puts a word's end its real end is looked for."""

CUTS = 4
"""Of one recording at most, so that long ones do not decide."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings in ../shared/speech are not here"),
]


@pytest.fixture
def smart_turn(settings: Settings) -> Iterator[Prosody]:
    engine = registry.build_prosody(choosing(settings, "turn", prosody="smart-turn"))
    assert engine is not None
    try:
        engine.load()
    except ModelError as error:
        skip_or_fail(str(error))
    yield engine
    engine.close()


def sentences() -> list[dict[str, Any]]:
    lines = (SPEECH / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    clips = [json.loads(line) for line in lines]
    return [
        clip
        for clip in clips
        if (clip["transcript"] or "").endswith((".", "?", "!"))
        and clip["language"] == "en"
        and "variant_of" not in clip
    ]


def loudness(sound: Samples) -> float:
    return float(np.mean(sound.astype(np.float64) ** 2))


def room_tone(sound: Samples, samples: int) -> Samples:
    """Give the recording's quietest stretch, to and fro."""
    starts = range(0, len(sound) - TONE_SAMPLES, TONE_SAMPLES // 4)
    quietest = min(starts, key=lambda start: loudness(sound[start : start + TONE_SAMPLES]))
    tone = sound[quietest : quietest + TONE_SAMPLES]
    return np.resize(np.concatenate([tone, tone[::-1]]), samples)


def speech(vad: SileroVad, sound: Samples) -> tuple[int, int]:
    """Give where speech begins, with a little before it, and where it ends."""
    detector = vad.fork()
    starts = range(0, len(sound) - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    spoken = [at for at in starts if detector.probability(Frame(sound[at : at + BLOCK_SAMPLES])) > 0.5]
    return max(0, spoken[0] - TONE_SAMPLES), spoken[-1] + BLOCK_SAMPLES


def word_end(sound: Samples, seconds: float) -> int:
    """Give the quietest place near where a recogniser puts it."""
    about = min(int(seconds * CAPTURE_RATE), len(sound))
    places = range(max(160, about - SEARCH_SAMPLES), min(len(sound), about + SEARCH_SAMPLES) - 159, 160)
    return min(places, key=lambda place: loudness(sound[place - 160 : place + 160]), default=about)


def auc(higher: list[float], lower: list[float]) -> float:
    """Give the probability that one of ``higher`` is above one of ``lower``."""
    difference = np.subtract.outer(higher, lower)
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def test_whole_sentences_are_told_from_those_that_are_cut(smart_turn: Prosody, settings: Settings) -> None:
    from faster_whisper import WhisperModel

    folder = models.resolve(settings, "stt", "whisper-base")
    recogniser = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)
    vad = SileroVad()
    vad.load()
    found: dict[float, tuple[list[float], list[float]]] = {0.1: ([], []), 0.3: ([], [])}
    for clip in sentences():
        sound = np.concatenate([frame.samples for frame in files.read(SPEECH / clip["file"])])
        start, end = speech(vad, sound)
        segments, _ = recogniser.transcribe(
            str(SPEECH / clip["file"]), language="en", beam_size=1, word_timestamps=True
        )
        inner = [word for segment in segments for word in segment.words or ()][:-1]
        inner = [
            word for word in inner if not word.word.endswith((".", "?", "!")) and word.end > start / CAPTURE_RATE + 0.4
        ]
        cuts = [word_end(sound, word.end) for word in inner[:: len(inner) // CUTS + 1]]
        for pause, (whole, cut) in found.items():
            silence = room_tone(sound, int(pause * CAPTURE_RATE))
            whole.append(smart_turn.finished(np.concatenate([sound[start:end], silence])))
            cut += [smart_turn.finished(np.concatenate([sound[start:place], silence])) for place in cuts]
    for pause, (whole, cut) in found.items():
        print(
            f"{len(whole)} sentences, {len(cut)} cut, {pause} s of silence after them: AUC {auc(whole, cut):.2f}, "
            f"taken as finished {np.mean(np.array(whole) > 0.5):.0%} and {np.mean(np.array(cut) > 0.5):.0%}"
        )
    whole, cut = found[0.1]
    assert len(whole) > 30
    assert len(cut) > 80
    assert auc(whole, cut) > 0.72
