"""Vosk's small Korean model on recordings: words while they are spoken, letters wrong, speed, no words in noise."""

from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from hotpin.audio import files
from hotpin.audio.frame import CAPTURE_RATE, Frame
from hotpin.bench import words
from hotpin.stt.base import Stt
from tests.conftest import Loaded
from tests.stt.test_recordings import SPEECH, clips

PRE_ROLL = Frame(np.zeros(CAPTURE_RATE // 2, np.int16))
"""What a conversation keeps before the first speech."""

MAX_ERRORS = 0.6
"""Per letter, over all clips: 0.38 was measured, of only 24 letters."""

MAX_REAL_TIME_FACTOR = 0.6

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings in ../shared/speech are not here"),
]


@pytest.fixture(scope="module")
def vosk(loaded: Loaded) -> Stt:
    return loaded.stt("vosk")


def letters(text: str) -> list[str]:
    """Korean is written with and without spaces between the same syllables: only those count."""
    return [letter for letter in text if letter.isalnum()]


def transcribe(stt: Stt, path: Path) -> tuple[str, list[str], float, float]:
    """Return the text, the partial texts while it was fed, and the seconds it took in all and after the end."""
    frames = [PRE_ROLL, *files.read(path)]
    began = perf_counter()
    stream = stt.stream()
    partials = [""]
    for frame in frames:
        stream.feed(frame)
        partial = stream.partial()
        if partial is not None:
            partials.append(partial.text)
    fed = perf_counter()
    text = stream.finish().text
    done = perf_counter()
    return text, [later for earlier, later in pairwise(partials) if later != earlier], done - began, done - fed


def test_korean_is_understood_while_it_is_spoken(vosk: Stt) -> None:
    chosen = [clip for clip in clips() if clip["language"] == "ko"]
    assert len(chosen) >= 2
    wrong = total = 0
    found = []
    for clip in chosen:
        text, partials, seconds, after = transcribe(vosk, SPEECH / clip["file"])
        reference = letters(clip["transcript"])
        errors = words.errors(reference, letters(text))
        wrong, total = wrong + errors, total + len(reference)
        factor = seconds / (clip["seconds"] + PRE_ROLL.seconds)
        found.append(
            f"{clip['id']}: {text!r}, {errors}/{len(reference)} letters wrong, {len(partials)} partial texts, "
            f"real-time factor {factor:.3f}, {1000 * after:.0f} ms after the end"
        )
        print(found[-1])
        assert partials, found
        assert factor <= MAX_REAL_TIME_FACTOR, found
    print(f"character error rate {wrong / total:.3f}")
    assert wrong / total <= MAX_ERRORS, found


@pytest.mark.parametrize("clip", [clip for clip in clips() if clip["speaker_kind"] == "noise"], ids=lambda c: c["id"])
def test_noise_music_and_silence_hold_no_words(vosk: Stt, clip: dict[str, Any]) -> None:
    text, partials, _, _ = transcribe(vosk, SPEECH / clip["file"])
    assert (text, partials) == ("", [])
