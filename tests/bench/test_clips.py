"""Recordings of people: which suit, and where in them somebody speaks."""

import json
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE
from hotpin.bench import clips, utterances
from hotpin.bench.clips import TRAILING_SECONDS, Clip, Speech
from hotpin.bench.mixed import whole
from hotpin.errors import AudioError
from tests.bench.noise import HUM, LOUD, SPOKEN, sound

GOOD = {
    "id": "good",
    "file": "good.wav",
    "language": "en",
    "speaker_kind": "human",
    "transcript": "One two three four.",
    "words": "one two three four",
}


def test_only_what_people_say_in_english_is_taken(tmp_path: Path) -> None:
    (tmp_path / "good.wav").write_bytes(wav_bytes(SPOKEN, CAPTURE_RATE))
    others = [
        {**GOOD, "language": "ko"},
        {**GOOD, "speaker_kind": "synthetic"},
        {**GOOD, "words": "only three words"},
        {**GOOD, "variant_of": "good"},
    ]
    lines = [json.dumps(clip) for clip in (GOOD, *others)]
    (tmp_path / "manifest.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert [(clip.name, clip.text) for clip in clips.read(tmp_path, 10.0, 4)] == [("good", "One two three four.")]
    assert [clip.text for clip in clips.read(tmp_path, 10.0)] == ["One two three four."] * 2
    assert list(clips.read(tmp_path, 1.0)) == []


@pytest.mark.parametrize("text", [None, "no JSON"])
def test_a_folder_without_a_list_of_clips_is_named(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "manifest.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(AudioError, match=r"manifest\.jsonl.* cannot be read"):
        list(clips.read(tmp_path, 10.0))


def test_speech_is_found_in_the_sound() -> None:
    speech = Speech.of(Clip("two", SPOKEN, "two words"))
    assert speech.start == pytest.approx(0.4, abs=0.02)
    assert speech.end / CAPTURE_RATE == pytest.approx(1.54, abs=0.02)


def test_a_clip_is_taken_whole_with_its_own_pauses_and_a_little_silence_after_it() -> None:
    speaker = sound((0.3, HUM), (0.5, LOUD), (0.6, HUM), (0.5, LOUD), (0.1, HUM))
    made = whole(Clip("slow", speaker, "Two words."))
    assert made.speech_end == pytest.approx(1.9, abs=0.02)
    assert made.seconds == pytest.approx(made.speech_end + TRAILING_SECONDS, abs=0.001)
    assert list(made.pauses) == [pytest.approx((0.8, 1.4), abs=0.03)]
    np.testing.assert_array_equal(made.samples[: len(speaker)], speaker)


@pytest.mark.parametrize(
    ("text", "unfinished"),
    [
        ("What time is it?", False),
        ("He said, “No.”", False),
        ("Launch Firefox. ", False),
        ("He was not an ill-disposed young man,", True),
        ("one zero zero", True),
        ("still more respectable than he was:", True),
    ],
)
def test_what_does_not_end_a_sentence_is_unfinished(text: str, unfinished: bool) -> None:
    assert whole(Clip("clip", SPOKEN, text)).unfinished is unfinished


def test_what_is_saved_is_read_as_it_was(tmp_path: Path) -> None:
    made = [whole(Clip("a", SPOKEN, "One,")), whole(Clip("b", SPOKEN[: round(1.6 * CAPTURE_RATE)], "Two."))]
    assert utterances.save(tmp_path / "new", made) == 2
    for number, (before, after) in enumerate(zip(made, utterances.load(tmp_path / "new"), strict=True), 1):
        assert after.name == f"{number:03}"
        assert (after.text, after.unfinished) == (before.text, before.unfinished)
        assert after.speech_end == pytest.approx(before.speech_end, abs=0.001)
        np.testing.assert_array_equal(after.samples, before.samples)


def test_a_clip_that_does_not_tell_where_its_speech_ends_is_refused() -> None:
    with pytest.raises(AudioError, match="no quiet moment"):
        whole(Clip("loud", sound((2.0, LOUD)), "Words."))
