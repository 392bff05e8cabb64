"""The measures themselves: what a tape tells, how far a reply came, what stands in a table."""

import numpy as np
import pytest
import typer

from hotpin.audio.frame import CAPTURE_RATE
from hotpin.bench import words
from tests.live.__main__ import room_of
from tests.live.figures import Findings, percentile
from tests.live.material import Clip, made_noises
from tests.live.rig import Echo
from tests.live.scripted import STORY
from tests.live.sound import Take
from tests.live.stand import words_heard


def take(*pieces: tuple[float, int]) -> Take:
    """Pieces of sound, each so many seconds at one value; the tape begins at 100 s."""
    samples = [np.full(round(seconds * CAPTURE_RATE), value, np.int16) for seconds, value in pieces]
    return Take(np.concatenate(samples), 100.0)


def test_a_tape_tells_when_there_was_sound() -> None:
    heard = take((0.5, 0), (1.0, 5000), (0.2, 3), (0.3, -5000), (1.0, 0))
    assert heard.first_sound == pytest.approx(100.5)
    assert heard.last_sound == pytest.approx(102.0, abs=0.001)
    assert heard.gaps(0.3) == []
    assert heard.gaps(0.1) == [pytest.approx((101.5, 101.7), abs=0.001)]


def test_a_silent_tape_has_no_sound() -> None:
    silent = take((1.0, 50))
    assert (silent.first_sound, silent.last_sound, silent.gaps(0.0)) == (None, None, [])


@pytest.mark.parametrize("count", [1, 7, 30, 100])
def test_the_last_words_tell_how_far_a_reply_came(count: int) -> None:
    played = words.normalised(STORY)[:count][-12:]
    assert words_heard(STORY, " ".join(played)) == count


def test_a_word_misunderstood_on_the_way_does_not_move_the_place() -> None:
    assert words_heard(STORY, "rode his clean boat out between the rocks") == 24


def test_what_a_recogniser_makes_up_after_a_cut_was_not_played() -> None:
    assert words_heard(STORY, "rode his green boat out between the water was dry") == 23


def test_of_nothing_nothing_was_heard() -> None:
    assert words_heard(STORY, "") == 0


def test_a_clip_knows_where_its_sound_begins() -> None:
    samples = take((0.25, 0), (0.5, 900)).samples
    assert Clip("click", samples).first_sound == pytest.approx(0.25)


def test_coughs_and_doors_are_short_and_differ() -> None:
    noises = made_noises()
    assert len({noise.samples.tobytes() for noise in noises}) == len(noises) == 6
    assert all(0.3 < noise.seconds < 0.8 and np.abs(noise.samples).max() > 3000 for noise in noises)


def test_a_percentile_leaves_out_what_is_missing() -> None:
    assert percentile([None, 1.0, 3.0], 50) == 2.0
    assert percentile([None], 50) is None


def test_a_table_shows_the_summary_and_every_row() -> None:
    lines = Findings("noise", {"times": 2}, [{"name": "door", "back": None}, {"name": "cough", "back": True}]).table()
    assert lines.splitlines() == ["noise: times 2", "name   back", "door   -", "cough  yes"]


def test_a_room_is_read() -> None:
    assert room_of("-6,60") == Echo(-6, 60)
    assert room_of("0,150,clipped") == Echo(0, 150, clipped=True)
    with pytest.raises(typer.BadParameter, match="DB,MS"):
        room_of("0,150,loud")
