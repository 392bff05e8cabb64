"""Utterances with a pause before their end, made of recordings."""

import json
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.bench import utterances
from hotpin.bench.clips import SHORTEST_PAUSE, Clip
from hotpin.bench.pauses import LONGEST_PAUSE, make, quietest_point, with_pause
from hotpin.errors import AudioError
from tests.bench.noise import HUM, LOUD, SPOKEN, sound

TWO_WORDS = Clip("two", SPOKEN, "two words")


def test_the_pause_is_where_it_was_asked_for_and_as_long() -> None:
    made = with_pause(TWO_WORDS, 0.95, 0.7)
    assert len(made.pauses) == 1
    start, end = made.pauses[0]
    assert start == pytest.approx(0.9, abs=0.02)
    assert end == pytest.approx(0.94 + 0.7, abs=0.02)
    quiet = made.samples[round(start * CAPTURE_RATE) : round(end * CAPTURE_RATE)].astype(float)
    assert 0.5 * HUM < np.sqrt(np.mean(quiet**2)) < 2 * HUM


def test_the_end_of_speech_is_found_in_the_sound_and_a_little_is_kept_after_it() -> None:
    made = with_pause(TWO_WORDS, 0.92, 0.5)
    assert made.speech_end == pytest.approx(1.54 + 0.5, abs=0.02)
    assert len(made.samples) / CAPTURE_RATE == pytest.approx(made.speech_end + 0.3, abs=0.02)


def test_a_clip_that_ends_with_its_last_word_gets_room_tone_behind_it() -> None:
    made = with_pause(Clip("short", SPOKEN[: round(1.54 * CAPTURE_RATE)], "two words"), 0.92, 0.5)
    assert len(made.samples) / CAPTURE_RATE == pytest.approx(1.54 + 0.5 + 0.3, abs=0.02)
    tail = made.samples[-round(0.25 * CAPTURE_RATE) :].astype(float)
    assert 0.5 * HUM < np.sqrt(np.mean(tail**2)) < 2 * HUM


def test_a_noise_after_the_last_word_is_not_speech() -> None:
    knock = np.concatenate([SPOKEN, sound((0.3, HUM), (0.05, LOUD), (0.3, HUM))])
    assert with_pause(Clip("knock", knock, "two words"), 0.92, 0.5).speech_end == pytest.approx(2.39 + 0.5, abs=0.02)
    made = with_pause(Clip("knock", knock, "two words", last_word=1.4), 0.92, 0.5)
    assert made.speech_end == pytest.approx(1.54 + 0.5, abs=0.02)


def test_pauses_of_the_speaker_stay_and_are_told() -> None:
    speaker = sound((0.3, HUM), (0.5, LOUD), (0.6, HUM), (0.5, LOUD), (0.04, HUM), (0.5, LOUD), (0.3, HUM))
    made = with_pause(Clip("slow", speaker, "words"), 1.92, 0.4)
    assert [pytest.approx(pause, abs=0.03) for pause in [(0.8, 1.4), (1.9, 2.34)]] == list(made.pauses)


def test_a_pause_put_into_a_pause_makes_it_longer() -> None:
    speaker = sound((0.3, HUM), (0.5, LOUD), (0.6, HUM), (0.5, LOUD), (0.3, HUM))
    made = with_pause(Clip("slow", speaker, "words"), 1.1, 0.4)
    assert list(made.pauses) == [pytest.approx((0.8, 1.8), abs=0.03)]


def test_pauses_are_no_longer_than_what_people_make_in_the_middle_of_a_sentence() -> None:
    speaker = sound((0.3, HUM), (0.5, LOUD), (0.6, HUM), (0.5, LOUD), (0.3, HUM))
    with pytest.raises(AudioError, match="be longer than"):
        with_pause(Clip("slow", speaker, "words"), 1.1, 0.8)


def test_the_cut_is_made_where_it_is_quietest() -> None:
    assert quietest_point(SPOKEN, 0.98) / CAPTURE_RATE == pytest.approx(0.92, abs=0.02)
    with pytest.raises(AudioError, match="ends before 9"):
        quietest_point(SPOKEN, 9.0)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (sound((2.0, LOUD)), "no quiet moment"),
        (sound((0.1, LOUD)), "too short"),
        (sound((0.5, LOUD), (1.5, HUM)), "both sides"),
        (sound((0.5, LOUD), (0.6, HUM), (0.1, LOUD), (0.8, HUM)), "both sides"),
    ],
)
def test_a_recording_that_cannot_be_used_is_refused(samples: Samples, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        with_pause(Clip("useless", samples, ""), 1.0, 0.5)


def test_a_clip_in_which_no_word_was_found_is_refused() -> None:
    with pytest.raises(AudioError, match="nothing is said"):
        with_pause(Clip("late", np.concatenate([sound((1.0, HUM)), SPOKEN]), "", last_word=0.2), 0.1, 0.5)


def test_the_same_seed_makes_the_same_utterances_and_every_clip_has_its_turn() -> None:
    recordings = [
        Clip("a", SPOKEN, "a", gaps=(0.9, 0.92)),
        Clip("b", SPOKEN, "b", gaps=(0.92,)),
        Clip("c", sound((2.0, LOUD)), "c", gaps=(1.0,)),
    ]
    made = [(paused.name, paused.speech_end) for paused in make(recordings, 10, seed=5)]
    assert [name for name, _ in made] == ["a", "b", "a"]
    assert made == [(paused.name, paused.speech_end) for paused in make(recordings, 10, seed=5)]
    assert made != [(paused.name, paused.speech_end) for paused in make(recordings, 10, seed=6)]
    assert len(list(make(recordings, 2, seed=5))) == 2
    for paused in make(recordings, 10, seed=7):
        assert SHORTEST_PAUSE <= paused.pauses[0][1] - paused.pauses[0][0] <= LONGEST_PAUSE + 0.06


def test_the_benchmark_reads_what_was_made(tmp_path: Path) -> None:
    made = with_pause(TWO_WORDS, 0.92, 0.5)
    assert utterances.save(tmp_path, [made]) == 1
    (read,) = utterances.load(tmp_path)
    assert (read.name, read.text, read.speech_end) == ("001", made.text, made.speech_end)
    assert list(read.pauses) == [pytest.approx(pause, abs=0.001) for pause in made.pauses]
    assert json.loads((tmp_path / "001.json").read_text(encoding="utf-8"))["source"] == "two"
